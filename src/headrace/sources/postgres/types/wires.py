"""The binary forms of types, by the names that the Rust core has for them (native/core/src/pg/binary.rs).

Only types of the server's own catalog, and enums: what an extension sends is its own affair. Left out are also types whose text does not
follow from their bytes alone, such as money, which has the form of a locale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from headrace.sources.postgres.types.registry import ResolvedType

_SAME: Final = (
    *("bool", "int2", "int4", "int8", "oid", "float4", "float8", "numeric", "bytea", "uuid", "jsonb", "point"),
    *("date", "time", "timetz", "timestamp", "timestamptz", "interval", "macaddr", "macaddr8"),
)
_WIRES: Final = {
    **{name: name for name in _SAME},
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "json"), "text"),
    "inet": "inet",
    "cidr": "inet",
    "bit": "bits",
    "varbit": "bits",
    "int4range": "range:int4",
    "int8range": "range:int8",
    "numrange": "range:numeric",
    "daterange": "range:date",
    "tsrange": "range:timestamp",
    "tstzrange": "range:timestamptz",
}
_VECTORS: Final = frozenset(["int2vector", "oidvector"])
"""Arrays by their bytes, but not by their texts."""
_INFINITE_INTERVALS: Final = 170_000


def wires_of(types: Sequence[ResolvedType], server_version: int) -> list[str] | None:
    """The binary forms of a row's values, None when one is not known."""
    wires = [wire_of(type, server_version) for type in types]
    known = [wire for wire in wires if wire is not None]
    return known if len(known) == len(wires) else None


def wire_of(type: ResolvedType, server_version: int) -> str | None:
    """The binary form of a type's values, None where it is not known. `server_version` as server_version_num."""
    if type.name in _VECTORS:
        return None
    if type.element is not None:
        element = wire_of(type.element, server_version)
        return None if element is None else f"array:{element}"
    if type.labels is not None:
        return "text"
    if type.schema != "pg_catalog":
        return None
    if type.name == "interval" and server_version < _INFINITE_INTERVALS:
        return "interval_finite"
    return _WIRES.get(type.name)
