"""The partitions a consumer owns: where it is in each, what is paused, and fetching from them fairly."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from headrace.errors import IllegalStateException
from headrace.log.batch_slices import join
from headrace.log.embedded.database import Database
from headrace.log.embedded.fetcher import Buffer, extent, read_batches, reading_anew
from headrace.log.embedded.segment_files import SegmentFolder, SegmentGone
from headrace.log.poll_room import PollRoom
from headrace.log.spi import EncodedBatch
from headrace.spi.context import TopicPartition

_logger = logging.getLogger(__name__)
_MOST_HELD = 32 << 20
"""With this much read and not given out, partitions of which nothing is held wait for their turn."""


@dataclass(slots=True)
class Reading:
    """A partition being read. `position`: the next offset that `poll` gives."""

    part_id: int
    position: int
    paused: bool = False
    buffer: Buffer = field(default_factory=Buffer)


class Readings:
    """All partitions of one consumer. Not thread-safe."""

    def __init__(self, group: str, from_latest: bool, fetch_max_bytes: int) -> None:
        self._group = group
        self._from_latest = from_latest
        self._max_bytes = fetch_max_bytes
        self._readings: dict[TopicPartition, Reading] = {}
        """In the order of their turns."""
        self._empty_at: int | None = None

    def __iter__(self) -> Iterator[TopicPartition]:
        return iter(self._readings)

    def parts(self) -> dict[TopicPartition, int]:
        """Partition → id."""
        return {partition: reading.part_id for partition, reading in self._readings.items()}

    def get(self, partition: TopicPartition) -> Reading:
        """IllegalStateException (NOT_ASSIGNED) if the consumer does not own it."""
        reading = self._readings.get(partition)
        if reading is None:
            raise IllegalStateException(
                f"Partition {partition.topic}-{partition.partition} is not assigned to this consumer.",
                code="NOT_ASSIGNED",
            )
        return reading

    def start(self, partition: TopicPartition, part_id: int, position: int) -> None:
        self._readings[partition] = Reading(part_id, position)
        self.look_again()

    def stop(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            del self._readings[partition]
        self.look_again()

    def look_again(self) -> None:
        """Something but the log has changed: partitions, positions or pauses."""
        self._empty_at = None

    def fetch(self, database: Database, max_records: int, version: int) -> list[EncodedBatch]:
        """Up to `max_records` records and the consumer's `fetch_max_bytes`, one batch a partition. Those that gave something come last
        the next time, so that each has its turn however much others have.

        `version`: the log's data version before this call; nothing is read while it is the same and nothing was left."""
        if version == self._empty_at or not self._readings:
            return []
        result = reading_anew(lambda: self._fetch(database, max_records))
        for batch in result:
            partition = TopicPartition(batch.topic, batch.partition)
            self._readings[partition] = self._readings.pop(partition)
        if not result:
            self._empty_at = version
        return result

    def _fetch(self, database: Database, max_records: int) -> list[EncodedBatch]:
        result: list[EncodedBatch] = []
        room = PollRoom(max_records, self._max_bytes)
        held = sum(reading.buffer.size for reading in self._readings.values())
        with database.read() as connection:
            for partition in self._in_turn(held > _MOST_HELD):
                reading = self._readings[partition]
                full = held > _MOST_HELD
                if full and result and not reading.buffer:
                    # It keeps its turn until others have given out what is held of them.
                    continue
                held -= reading.buffer.size
                try:
                    taken = self._take(connection, database.segments, partition, reading, room, held_only=full)
                except SegmentGone:
                    if result:
                        # What was taken is given out; the others are read in another transaction.
                        break
                    raise
                held += reading.buffer.size
                if taken is not None:
                    result.append(taken)
                if not room:
                    break
        return result

    def _in_turn(self, buffered_only: bool) -> list[TopicPartition]:
        """The partitions that may be read, in order. `buffered_only`: those of which something is held, if there are such."""
        running = [partition for partition, reading in self._readings.items() if not reading.paused]
        buffered = [partition for partition in running if self._readings[partition].buffer] if buffered_only else []
        return buffered or running

    def _take(
        self,
        connection: sqlite3.Connection,
        folder: SegmentFolder,
        partition: TopicPartition,
        reading: Reading,
        room: PollRoom,
        *,
        held_only: bool,
    ) -> EncodedBatch | None:
        """What goes into the poll, None if there is nothing. `held_only`: no more than is held, if anything is."""
        most = room.records
        if not reading.buffer:
            batches = read_batches(connection, folder, reading.part_id, partition, reading.position, most)
            if self._check_position(connection, partition, reading, batches):
                batches = read_batches(connection, folder, reading.part_id, partition, reading.position, most)
            reading.buffer.fill(batches)
        elif not held_only and reading.buffer.wants_more(most):
            # What is left of a batch that was larger than a poll would be a small poll by itself.
            end = reading.buffer.end
            reading.buffer.extend(read_batches(connection, folder, reading.part_id, partition, end, most))
        pieces = reading.buffer.take(room)
        if not pieces:
            return None
        batch = join(pieces)
        assert batch.offsets is not None
        reading.position = batch.offsets[-1] + 1
        return batch

    def _check_position(
        self, connection: sqlite3.Connection, partition: TopicPartition, reading: Reading, batches: list[EncodedBatch]
    ) -> bool:
        """A position outside of what is kept is moved, and said; where compaction left nothing it moves on to the end.

        Whether to read again, from where it was moved to."""
        bounds = extent(connection, reading.part_id)
        if bounds is None:
            return False
        name = f"{partition.topic}-{partition.partition}"
        if reading.position > bounds.next:
            target = bounds.next if self._from_latest else bounds.begin
            _logger.warning(
                "Group %s: offset %d of %s is past the log's end %d; reading on from %d.",
                *(self._group, reading.position, name, bounds.next, target),
            )
            reading.position = target
            return True
        if reading.position < bounds.begin:
            _logger.warning(
                "Group %s: records of %s from offset %d to %d were removed by retention before they were read.",
                *(self._group, name, reading.position, bounds.begin - 1),
            )
            reading.position = bounds.begin
        elif not batches:
            reading.position = bounds.next
        return False
