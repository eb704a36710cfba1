"""What came from the brokers and is not given out yet: a call of the client library is bounded by records, a poll by bytes too."""

from __future__ import annotations

from typing import Any

from headrace.log.batch_slices import cut, join
from headrace.log.kafka.packing import batches_of, records_of
from headrace.log.poll_room import PollRoom, size_of
from headrace.log.spi import EncodedBatch
from headrace.spi.context import TopicPartition


class Held:
    """Batches in the order of their partitions' turns. Not thread-safe. `paused`: partitions that give nothing for now."""

    def __init__(self, fetch_max_bytes: int) -> None:
        self._max_bytes = fetch_max_bytes
        self._batches: dict[TopicPartition, list[EncodedBatch]] = {}
        self.paused: set[TopicPartition] = set()

    def __bool__(self) -> bool:
        """Whether there is something to give."""
        return not self._batches.keys() <= self.paused

    def first(self, partition: TopicPartition) -> int | None:
        """The offset of the first record held of it."""
        batches = self._batches.get(partition)
        return batches[0].offsets[0] if batches and batches[0].offsets is not None else None

    def poll(
        self, consumer: Any, positions: dict[TopicPartition, int], max_records: int, timeout_s: float
    ) -> list[EncodedBatch]:
        """A batch a partition of what there is, waiting for the first record at most `timeout_s`. `consumer`: the library's; `positions`:
        of what comes from it."""
        # The first alone: a call for many waits until there are as many, or the time is up. It is there, too, that the library calls
        # back, so one is made however much is held.
        found = consumer.consume(1, 0 if self else timeout_s)
        wanted = self._wanted(max_records) - 1
        if found and wanted > 0:
            found += consumer.consume(wanted, 0)
        for batch in batches_of(records_of(found, positions)):
            self._batches.setdefault(TopicPartition(batch.topic, batch.partition), []).append(batch)
        return self._take(max_records)

    def drop(self, partition: TopicPartition) -> None:
        """Forget what is held of it."""
        self._batches.pop(partition, None)

    def _wanted(self, max_records: int) -> int:
        """How many more records a poll for that many can use."""
        batches = [batch for at, held in self._batches.items() if at not in self.paused for batch in held]
        if sum(map(size_of, batches)) >= self._max_bytes:
            return 0
        return max_records - sum(map(len, batches))

    def _take(self, max_records: int) -> list[EncodedBatch]:
        """What goes into one poll; who gives something comes last the next time."""
        result: list[EncodedBatch] = []
        room = PollRoom(max_records, self._max_bytes)
        for partition in [each for each in self._batches if each not in self.paused]:
            if not room:
                break
            batches = self._batches[partition]
            taken: list[EncodedBatch] = []
            while room and batches and (part := room.take(batches[0])) is not None:
                taken.append(part)
                rest = cut(batches[0], len(part), len(batches[0]))
                batches[:1] = [rest] if len(rest) else []
            if taken:
                result.append(join(taken))
                del self._batches[partition]
                if batches:
                    self._batches[partition] = batches
        return result
