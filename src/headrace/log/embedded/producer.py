"""Appending: batches of many partitions and the source offsets beside them, in one commit."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from headrace.errors import ConnectException, DataException, NotFoundException
from headrace.foundation.failpoints import failpoint
from headrace.log.batch_slices import cut
from headrace.log.embedded import catalog
from headrace.log.embedded.batch_codec import packed
from headrace.log.embedded.batch_rows import encode, insert
from headrace.log.embedded.offset_rows import store_offset
from headrace.log.embedded.segment_writer import Blob, Place, SegmentWriter
from headrace.log.embedded.tables import row_id
from headrace.log.embedded.wake import TOPICS_CHANNEL, partition_channel
from headrace.log.offset_codec import canonical_key, parse_key
from headrace.log.spi import EncodedBatch, Producer, SourceOffsetEntry, TopicSpec
from headrace.spi.context import TopicPartition

if TYPE_CHECKING:
    from headrace.log.embedded.log import EmbeddedLog

_BLOB_BYTES = 4 << 20
"""Larger batches become several rows, so that a reader never has to hold more than about this at a time."""
_LARGEST_BLOB = 900 << 20


class EmbeddedProducer(Producer):
    """See `Producer`. With a `transactional_id` it takes the next epoch of that id when it is made."""

    def __init__(self, log: EmbeddedLog, client_id: str, transactional_id: str | None) -> None:
        self._log = log
        self._client_id = client_id
        self._transactional_id = transactional_id
        self._epoch = 0
        self._closed = False
        database = log.database
        self._writer = SegmentWriter(database.segments, database.segment_limit)
        if transactional_id is not None:
            with database.write() as connection:
                self._epoch = _next_epoch(connection, transactional_id)

    def prepare(self, batch: EncodedBatch) -> _Prepared:
        """As `Producer.prepare`: checked, packed, cut into rows and compressed."""
        whole = packed(batch)
        columns = (whole.timestamps, whole.keys, whole.values, whole.headers)
        return _Prepared(whole.topic, whole.partition, *columns, pieces=_pieces(whole, self._log.compress))

    def append(self, batches: Sequence[EncodedBatch], offsets: Sequence[SourceOffsetEntry] = ()) -> list[int]:
        if self._closed:
            raise ConnectException("The producer is closed.", code="PRODUCER_CLOSED")
        # A child of a fork must not write to the parent's segment.
        self._log.database.check()
        prepared = [batch if isinstance(batch, _Prepared) else self.prepare(batch) for batch in batches]
        entries = [(*_offset_identity(entry.key), entry.key, entry.value) for entry in offsets]
        blobs = [piece.blob for batch in prepared for piece in batch.pieces]
        with (
            self._writer.staged(blobs) as staged,
            self._log.writing(bulk=True) as (connection, topics),
            staged.places(connection) as places,
        ):
            if any(places):
                self._log.database.check_quota(connection)
            self._check_epoch(connection)
            created = self._create_missing(connection, topics, batches)
            firsts: list[int] = []
            appended: dict[int, None] = {}
            now = time.time_ns() // 1_000_000
            where = iter(places)
            for batch in prepared:
                part_id = topics.require(TopicPartition(batch.topic, batch.partition))
                firsts.append(_insert(connection, part_id, batch.pieces, where, now))
                appended[part_id] = None
                topic = topics.get(batch.topic)
                if topic is not None and topic.config.compact and batch.keys.has_null:
                    raise _key_required(batch)
            for entry in entries:
                store_offset(connection, *entry)
            failpoint("log.before_commit")
        failpoint("log.after_commit")
        channels = [partition_channel(part_id) for part_id in appended]
        self._log.wakes.notify([TOPICS_CHANNEL, *channels] if created else channels)
        return firsts

    def close(self) -> None:
        self._closed = True
        self._writer.close()

    def _check_epoch(self, connection: sqlite3.Connection) -> None:
        if self._transactional_id is None:
            return
        row = connection.execute(
            "SELECT epoch FROM producers WHERE transactional_id = ?", (self._transactional_id,)
        ).fetchone()
        if row is None or row[0] != self._epoch:
            raise ConnectException(
                f"Producer {self._client_id} with transactional id {self._transactional_id} was fenced by a later one.",
                code="PRODUCER_FENCED",
                remedy="Another instance of this task has started; this one must end.",
            )

    def _create_missing(
        self, connection: sqlite3.Connection, topics: catalog.Catalog, batches: Sequence[EncodedBatch]
    ) -> bool:
        missing = list(dict.fromkeys(batch.topic for batch in batches if topics.get(batch.topic) is None))
        if not missing:
            return False
        if not self._log.auto_create:
            raise NotFoundException(
                f"There is no topic {missing[0]} in the log, and topics are not created automatically.",
                code="TOPIC_UNKNOWN",
                field="log.embedded.auto.create",
                remedy="Create the topic, or set log.embedded.auto.create=true.",
            )
        partitions = self._log.default_partitions
        catalog.create(connection, catalog.check_specs([TopicSpec(name, partitions) for name in missing], partitions))
        topics.refresh(connection)
        return True


def _next_epoch(connection: sqlite3.Connection, transactional_id: str) -> int:
    connection.execute(
        "INSERT INTO producers VALUES (?, 1) ON CONFLICT (transactional_id) DO UPDATE SET epoch = epoch + 1",
        (transactional_id,),
    )
    epoch: int = connection.execute(
        "SELECT epoch FROM producers WHERE transactional_id = ?", (transactional_id,)
    ).fetchone()[0]
    return epoch


class _Piece(NamedTuple):
    """What becomes a row. `tombstones`: whether a value is null."""

    records: int
    blob: Blob
    tombstones: bool


@dataclass(slots=True)
class _Prepared(EncodedBatch):
    """A batch, and the rows it becomes."""

    pieces: list[_Piece] = field(default_factory=list)


def _pieces(batch: EncodedBatch, compress: bool) -> list[_Piece]:
    """The rows this batch becomes; none for an empty batch."""
    count = len(batch.timestamps)
    if count == 0:
        return []
    if batch.offsets is not None:
        batch = EncodedBatch(batch.topic, batch.partition, batch.timestamps, batch.keys, batch.values, batch.headers)
    rows = min(-(-(batch.keys.size + batch.values.size) // _BLOB_BYTES), count)
    if rows > 1:
        edges = [count * row // rows for row in range(rows + 1)]
        return [piece for start, stop in pairwise(edges) for piece in _pieces(cut(batch, start, stop), compress)]
    blob = encode(batch, compress=compress)
    if blob.size > _LARGEST_BLOB:
        raise DataException(
            f"A record of {blob.size} bytes for {batch.topic}-{batch.partition} is too large for the log.",
            code="RECORD_TOO_LARGE",
        )
    return [_Piece(count, blob, batch.values.has_null)]


def _insert(
    connection: sqlite3.Connection, part_id: int, pieces: list[_Piece], places: Iterator[Place | None], now_ms: int
) -> int:
    """Add the rows, each taking the next of `places`; the first offset."""
    first: int = connection.execute("SELECT next_offset FROM parts WHERE id = ?", (part_id,)).fetchone()[0]
    offset = first
    for count, blob, tombstones in pieces:
        extent = (offset, count)
        offset += count
        insert(connection, row_id(part_id, offset - 1), extent, now_ms, tombstones, blob, next(places))
    if pieces:
        size = sum(piece.blob.size for piece in pieces)
        connection.execute("UPDATE parts SET next_offset = ?, bytes = bytes + ? WHERE id = ?", (offset, size, part_id))
    return first


@lru_cache(maxsize=4096)
def _offset_identity(key: bytes) -> tuple[bytes, str]:
    return canonical_key(key), parse_key(key)[0]


def _key_required(batch: EncodedBatch) -> DataException:
    return DataException(
        f"Topic {batch.topic} is compacted and takes no record without a key.",
        code="KEY_REQUIRED",
        remedy="Give the records a key, or set cleanup.policy=delete for the topic.",
    )
