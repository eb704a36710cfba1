"""References to a change event's fields as `add.fields` and `add.headers` write them: `op`, `source.ts_ms`, `lsn:position`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headrace.data import Schema, Type
from headrace.errors import ConfigException, DataException

if TYPE_CHECKING:
    from headrace.native._core import Column

Reader = Callable[[list[Any]], Any]
"""From the envelope's values to the referenced value."""
ColumnReader = Callable[[Sequence["Column"]], "Column"]
"""The same for the columns of envelopes that are all there."""


class Found(NamedTuple):
    """A field: its schema, and how to read it."""

    schema: Schema
    read: Reader
    column: ColumnReader


_ROOT: Final = frozenset({"op", "ts_ms", "ts_us", "ts_ns"})
_TRANSACTION: Final = frozenset({"id", "total_order", "data_collection_order"})


class FieldReference(NamedTuple):
    """`name`: what the added field or header is called. `struct`: where `field` is, None for the envelope itself."""

    name: str
    struct: str | None
    field: str

    def resolve(self, envelope: Schema) -> Found | None:
        """The field's schema and how to read it; None when the event has no such field. DataException when it has no such struct.

        A field missing in its struct is looked for in the envelope, where another transform may have put it.
        """
        parent = None
        if self.struct is not None:
            parent = envelope.field(self.struct)
            if parent is None or parent.schema.type is not Type.STRUCT:
                raise DataException(
                    f"The event has no struct '{self.struct}', of which '{self.name}' takes the field '{self.field}'."
                )
            inner = parent.schema.field(self.field)
            if inner is not None:
                return Found(inner.schema, *_nested(parent.index, inner.index))
        root = envelope.field(self.field)
        if root is None:
            return None
        if self.struct is not None and parent is not None:
            return Found(root.schema, *_beside(parent.index, root.index))
        return Found(root.schema, *_direct(root.index))


def _nested(outer: int, inner: int) -> tuple[Reader, ColumnReader]:
    def read(event: list[Any]) -> Any:
        struct = event[outer]
        return None if struct is None else struct.values[inner]

    return read, lambda events: events[outer].field(inner)


def _beside(struct: int, index: int) -> tuple[Reader, ColumnReader]:
    """Of an event without the struct there is no value, although the envelope has the field."""

    def read(event: list[Any]) -> Any:
        return None if event[struct] is None else event[index]

    return read, lambda events: events[index].within(events[struct].valid())


def _direct(index: int) -> tuple[Reader, ColumnReader]:
    def read(event: list[Any]) -> Any:
        return event[index]

    return read, lambda events: events[index]


def parse_references(items: Iterable[str], prefix: str, setting: str) -> list[FieldReference]:
    """The references of a list setting. ConfigException for one that has more than one `:` or is empty."""
    result = []
    for item in items:
        path, *renamed = item.strip().split(":")
        parts = path.split(".")
        if not path or len(renamed) > 1 or len(parts) > 2 or not all(parts) or renamed == [""]:
            raise ConfigException(
                f"Invalid value {item} for configuration {setting}: Unexpected field name",
                field=setting,
                remedy="Write field, struct.field, or either followed by :newname.",
            )
        field = parts[-1]
        struct = parts[0] if len(parts) == 2 else _home(field)
        name = renamed[0] if renamed else "_".join(parts)
        result.append(FieldReference(prefix + name, struct, field))
    return result


def _home(field: str) -> str | None:
    if field in _ROOT:
        return None
    return "transaction" if field in _TRANSACTION else "source"
