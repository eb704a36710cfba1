"""Types by oid: what a column's oid and modifier mean once domains, arrays and enums are looked through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from headrace.errors import DataException
from headrace.systems.postgres.introspect import TypeInfo

Lookup = Callable[[Sequence[int]], Mapping[int, TypeInfo]]
"""Reads the types of those oids from the catalog; unknown ones are left out."""


class ResolvedType(NamedTuple):
    """`name`: pg_type.typname of the base type (below domains), `declared`: of the type as the column has it.

    `typmod`: the modifier in force, -1 for none. `labels`: of an enum. `element`: the resolved element of an array."""

    oid: int
    name: str
    declared: str
    schema: str
    typmod: int
    is_domain: bool
    labels: tuple[str, ...] | None
    element: ResolvedType | None


class TypeRegistry:
    """Caches what the catalog says; `forget` an oid when a value shows that it has changed."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._types: dict[int, TypeInfo] = {}
        self._open_enums: set[int] = set()

    def load(self, oids: Iterable[int]) -> None:
        """Read all that is not known yet, with what it is made of, in as few queries as it takes."""
        missing = {oid for oid in oids if oid and oid not in self._types}
        while missing:
            found = self._lookup(sorted(missing))
            self._types.update(found)
            parts = {part for info in found.values() for part in (info.base_oid, info.element_oid)}
            missing = {oid for oid in parts if oid and oid not in self._types}

    def forget(self, oid: int, *, open_ended: bool = False) -> None:
        """Read the type anew next time. `open_ended`: accept values the catalog does not list (labels since renamed)."""
        self._types.pop(oid, None)
        if open_ended:
            self._open_enums.add(oid)

    def is_open(self, oid: int) -> bool:
        """True when an enum's values must not be checked against its labels."""
        return oid in self._open_enums

    def resolve(self, oid: int, typmod: int) -> ResolvedType:
        """The type behind an oid. DataException PG_TYPE_UNKNOWN when the catalog has none (dropped meanwhile)."""
        self.load([oid])
        declared = self._types.get(oid)
        if declared is None:
            raise DataException(f"The catalog has no type with oid {oid}.", code="PG_TYPE_UNKNOWN")
        info = declared
        while info.kind == "d":
            typmod = info.base_typmod if info.base_typmod >= 0 else typmod
            info = self._types[info.base_oid]
        element = self.resolve(info.element_oid, typmod) if info.element_oid and info.category == "A" else None
        labels = info.labels if info.kind == "e" else None
        return ResolvedType(
            info.oid, info.name, declared.name, info.schema, typmod, info is not declared, labels, element
        )
