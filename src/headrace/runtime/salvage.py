"""What happens under errors.tolerance=all when the log refuses records for good: too large, no key for a compacted topic.

The refused batches are halved until the records at fault stand alone; these are given up at stage KAFKA_PRODUCE, all others
are appended. A crash in between repeats some records after the restart: at least once, where an undisturbed append is exactly
once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.errors import DataException
from headrace.log.spi import EncodedBatch
from headrace.runtime.dead_letters import DeadLetters
from headrace.runtime.tolerance import Failure, RawRecord, Stage, Tolerance

Append = Callable[[Sequence[EncodedBatch]], None]
PRODUCER_CLASS = "org.apache.kafka.clients.producer.KafkaProducer"


class Salvage:
    """For the appender's thread: tolerance and letters must be its own. `letters` None = no dead letter topic."""

    def __init__(self, tolerance: Tolerance, letters: DeadLetters | None) -> None:
        self._tolerance = tolerance
        self._letters = letters

    def append_what_can_be(self, append: Append, batches: Sequence[EncodedBatch]) -> list[EncodedBatch]:
        """Append the records that the log takes. Returns the dead letters of the others, to be appended with the offsets."""
        try:
            append(batches)
        except DataException as error:
            if len(batches) == 1 and len(batches[0]) == 1:
                self._give_up(batches[0], error)
            else:
                for half in _halves(batches):
                    self.append_what_can_be(append, half)
        letters = self._letters.peek() if self._letters is not None else None
        return [] if letters is None else [letters]

    def written(self) -> None:
        """The letters are durable."""
        if self._letters is not None:
            self._letters.drop(len(self._letters))

    def _give_up(self, batch: EncodedBatch, error: DataException) -> None:
        raw = RawRecord(
            batch.topic, batch.partition, -1, batch.timestamps[0], batch.keys[0], batch.values[0], batch.headers[0]
        )
        self._tolerance.give_up(Failure(Stage.KAFKA_PRODUCE, PRODUCER_CLASS, error, raw))


def _halves(batches: Sequence[EncodedBatch]) -> list[list[EncodedBatch]]:
    if len(batches) > 1:
        middle = len(batches) // 2
        return [list(batches[:middle]), list(batches[middle:])]
    batch = batches[0]
    middle = len(batch) // 2
    return [[_part(batch, range(middle))], [_part(batch, range(middle, len(batch)))]]


def _part(batch: EncodedBatch, indexes: range) -> EncodedBatch:
    return EncodedBatch(
        batch.topic,
        batch.partition,
        [batch.timestamps[i] for i in indexes],
        batch.keys.take(indexes),
        batch.values.take(indexes),
        [batch.headers[i] for i in indexes],
    )
