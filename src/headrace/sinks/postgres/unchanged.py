"""Values that stand for "as it was before" (unchanged TOAST columns), and the column sources they are looked for in.

They come typed (`headrace.data.unchanged`) or, through a converter, as the placeholder in the form the column's type allows.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from headrace.data import Schema, Type
from headrace.data.unchanged import UnchangedBytes, UnchangedList, UnchangedMap, UnchangedText, unchanged_value


class FieldSource(NamedTuple):
    """A column and where its value is: in the key tuple ("k") or the row ("r"), at an index."""

    name: str
    place: str
    at: int
    schema: Schema


_UNCHANGED_TYPES: Final = (UnchangedText, UnchangedBytes, UnchangedList, UnchangedMap)


def unchanged_values(schema: Schema, placeholder: str) -> list[Any]:
    """What stands for "unchanged" in a field of that schema, after a converter; empty when nothing can."""
    raw = placeholder.encode()
    mark = unchanged_value(schema, raw)
    if mark is None:
        return []
    if schema.type is Type.ARRAY and schema.value_schema is not None and schema.value_schema.type is Type.STRING:
        digest = hashlib.md5(raw, usedforsecurity=False).digest()
        return [mark, [str(uuid.UUID(bytes=digest, version=3))]]
    return [mark]


def unchanged_test(fields: Sequence[FieldSource], placeholder: str) -> Callable[[list[Any]], bool] | None:
    """Compiled: whether a row has a value that stands for "unchanged"; None when its columns cannot."""
    namespace: dict[str, Any] = {"U": _UNCHANGED_TYPES}
    tests: list[str] = []
    for field in fields:
        marks = unchanged_values(field.schema, placeholder) if field.place == "r" else []
        for number, mark in enumerate(marks):
            name = f"m{field.at}_{number}"
            namespace[name] = mark
            tests.append(f"r[{field.at}]=={name}")
        if marks:
            tests.append(f"r[{field.at}].__class__ in U")
    if not tests:
        return None
    return eval(f"lambda r: {' or '.join(tests)}", namespace)  # type: ignore[no-any-return]


def unchanged_columns(fields: Sequence[FieldSource], row: list[Any], placeholder: str) -> frozenset[int]:
    """The positions in `fields` whose value in `row` stands for "unchanged"."""
    found = set()
    for position, field in enumerate(fields):
        if field.place != "r":
            continue
        value = row[field.at]
        if value.__class__ in _UNCHANGED_TYPES or value in unchanged_values(field.schema, placeholder):
            found.add(position)
    return frozenset(found)
