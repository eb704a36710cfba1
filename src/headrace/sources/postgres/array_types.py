"""Schemas and conversions of arrays, and the markers of arrays that were not sent."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from typing import Any, Final

from headrace.data import Schema, SchemaBuilder
from headrace.data.unchanged import UnchangedList, unchanged_value
from headrace.sources.postgres import texts
from headrace.sources.postgres.modes import Modes
from headrace.sources.postgres.registry import ResolvedType
from headrace.sources.postgres.type_plan import TypePlan

_NO_ARRAYS_OF: Final = frozenset(["money", "name", "interval", "varbit", "bit", "xml", "point", "refcursor", "vector"])


def array_plan(element: ResolvedType, modes: Modes, plan: Callable[[ResolvedType], TypePlan | None]) -> TypePlan | None:
    """The plan of an array of `element`, None when it is not carried over; `plan` gives the element's."""
    if element.name in _NO_ARRAYS_OF or element.is_domain or element.element is not None:
        return None
    inner = plan(element)
    if inner is None:
        return None

    def builder() -> SchemaBuilder:
        schema = inner.builder()
        return SchemaBuilder.array((schema if element.labels is not None else schema.optional()).build())

    whole = builder().build()
    prototype = whole.value_schema
    assert prototype is not None
    parse = inner.parser(prototype)

    def convert(text: str) -> list[Any]:
        return [None if item is None else parse(item) for item in texts.array_items(text)]

    bound = f"array_{element.oid}_{element.typmod if element.typmod >= 0 else 'any'}"
    return TypePlan(
        builder,
        f"{bound}(x.decode())",
        f"{bound}(x)",
        {bound: convert},
        lambda schema: [],
        _array_marker(element, whole, modes),
    )


def _array_marker(element: ResolvedType, schema: Schema, modes: Modes) -> UnchangedList:
    if element.name == "uuid":
        digest = hashlib.md5(modes.placeholder, usedforsecurity=False).digest()
        return UnchangedList([str(uuid.UUID(bytes=digest, version=3))])
    mark = unchanged_value(schema, modes.placeholder)
    # Of an element that no placeholder fits: an empty list, still told apart by its class.
    return mark if isinstance(mark, UnchangedList) else UnchangedList()
