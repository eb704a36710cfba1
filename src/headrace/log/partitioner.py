"""Which partition a record goes to: Kafka's default partitioner, so that keys land where a JVM producer puts them.

Source: murmur2 with seed 0x9747b28c and `toPositive(hash) % partitions`, as org.apache.kafka.clients.producer (KIP-480).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

from headrace.native import core
from headrace.spi.columns import Column, RowNumbers

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 of `data`, as a signed integer."""
    length = len(data)
    h = _SEED ^ length
    whole = length >> 2
    for k in struct.unpack_from(f"<{whole}I", data):
        k = (k * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    rest = length & 3
    if rest:
        h = ((h ^ int.from_bytes(data[length - rest :], "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    h ^= h >> 15
    return h - (1 << 32) if h & 0x80000000 else h


@lru_cache(maxsize=65_536)
def _positive_hash(key: bytes) -> int:
    return murmur2(key) & 0x7FFFFFFF


def partition_for(key: bytes, partitions: int) -> int:
    """The partition, 0 to `partitions` - 1, of a record with that key."""
    return 0 if partitions == 1 else _positive_hash(key) % partitions


def split_by_key(keys: Column, partitions: int, unkeyed: int) -> dict[int, Sequence[int]]:
    """Partition → positions of its records, in order. Records without a key go to partition `unkeyed`."""
    if core is not None and 0 <= unkeyed < partitions:
        try:
            packed = keys.packed()
            found = core.packed_partitions(
                *(packed.buffer, packed.lengths, packed.prefixes, packed.prefix_index, partitions, unkeyed)
            )
        except (core.DeclinedError, OverflowError, TypeError):
            pass
        else:
            return {partition: RowNumbers(rows) for partition, rows in enumerate(found) if rows}
    result: dict[int, list[int]] = {}
    for row, key in enumerate(keys):
        partition = unkeyed if key is None else partition_for(key, partitions)
        result.setdefault(partition, []).append(row)
    return dict(sorted(result.items()))


class StickyPartitioner:
    """For records without a key: stays on one partition for a batch, then goes on to the next. Not thread-safe."""

    __slots__ = ("_current",)

    def __init__(self) -> None:
        self._current: dict[str, int] = {}

    def partition(self, topic: str, partitions: int) -> int:
        """The partition of the present batch; below `partitions` even if the topic was made anew with fewer."""
        return self._current.get(topic, 0) % partitions

    def next_batch(self, topic: str) -> None:
        """Move on: records of this topic from now on go to the next partition."""
        self._current[topic] = self._current.get(topic, 0) + 1
