"""One connection of a task, and what it knows of the stored positions of the partitions whose records go through it.

Who fails gives the connection up; the next one checks that nobody else moved the positions meanwhile.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence

from headrace.sinks.postgres.positions import PositionTable, fenced
from headrace.sinks.postgres.segments import AnySegment
from headrace.sinks.postgres.settings import SinkSettings
from headrace.sinks.postgres.turns import TableTurns
from headrace.sinks.postgres.writer import Writer
from headrace.spi.context import SinkTaskContext, TopicPartition
from headrace.systems.postgres import DatabaseError, map_error

Ends = Mapping[TopicPartition, int] | Mapping[tuple[str, int], int]


class Session:
    """Every method on one thread at a time. Only `commit` may be called while other sessions are at work: all others may ask the
    framework something."""

    def __init__(self, number: int, settings: SinkSettings, context: SinkTaskContext, turns: TableTurns) -> None:
        self._number = number
        self._settings = settings
        self._context = context
        self._turns = turns
        self._table = PositionTable(settings.offsets_table, context.connector_name)
        self._writer: Writer | None = None
        self._topic_ids: dict[str, str] = {}
        self.stored: dict[TopicPartition, int | None] = {}
        """The stored position of each partition, as far as known; None where there is none."""
        self._doubt: dict[TopicPartition, int] = {}

    @property
    def writer(self) -> Writer | None:
        """None where no connection was needed yet, or the last one was given up."""
        return self._writer

    def expect(self, partitions: Collection[TopicPartition]) -> None:
        """These are assigned anew: nothing known of them before counts."""
        self.close(partitions)
        for topic in {partition.topic for partition in partitions}:
            self._topic_ids[topic] = self._context.topic_id(topic)

    def open(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Read the stored positions; those that there are."""
        with self.own_connection():
            known = self._known(partitions)
        return {p: offset for p in partitions if (offset := known[p]) is not None}

    def close(self, partitions: Collection[TopicPartition]) -> None:
        """These are no longer this session's."""
        for partition in partitions:
            self.stored.pop(partition, None)
            self._doubt.pop(partition, None)

    def disconnect(self) -> None:
        """Give the connection up; the next use makes another and checks the positions."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(DatabaseError):
                writer.close()

    @contextlib.contextmanager
    def own_connection(self) -> Iterator[None]:
        """Who fails gives the connection up, which may be broken or in the middle of something."""
        try:
            yield
        except BaseException:
            self.disconnect()
            raise

    def floors(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The stored position of each partition, given the offsets behind the batch's last records. Of positions read only now: do
        not go through what lies below them, and hear of one that the topic has not reached."""
        late = ends.keys() - self.stored.keys()
        floors = {p: offset or 0 for p, offset in self._known(ends.keys()).items()}
        ahead = {p: floors[p] for p in late if floors[p] > ends[p]}
        if ahead:
            self._context.offset(ahead)
        return floors

    def commit(self, segments: Sequence[AnySegment], ends: Ends) -> None:
        """Write the segments, and move the positions to `ends`, in one transaction. Raises what `Writer.write` does."""
        writer = self._connected()
        moves = {TopicPartition(*p): (self.stored[TopicPartition(*p)], end) for p, end in ends.items()}
        after = {p: end for p, (_, end) in moves.items()}
        self._doubt = dict(after)
        with self._turns.taken(self._number, {segment.table for segment in segments}):
            writer.write(segments, moves, self._topic_ids)
        self.stored |= after
        self._doubt.clear()

    def _connected(self) -> Writer:
        """The writer; a new one checks that nobody moved the positions meanwhile."""
        if self._writer is None:
            with self._mapped():
                self._writer = Writer(self._settings, self._table, self._turns.definitions)
                self._verify(self._writer)
        return self._writer

    def _verify(self, writer: Writer) -> None:
        """After a lost connection the last commit may or may not have happened; any other position is another writer's."""
        if not self.stored:
            return
        for partition, stored in writer.read_positions(self.stored, self._topic_ids).items():
            if stored != self.stored[partition] and stored != self._doubt.get(partition, self.stored[partition]):
                raise fenced([partition])
            self.stored[partition] = stored
        self._doubt.clear()

    def _known(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int | None]:
        """The stored positions, read from the target where not yet known."""
        writer = self._connected()
        unknown = [p for p in partitions if p not in self.stored]
        if unknown:
            for topic in {p.topic for p in unknown} - self._topic_ids.keys():
                self._topic_ids[topic] = self._context.topic_id(topic)
            with self._mapped():
                self.stored |= writer.read_positions(unknown, self._topic_ids)
        return self.stored

    @contextlib.contextmanager
    def _mapped(self) -> Iterator[None]:
        """Errors of the connection as the product's."""
        try:
            yield
        except DatabaseError as error:
            raise map_error(error, self._settings.target) from error
