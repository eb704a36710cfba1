"""A lane: one connection, and the partitions whose records go through it, in order. Bad records are found by halving a batch."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError

from headrace.data import SinkRecord
from headrace.data.batch import Block, SinkBatch
from headrace.errors import DataException, RetriableException
from headrace.sinks.postgres.block_batch import ends, portions, since
from headrace.sinks.postgres.block_segments import BlockSorter
from headrace.sinks.postgres.failures import Bad, as_bad_record, is_stale_plan, where
from headrace.sinks.postgres.routes import Routes
from headrace.sinks.postgres.segments import AnySegment, Segment, collect
from headrace.sinks.postgres.session import Ends, Session
from headrace.sinks.postgres.settings import SinkSettings
from headrace.sinks.postgres.sorted_rows import NotNativeError, TableName
from headrace.sinks.postgres.turns import TableTurns, is_conflict
from headrace.spi.context import SinkTaskContext, TopicPartition

_log = logging.getLogger(__name__)
REPORT_TIMEOUT_S = 60.0
MOST_DEADLOCKS = 5
"""So often in a row a transaction is begun again at once, when the server undid it for the sake of another one."""
Portion = Sequence[SinkRecord]


class Lane:
    """Only `advance` may be called while other lanes are at work; every method on one thread at a time."""

    def __init__(self, number: int, settings: SinkSettings, context: SinkTaskContext, turns: TableTurns) -> None:
        self._number = number
        self._settings = settings
        self._context = context
        self._turns = turns
        self.session = Session(number, settings, context, turns)
        self._routes = Routes(settings)
        self._sorter = BlockSorter(self._routes, settings)
        self.written = 0
        """Records so far."""

    def portions(self, records: Sequence[SinkRecord]) -> deque[Portion]:
        """What is to be written of the records, a transaction each: not what lies below the stored positions."""
        with self.session.own_connection():
            if isinstance(records, SinkBatch) and any(isinstance(part, Block) for part in records.parts):
                fresh: Sequence[SinkRecord] = since(records, self.session.floors(ends(records)))
            else:
                places = {
                    TopicPartition(r.original_topic, r.original_partition): r.original_offset + 1 for r in records
                }
                floors: Mapping[tuple[str, int], int] = self.session.floors(places)  # type: ignore[assignment]
                fresh = [r for r in records if r.original_offset >= floors[(r.original_topic, r.original_partition)]]
        if len(fresh) < len(records):
            left = len(records) - len(fresh)
            _log.info("%d of %d records lie below the stored positions and were written before", left, len(records))
        return deque(self._cut(fresh))

    def _cut(self, fresh: Sequence[SinkRecord]) -> Iterator[Portion]:
        size = self._settings.batch_size
        if isinstance(fresh, SinkBatch):
            yield from portions(fresh, size) if len(fresh) else ()
        else:
            for start in range(0, len(fresh), size):
                yield fresh[start : start + size] if len(fresh) > size else fresh

    def advance(self, left: deque[Portion]) -> None:
        """Write portions and take them out, up to the first with a record that cannot be written, or not yet: see `finish`.

        What `finish` raises but for that record."""
        with self.session.own_connection():
            while left and self._try(left[0])[0] is None:
                left.popleft()

    def finish(self, left: deque[Portion]) -> None:
        """Write all portions and take them out; report what cannot be written. Raises what is about something else than a record,
        with the connection given up, and DataException when nobody takes a report."""
        with self.session.own_connection():
            while left:
                portion = left[0]
                if isinstance(portion, SinkBatch):
                    if self._try(portion)[0] is not None:
                        self._write(list(portion))
                else:
                    self._write(portion)
                left.popleft()

    def _write(self, records: Sequence[SinkRecord]) -> None:
        """Write the records in one transaction, or in halves until the bad one stands alone."""
        bad, segments = self._try(records)
        if bad is None:
            return
        if len(records) > 1:
            middle = len(records) // 2
            self._write(records[:middle])
            self._write(records[middle:])
        else:
            self._report(records[0], bad, [segment for segment in segments if isinstance(segment, Segment)])
            self.session.commit([], _ends(records))

    def _try(self, portion: Portion) -> tuple[Bad | None, Sequence[AnySegment]]:
        """Write a portion in one transaction, what can be natively. What is wrong with a record of it, if so, when nothing was
        written; beside it what the records came to. Raises what is about something else."""
        refused: set[TableName] = set()
        replanned, deadlocks = False, 0
        while True:
            segments: Sequence[AnySegment] = []
            # What is done about a failure is done outside of `except`: what comes next would chain this trace to its own.
            try:
                if isinstance(portion, SinkBatch):
                    segments = self._sorter.segments(portion, refused)
                else:
                    segments = collect(portion, self._routes, self._settings)
                self.session.commit(segments, _ends(portion))
            except NotNativeError as error:
                self._sorter.declined(error.table)
                refused.add(error.table)
                continue
            except Exception as error:
                stale = is_stale_plan(error) and not replanned
                conflict = is_conflict(error) and deadlocks < MOST_DEADLOCKS
                bad = None if stale or conflict else as_bad_record(error)
                if bad is None and not stale and not conflict:
                    raise
            else:
                self._sorter.written(segments)
                self.written += len(portion)
                return None, segments
            if bad is not None:
                return bad, segments
            if stale:
                # A column or table changed under us: look at the target again, once.
                self.session.disconnect()
                replanned = True
            else:
                deadlocks += 1
                self._turns.met(self._number, {segment.table for segment in segments})

    def _report(self, record: SinkRecord, bad: Bad, segments: list[Segment]) -> None:
        """Hand the record to the framework and wait until it is safe; DataException when nobody takes it."""
        column = bad.column or (self.session.writer and where(self.session.writer, segments)) or None
        error = DataException(
            f"Record {record.original_topic}-{record.original_partition}@{record.original_offset} cannot be written"
            f"{f', column {column}' if column else ''}: {bad.reason}",
            code=bad.code,
            field=bad.field,
            remedy=bad.remedy
            or "Correct the record or the target's table, or set errors.tolerance and a dead letter topic.",
        )
        reporter = self._context.errant_record_reporter()
        if reporter is None:
            raise error from bad.cause
        future = reporter.report(record, error)
        try:
            future.result(REPORT_TIMEOUT_S)
        except FutureTimeoutError:
            raise RetriableException(
                "The report of a bad record did not become durable in time.", code="SINK_REPORT_TIMEOUT"
            ) from None


def _ends(portion: Portion) -> Ends:
    """Per partition the offset behind its last record of the portion."""
    if isinstance(portion, SinkBatch):
        return ends(portion)
    return {(r.original_topic, r.original_partition): r.original_offset + 1 for r in portion}
