"""Schemas and conversions of arrays, and the markers of arrays that were not sent."""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Callable
from typing import Any, Final

from headrace.data import Schema, SchemaBuilder
from headrace.data.unchanged import UnchangedList, unchanged_value
from headrace.errors import DataException
from headrace.sources.postgres.types import texts
from headrace.sources.postgres.types.modes import Modes
from headrace.sources.postgres.types.registry import ResolvedType
from headrace.sources.postgres.types.type_plan import TypePlan

logger = logging.getLogger(__name__)

_NO_ARRAYS_OF: Final = frozenset(["money", "name", "interval", "varbit", "bit", "xml", "point", "refcursor"])
"""Left out, whatever include.unknown.datatypes says."""
_MAY_HOLD_NULL: Final = frozenset([
    "bool", "int2", "int4", "int8", "oid", "float4", "float8", "numeric", "char", "varchar", "text", "bpchar",
    "inet", "cidr", "macaddr", "macaddr8", "uuid", "json", "jsonb", "date", "time", "timetz", "timestamp",
    "timestamptz", "bytea", "tsrange", "tstzrange", "daterange", "int4range", "numrange", "int8range", "hstore",
    "citext", "ltree", "geometry", "geography",
])  # fmt: skip
"""Element types whose schema in an array is optional; of all others NULL elements cannot be carried."""


def array_plan(
    element: ResolvedType,
    modes: Modes,
    plan: Callable[[ResolvedType], TypePlan | None],
    opaque: Callable[[], TypePlan] | None,
) -> TypePlan | None:
    """The plan of an array of `element`, None when it is not carried over. `plan` gives the element's, `opaque` that of an element
    which is not supported, None to leave such arrays out."""
    if element.name in _NO_ARRAYS_OF and not element.is_domain:
        return None
    # Elements under a domain have no schema of their own in the original.
    own = not element.is_domain and element.element is None
    inner = plan(element) if own else None
    if inner is None:
        if opaque is None:
            return None
        inner = opaque()
    made = inner
    holds_null = element.name in _MAY_HOLD_NULL and not element.is_domain

    def builder() -> SchemaBuilder:
        schema = made.builder()
        return SchemaBuilder.array((schema.optional() if holds_null else schema).build())

    whole = builder().build()
    prototype = whole.value_schema
    assert prototype is not None
    convert = _converter(element, made.parser(prototype), holds_null)
    bound = f"{'array' if own else 'domains'}_{element.oid}_{element.typmod if element.typmod >= 0 else 'any'}"
    return TypePlan(
        builder,
        f"{bound}(x.decode())",
        f"{bound}(x)",
        {bound: convert},
        lambda schema: [],
        _array_marker(element, whole, modes),
        native=None if made.native is None or element.name == "box" else ("array", made.native, holds_null),
    )


def _converter(element: ResolvedType, parse: Callable[[str], Any], holds_null: bool) -> Callable[[str], list[Any]]:
    delimiter = ";" if element.name == "box" else ","
    told: list[bool] = []

    def convert(text: str) -> list[Any]:
        if text.startswith("{{") and not told:
            told.append(True)
            logger.warning(
                "An array of %s has several dimensions; Connect's arrays have one: the elements are given one after the other.",
                element.declared,
            )
        items = texts.array_items(text, delimiter)
        if not holds_null and None in items:
            raise DataException(
                f"An array of {element.declared} holds NULL, which its schema does not allow.",
                code="ARRAY_ELEMENT_NULL",
                field="column.exclude.list",
                remedy="Leave the column out, or keep NULL out of the array.",
            )
        return [None if item is None else parse(item) for item in items]

    return convert


def _array_marker(element: ResolvedType, schema: Schema, modes: Modes) -> UnchangedList:
    if element.name == "uuid":
        digest = hashlib.md5(modes.placeholder, usedforsecurity=False).digest()
        return UnchangedList([str(uuid.UUID(bytes=digest, version=3))])
    mark = unchanged_value(schema, modes.placeholder)
    # Of an element that no placeholder fits: an empty list, still told apart by its class.
    return mark if isinstance(mark, UnchangedList) else UnchangedList()
