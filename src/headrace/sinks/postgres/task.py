"""The sink task: every `put` is one target transaction, with the positions in it.

Bad records are found by halving the batch; a target that is away makes `put` raise RetriableException, and the same records
come again. See `positions` for why nothing is written twice.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError

from headrace.data import SinkRecord
from headrace.data.batch import Block, SinkBatch
from headrace.errors import ConnectException, DataException, HeadraceError, RetriableException, RetryClass
from headrace.sinks.postgres.block_batch import ends, portions, since
from headrace.sinks.postgres.block_segments import BlockSorter
from headrace.sinks.postgres.config import confluent_config, debezium_config, read_settings
from headrace.sinks.postgres.failures import Bad, as_bad_record, is_stale_plan, where
from headrace.sinks.postgres.positions import PositionTable, fenced
from headrace.sinks.postgres.routes import Routes
from headrace.sinks.postgres.segments import AnySegment, Segment, collect
from headrace.sinks.postgres.sorted_rows import NotNativeError, TableName
from headrace.sinks.postgres.writer import Writer
from headrace.spi.context import TopicPartition
from headrace.spi.sink import SinkTask
from headrace.systems.postgres import DatabaseError, map_error

_log = logging.getLogger(__name__)
OUTAGES = frozenset(
    ("PG_CONNECT_REFUSED", "PG_CONNECTION_LOST", "PG_SHUTDOWN", "PG_STARTING", "PG_TIMEOUT", "PG_TOO_MANY_CONNECTIONS")
)
"""Conditions that end by themselves: waited for without limit. Other retriable ones are tried max.retries times."""
REPORT_TIMEOUT_S = 60.0
_Ends = Mapping[TopicPartition, int] | Mapping[tuple[str, int], int]


class PostgresSinkTask(SinkTask):
    """Base of the task classes; `dialect` chooses the keys."""

    dialect = staticmethod(debezium_config)
    poll_records = 5000
    """A transaction of 500 rows costs both sides twice as much for each row as one of 5,000, and a larger one little less."""

    def start(self, props: Mapping[str, str]) -> None:
        self._settings = read_settings(self.dialect(), props)
        self._routes = Routes(self._settings)
        self._sorter = BlockSorter(self._routes, self._settings)
        self._positions = PositionTable(self._settings.offsets_table, self.context.connector_name)
        self._writer: Writer | None = None
        self._topic_ids: dict[str, str] = {}
        self._stored: dict[TopicPartition, int | None] = {}
        self._doubt: dict[TopicPartition, int] = {}
        self._failures = 0
        self._pending = False
        self._written = self.context.metrics.counter("headrace_postgres_sink_records_total")

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        """Read the stored positions. A target that is away is waited for in `put`: records below are skipped there too."""
        for partition in partitions:
            self._stored.pop(partition, None)
        for topic in {partition.topic for partition in partitions}:
            self._topic_ids[topic] = self.context.topic_id(topic)
        try:
            found = {
                p: offset for p, offset in self._known(partitions).items() if offset is not None and p in partitions
            }
        except RetriableException as error:
            _log.warning("positions are read later: %s", error)
            return
        if found:
            self.context.offset(found)

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            self._stored.pop(partition, None)
            self._doubt.pop(partition, None)

    def stop(self) -> None:
        if getattr(self, "_writer", None) is not None:
            self._disconnect()

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """All that `put` took is in the target; after a failed `put` only what the stored positions vouch for."""
        if not self._pending:
            return offsets
        known = {p: self._stored.get(p) for p in offsets}
        return {p: min(known_offset, offsets[p]) for p, known_offset in known.items() if known_offset is not None}

    def put(self, records: Sequence[SinkRecord]) -> None:
        if not records:
            return
        self._pending = True
        try:
            if isinstance(records, SinkBatch) and any(isinstance(part, Block) for part in records.parts):
                self._put_blocks(records)
            else:
                self._put_records(records)
        except (HeadraceError, DatabaseError) as error:
            self._failed(map_error(error, self._settings.target))
            raise AssertionError("unreachable") from error
        except BaseException:
            self._disconnect()
            raise
        self._failures = 0
        self._pending = False

    def _put_records(self, records: Sequence[SinkRecord]) -> None:
        floors = self._floors(
            {TopicPartition(r.original_topic, r.original_partition): r.original_offset + 1 for r in records}
        )
        fresh = [r for r in records if r.original_offset >= floors[(r.original_topic, r.original_partition)]]  # type: ignore[index]
        self._say_known(len(records), len(fresh))
        size = self._settings.batch_size
        for start in range(0, len(fresh), size):
            self._write(fresh[start : start + size] if len(fresh) > size else fresh)

    def _put_blocks(self, batch: SinkBatch) -> None:
        fresh = since(batch, self._floors(ends(batch)))
        self._say_known(len(batch), len(fresh))
        if len(fresh):
            for portion in portions(fresh, self._settings.batch_size):
                self._write_blocks(portion, set())

    def _floors(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The stored position of each partition, given the offsets behind the batch's last records. Of positions read only now: do
        not go through what lies below them, and hear of one that the topic has not reached."""
        late = ends.keys() - self._stored.keys()
        floors = {p: offset or 0 for p, offset in self._known(ends.keys()).items()}
        ahead = {p: floors[p] for p in late if floors[p] > ends[p]}
        if ahead:
            self.context.offset(ahead)
        return floors

    def _say_known(self, given: int, fresh: int) -> None:
        if fresh < given:
            _log.info("%d of %d records lie below the stored positions and were written before", given - fresh, given)

    def _failed(self, error: HeadraceError) -> None:
        """Raise what the framework is to see, after the connection that may be broken is given up."""
        self._disconnect()
        if error.retry_class is not RetryClass.RETRY:
            raise error
        if error.code not in OUTAGES:
            self._failures += 1
            if self._failures > self._settings.max_retries:
                raise ConnectException(
                    f"Given up after {self._settings.max_retries} retries: {error.message}",
                    code=error.code,
                    field=error.field,
                    remedy=error.remedy,
                )
        self.context.timeout(self._settings.retry_backoff_ms)
        if isinstance(error, RetriableException):
            raise error
        raise RetriableException(error.message, code=error.code, field=error.field, remedy=error.remedy)

    def _disconnect(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(DatabaseError):
                writer.close()

    def _connected(self) -> Writer:
        """The writer; a new one checks that nobody moved the positions meanwhile."""
        if self._writer is None:
            try:
                writer = Writer(self._settings, self._positions)
            except DatabaseError as error:
                raise map_error(error, self._settings.target) from error
            self._writer = writer
            try:
                self._verify(writer)
            except DatabaseError as error:
                raise map_error(error, self._settings.target) from error
        return self._writer

    def _verify(self, writer: Writer) -> None:
        """After a lost connection the last commit may or may not have happened; any other position is another writer's."""
        if not self._stored:
            return
        for partition, stored in writer.read_positions(self._stored, self._topic_ids).items():
            if stored != self._stored[partition] and stored != self._doubt.get(partition, self._stored[partition]):
                raise fenced([partition])
            self._stored[partition] = stored
        self._doubt.clear()

    def _known(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int | None]:
        """The stored positions, read from the target where not yet known."""
        writer = self._connected()
        unknown = [p for p in partitions if p not in self._stored]
        if unknown:
            for topic in {p.topic for p in unknown} - self._topic_ids.keys():
                self._topic_ids[topic] = self.context.topic_id(topic)
            try:
                self._stored |= writer.read_positions(unknown, self._topic_ids)
            except DatabaseError as error:
                self._disconnect()
                raise map_error(error, self._settings.target) from error
        return self._stored

    def _write(self, records: Sequence[SinkRecord], replanned: bool = False) -> None:
        """Write the records in one transaction, or in halves until the bad one stands alone."""
        segments: list[Segment] = []
        moves = {(r.original_topic, r.original_partition): r.original_offset + 1 for r in records}
        # What is done about a failure is done outside of `except`: each half would chain its parents' traces to its own.
        stale, bad = False, None
        try:
            segments = collect(records, self._routes, self._settings)
            self._commit(segments, moves)
        except Exception as error:
            stale = is_stale_plan(error) and not replanned
            bad = None if stale else as_bad_record(error)
            if bad is None and not stale:
                raise
        if stale:
            # A column or table changed under us: look at the target again, once.
            self._disconnect()
            self._write(records, replanned=True)
        elif bad is None:
            self._written(len(records))
        elif len(records) > 1:
            middle = len(records) // 2
            self._write(records[:middle])
            self._write(records[middle:])
        else:
            self._report(records[0], bad, segments)
            self._commit([], moves)

    def _write_blocks(self, batch: SinkBatch, refused: set[TableName], replanned: bool = False) -> None:
        """Write a batch with blocks in one transaction, what can be natively. `refused`: tables for which it cannot. What goes wrong
        with a record is for the records' way to find."""
        stale, bad = False, None
        try:
            segments = self._sorter.segments(batch, refused)
            self._commit(segments, ends(batch))
        except NotNativeError as error:
            self._sorter.declined(error.table)
            refused.add(error.table)
            stale = True
        except Exception as error:
            stale = is_stale_plan(error) and not replanned
            bad = None if stale else as_bad_record(error)
            if bad is None and not stale:
                raise
            if stale:
                self._disconnect()
                replanned = True
        if stale:
            self._write_blocks(batch, refused, replanned)
        elif bad is not None:
            self._write(list(batch))
        else:
            self._sorter.written(segments)
            self._written(len(batch))

    def _commit(self, segments: Sequence[AnySegment], ends: _Ends) -> None:
        writer = self._connected()
        moves = {TopicPartition(*p): (self._stored[TopicPartition(*p)], end) for p, end in ends.items()}
        after = {p: end for p, (_, end) in moves.items()}
        self._doubt = dict(after)
        writer.write(segments, moves, self._topic_ids)
        self._stored |= after
        self._doubt.clear()

    def _report(self, record: SinkRecord, bad: Bad, segments: list[Segment]) -> None:
        """Hand the record to the framework and wait until it is safe; DataException when nobody takes it."""
        column = bad.column or (self._writer and where(self._writer, segments)) or None
        error = DataException(
            f"Record {record.original_topic}-{record.original_partition}@{record.original_offset} cannot be written"
            f"{f', column {column}' if column else ''}: {bad.reason}",
            code=bad.code,
            field=bad.field,
            remedy=bad.remedy
            or "Correct the record or the target's table, or set errors.tolerance and a dead letter topic.",
        )
        reporter = self.context.errant_record_reporter()
        if reporter is None:
            raise error from bad.cause
        future = reporter.report(record, error)
        try:
            future.result(REPORT_TIMEOUT_S)
        except FutureTimeoutError:
            raise RetriableException(
                "The report of a bad record did not become durable in time.", code="SINK_REPORT_TIMEOUT"
            ) from None


class DebeziumSinkTask(PostgresSinkTask):
    """Task of the Debezium dialect."""


class ConfluentSinkTask(PostgresSinkTask):
    """Task of the Confluent dialect."""

    dialect = staticmethod(confluent_config)
