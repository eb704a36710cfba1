"""What a sink task has polled and decodes, on a thread of its own, while its task writes the batch before."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from headrace.log.spi import EncodedBatch
from headrace.runtime.sink_intake import DecodedAhead
from headrace.spi.context import TopicPartition

Decode = Callable[[Sequence[EncodedBatch]], DecodedAhead]
_RECORDS, _BYTES = 200, 256 << 10


def worth_it(batches: Sequence[EncodedBatch]) -> bool:
    """Whether to look ahead behind these: there is as much to gain as to lose, for much to decode and for more that is likely to wait.

    What is polled ahead is written by itself, and what comes meanwhile behind it: at a low rate that only keeps records back."""
    return sum(map(len, batches)) >= _RECORDS or sum(batch.values.size for batch in batches) >= _BYTES


class LookAhead:
    """At most one poll's batches. All methods are for the task's thread; none returns while the decoding thread still works on
    batches that were dropped or taken, for converters are not for two threads at once."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._executor: ThreadPoolExecutor | None = None
        self._batches: list[EncodedBatch] = []
        self._work: Future[DecodedAhead] | None = None

    def __bool__(self) -> bool:
        return bool(self._batches)

    def begin(self, batches: list[EncodedBatch]) -> None:
        """Start to decode them; nothing may be held."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="headrace-decode")
        self._batches = batches
        self._work = self._executor.submit(contextvars.copy_context().run, self._decode, batches)

    def take(self) -> tuple[list[EncodedBatch], DecodedAhead | None]:
        """The batches, which are held no more, and what they were decoded to."""
        batches, work, self._batches, self._work = self._batches, self._work, [], None
        return batches, None if work is None else work.result()

    def drop(self, partitions: Collection[TopicPartition]) -> list[EncodedBatch]:
        """Give up what is held of these partitions, and answer it."""
        dropped = [b for b in self._batches if TopicPartition(b.topic, b.partition) in partitions]
        if dropped:
            kept = [b for b in self._batches if TopicPartition(b.topic, b.partition) not in partitions]
            self.take()
            self._batches = kept
        return dropped

    def close(self) -> None:
        """End the thread; what is held is given up."""
        self.take()
        if self._executor is not None:
            self._executor.shutdown()
