"""The embedded log: one folder, one SQLite file, any number of local processes."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from headrace.log.batch_slices import cut, join
from headrace.log.embedded import catalog as topic_catalog
from headrace.log.embedded import groups, maintenance
from headrace.log.embedded.catalog import Catalog
from headrace.log.embedded.consumer import EmbeddedConsumer
from headrace.log.embedded.database import Database
from headrace.log.embedded.fetcher import Extent, LastDecoded, extent, read_batches, reading_anew
from headrace.log.embedded.liveness import Liveness
from headrace.log.embedded.producer import EmbeddedProducer
from headrace.log.embedded.sqlite_errors import os_errors
from headrace.log.embedded.wake import TOPICS_CHANNEL, WakeBoard
from headrace.log.spi import FETCH_MAX_BYTES, Consumer, EncodedBatch, Log, Producer, TopicSpec
from headrace.spi.context import TopicPartition


class EmbeddedLog(Log):
    """See `Log`. `max_bytes`: quota of the data file, 0 for none; `default_partitions`: of topics created by an append;
    `compress`: what is appended is kept compressed, where that makes it smaller.

    `lock_timeout_s`: how long a writer waits for the others before it raises LOG_BUSY."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int = 0,
        default_partitions: int = 1,
        auto_create: bool = True,
        compress: bool = False,
        lock_timeout_s: float = 30.0,
    ) -> None:
        self.database = Database(folder, max_bytes, lock_timeout_s)
        with os_errors(self.database.file):
            self.wakes = WakeBoard(folder)
            self.liveness = Liveness(folder)
        self.default_partitions = default_partitions
        self.auto_create = auto_create
        self.compress = compress
        self._write_catalog = Catalog()
        self._read_catalog = Catalog()
        self._last_decoded = LastDecoded()
        self._maintaining = threading.Lock()
        self._consumers: weakref.WeakSet[EmbeddedConsumer] = weakref.WeakSet()

    @contextmanager
    def writing(self, *, bulk: bool = False) -> Iterator[tuple[sqlite3.Connection, Catalog]]:
        """A write transaction with the topics as they are in it; see `Database.write`."""
        try:
            with self.database.write(bulk=bulk) as connection:
                try:
                    self._write_catalog.refresh(connection)
                    yield connection, self._write_catalog
                except BaseException:
                    # Still under the lock: the next writer must not find topics that were rolled back.
                    self._write_catalog.forget()
                    raise
        except BaseException:
            # The commit itself may have failed.
            self._write_catalog.forget()
            raise

    @contextmanager
    def reading(self) -> Iterator[tuple[sqlite3.Connection, Catalog]]:
        """A read transaction with the topics as they are in it."""
        with self.database.read() as connection:
            self._read_catalog.refresh(connection)
            yield connection, self._read_catalog

    def producer(self, client_id: str, transactional_id: str | None = None) -> Producer:
        return EmbeddedProducer(self, client_id, transactional_id)

    def consumer(
        self,
        group: str,
        client_id: str,
        *,
        from_latest: bool = False,
        session_timeout_ms: int = 45_000,
        fetch_max_bytes: int = FETCH_MAX_BYTES,
    ) -> Consumer:
        self.database.check()
        with os_errors(self.database.file):
            consumer = EmbeddedConsumer(self, group, client_id, from_latest, session_timeout_ms, fetch_max_bytes)
        self._consumers.add(consumer)
        return consumer

    def create_topics(self, specs: Sequence[TopicSpec]) -> list[str]:
        """As `Log.create_topics`; ConfigException for a name, count or configuration that cannot be."""
        checked = topic_catalog.check_specs(specs, self.default_partitions)
        with self.writing() as (connection, _):
            created = topic_catalog.create(connection, checked)
        if created:
            self.wakes.notify([TOPICS_CHANNEL])
        return created

    def delete_topics(self, names: Sequence[str]) -> None:
        """As `Log.delete_topics`; names that do not exist are passed over. Their space comes back in steps."""
        with self.writing() as (connection, _):
            gone = topic_catalog.delete(connection, names)
        self.wakes.notify([TOPICS_CHANNEL])
        if gone:
            maintenance.collect_garbage(self)

    def topics(self) -> dict[str, int]:
        with self.reading() as (_, catalog):
            return {topic.name: len(topic.parts) for topic in catalog.topics().values()}

    def own_partitions(self, topic: str) -> int:
        """The default; where topics are not made by themselves the append says so."""
        return self.default_partitions

    def topic_ids(self, names: Iterable[str]) -> dict[str, str]:
        """As `Log.topic_ids`: the log's own random id and the topic's number, which is never used again."""
        with self.reading() as (connection, catalog):
            log_id = topic_catalog.log_id(connection)
            found = [catalog.get(name) for name in names]
        return {topic.name: f"{log_id}.{topic.id}" for topic in found if topic is not None}

    def begin_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset kept; partitions that do not exist are left out."""
        return {partition: bounds.begin for partition, bounds in self._extents(partitions).items()}

    def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset the next record gets; partitions that do not exist are left out."""
        return {partition: bounds.next for partition, bounds in self._extents(partitions).items()}

    def read(self, partition: TopicPartition, offset: int, max_records: int) -> EncodedBatch | None:
        """As `Log.read`; NotFoundException (PARTITION_UNKNOWN) if there is no such partition."""

        def read() -> list[EncodedBatch]:
            with self.reading() as (connection, catalog):
                part_id = catalog.require(partition)
                folder, last = self.database.segments, self._last_decoded
                return read_batches(connection, folder, part_id, partition, max(offset, 0), max_records, last)

        batches = reading_anew(read)
        if not batches or max_records <= 0:
            return None
        batch = join(batches)
        return cut(batch, 0, min(max_records, len(batch)))

    def group_offsets(self, group: str) -> dict[TopicPartition, int]:
        with self.reading() as (connection, catalog):
            stored = groups.positions(connection, group)
            return {
                TopicPartition(topic.name, number): stored[part_id]
                for topic in catalog.topics().values()
                for number, part_id in enumerate(topic.parts)
                if part_id in stored
            }

    def alter_group_offsets(self, group: str, offsets: Mapping[TopicPartition, int | None]) -> None:
        """As `Log.alter_group_offsets`; NotFoundException (PARTITION_UNKNOWN) if a partition does not exist."""
        with self.writing() as (connection, catalog):
            groups.require_no_members(connection, self.liveness, group)
            changes = {catalog.require(partition): offset for partition, offset in offsets.items()}
            groups.write_positions(connection, group, changes)

    def delete_group(self, group: str) -> None:
        with self.writing() as (connection, _):
            groups.require_no_members(connection, self.liveness, group)
            for table in ("group_offsets", "owners"):
                connection.execute(f"DELETE FROM {table} WHERE grp = ?", (group,))
            connection.execute("DELETE FROM groups WHERE name = ?", (group,))

    def maintain(self) -> dict[str, int]:
        """Remove what retention, compaction and deletions allow, in short steps; one process at a time does it."""
        self.database.check()
        with self._maintaining:
            return maintenance.maintain(self)

    def close(self) -> None:
        """Close all; consumers still open are gone without farewell, as if they had died."""
        for consumer in list(self._consumers):
            consumer.abandon()
        self.liveness.close()
        self.database.close()

    def _extents(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Extent]:
        with self.reading() as (connection, catalog):
            found = {p: extent(connection, part_id) for p, part_id in catalog.known(partitions).items()}
        return {partition: bounds for partition, bounds in found.items() if bounds is not None}
