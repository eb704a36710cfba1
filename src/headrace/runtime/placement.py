"""Which partition each encoded record goes to: the one it asks for, else by its key, else the one whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.errors import ConnectException
from headrace.log.partitioner import StickyPartitioner, partition_for, split_by_key
from headrace.log.spi import EncodedBatch
from headrace.runtime.encoded_piece import EncodedPiece
from headrace.spi.columns import Column, Repeated, taken


class Placement:
    """One per source task. Not thread-safe."""

    def __init__(self) -> None:
        self._sticky = StickyPartitioner()

    def place(self, topic: str, count: int, piece: EncodedPiece, batches: list[EncodedBatch]) -> None:
        """Choose the partitions of a piece, of `count` that the topic has, and add its batches. ConnectException (PARTITION_UNKNOWN) if a
        record asks for one that is not there."""
        _, wanted, timestamps, keys, data, headers = piece
        if not timestamps:
            return
        if count == 1 and not (wanted[0] if isinstance(wanted, Repeated) else any(wanted)):
            batches.append(EncodedBatch(topic, 0, timestamps, keys, data, headers))
            return
        for partition, indexes in self._split(topic, count, wanted, keys).items():
            batches.append(
                EncodedBatch(
                    topic,
                    partition,
                    taken(timestamps, indexes),
                    keys.take(indexes),
                    data.take(indexes),
                    taken(headers, indexes),
                )
            )

    def _split(self, topic: str, count: int, wanted: Sequence[int | None], keys: Column) -> Mapping[int, Sequence[int]]:
        """Partition → positions of its records, in order."""
        unkeyed = self._sticky.partition(topic, count)
        if wanted.count(None) == len(wanted):
            if keys.has_null:
                self._sticky.next_batch(topic)
            return split_by_key(keys, count, unkeyed)
        result: dict[int, list[int]] = {}
        used_unkeyed = False
        for index, key in enumerate(keys):
            partition = wanted[index]
            if partition is None:
                if key is None:
                    partition, used_unkeyed = unkeyed, True
                else:
                    partition = partition_for(key, count)
            elif not 0 <= partition < count:
                raise ConnectException(
                    f"A record asks for partition {partition} of topic {topic}, which has {count}.",
                    code="PARTITION_UNKNOWN",
                    remedy="Create the topic with enough partitions, or correct what chooses the partition.",
                )
            result.setdefault(partition, []).append(index)
        if used_unkeyed:
            self._sticky.next_batch(topic)
        return result
