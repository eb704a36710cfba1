"""The rows of a chunk while its window is open: a change of the stream that the chunk does not have drops its row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headrace.data import SourceRecord, Struct
from headrace.data.unchanged import Unchanged
from headrace.sources.postgres.incremental.chunks import Chunk, Row
from headrace.sources.postgres.tables import TableCodec


class Window:
    """Rows by key, in the chunk's order. Rows of a table without key are kept by number: no change can be matched to them."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        key_of = chunk.codec.key_of
        self.rows: dict[Any, Row] = {}
        for number, row in enumerate(chunk.rows):
            key = key_of(row.values)
            self.rows[number if key is None else hashable(key.values)] = row
        self.dropped = 0

    def changed(self, records: Iterable[SourceRecord], xid: int, codec: TableCodec) -> list[Row]:
        """A change of the chunk's table by transaction `xid`, as the records it became. Answers the rows to hand out before it: those
        that the change does not bring whole, for it does not have their long values."""
        if self.chunk.snapshot.sees(xid):
            return []
        due = []
        for record in records:
            if record.key is None:
                continue
            row = self.rows.pop(hashable(record.key.values), None)
            if row is not None:
                self.dropped += 1
                if _lacks_values(record.value, codec):
                    due.append(row)
        return due

    def emptied(self, xid: int) -> None:
        """The table was truncated."""
        if not self.chunk.snapshot.sees(xid):
            self.dropped += len(self.rows)
            self.rows.clear()


def _lacks_values(envelope: Any, codec: TableCodec) -> bool:
    after = None if envelope is None else envelope.values[1]
    if after is None:
        return False
    shown = after.values
    return any(
        shown[slot] is mark or isinstance(shown[slot], Unchanged)
        for slot, mark in codec.toast_slots
        if slot < len(shown)
    )


def hashable(value: Any) -> Any:
    """A key's values as something that can be looked up: equal exactly when they are."""
    if isinstance(value, Struct):
        return tuple(map(hashable, value.values))
    if isinstance(value, list):
        return tuple(map(hashable, value))
    if isinstance(value, dict):
        return tuple(sorted((key, hashable(item)) for key, item in value.items()))
    # The server takes NaN for equal to itself.
    return "NaN" if isinstance(value, float) and value != value else value
