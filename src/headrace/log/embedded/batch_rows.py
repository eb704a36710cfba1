"""The rows of the index, a row a batch: its blob inline where it is small, else in a segment file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from headrace.log.embedded.batch_codec import encode_packed
from headrace.log.embedded.segment_files import SegmentFolder
from headrace.log.embedded.segment_writer import Blob, Place
from headrace.log.spi import EncodedBatch

_SELECT: Final = (
    "SELECT b.id, b.first_offset, b.count, b.bytes, b.data, s.name, p.position FROM batches b "
    "LEFT JOIN places p ON p.batch_id = b.id LEFT JOIN segments s ON s.id = p.segment_id WHERE "
)


class StoredBatch(NamedTuple):
    """A row. `id`: partition and last offset covered, see `tables.row_id`; `segment` is None where `data` is the blob."""

    id: int
    first_offset: int
    records: int
    size: int
    data: bytes
    segment: str | None
    position: int | None

    def blob(self, folder: SegmentFolder) -> bytes:
        """SegmentGone if the row was removed, with its segment, since it was read."""
        if self.segment is None or self.position is None:
            return self.data
        return folder.read(self.segment, self.position, self.size)


def encode(batch: EncodedBatch, *, compress: bool) -> Blob:
    """The blob of a batch that is packed; see `batch_codec.encode_packed`."""
    parts = encode_packed(batch, compress=compress)
    return Blob(parts, sum(map(len, parts)))


def stored_from(connection: sqlite3.Connection, first_id: int, end_id: int) -> Iterator[StoredBatch]:
    """The rows from one id up to another, in order."""
    rows = connection.execute(_SELECT + "b.id >= ? AND b.id < ? ORDER BY b.id", (first_id, end_id))
    return map(StoredBatch._make, rows)


def stored(connection: sqlite3.Connection, batch_id: int) -> StoredBatch | None:
    """One row, None if there is no such."""
    row = connection.execute(_SELECT + "b.id = ?", (batch_id,)).fetchone()
    return None if row is None else StoredBatch._make(row)


def insert(
    connection: sqlite3.Connection,
    batch_id: int,
    extent: tuple[int, int],
    now_ms: int,
    tombstones: bool,
    blob: Blob,
    place: Place | None,
) -> None:
    """A new row. `extent`: first offset and count of records; `place`: where the blob lies, None = inline."""
    data = b"" if place is not None else b"".join(blob.parts)
    connection.execute(
        "INSERT INTO batches (id, first_offset, count, appended_ms, bytes, tombstones, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (batch_id, *extent, now_ms, blob.size, int(tombstones), data),
    )
    _put_place(connection, batch_id, place, blob.size)


def replace(
    connection: sqlite3.Connection,
    batch_id: int,
    extent: tuple[int, int],
    tombstones: bool,
    blob: Blob,
    place: Place | None,
) -> None:
    """Other content for a row, as for `insert`; nothing if there is no such row any more."""
    data = b"" if place is not None else b"".join(blob.parts)
    cursor = connection.execute(
        "UPDATE batches SET first_offset = ?, count = ?, bytes = ?, tombstones = ?, data = ? WHERE id = ?",
        (*extent, blob.size, int(tombstones), data, batch_id),
    )
    if cursor.rowcount:
        connection.execute("DELETE FROM places WHERE batch_id = ?", (batch_id,))
        _put_place(connection, batch_id, place, blob.size)


def _put_place(connection: sqlite3.Connection, batch_id: int, place: Place | None, size: int) -> None:
    if place is not None:
        connection.execute("INSERT INTO places VALUES (?, ?, ?, ?)", (batch_id, *place, size))
