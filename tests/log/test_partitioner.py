"""Keys go where a JVM producer puts them."""

from __future__ import annotations

import pytest

from headrace.log.partitioner import StickyPartitioner, murmur2, partition_for


@pytest.mark.parametrize(
    ("key", "hash_"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
        (b"", 275646681),
    ],
)
def test_murmur2_as_kafka_computes_it(key: bytes, hash_: int) -> None:
    assert murmur2(key) == hash_
    assert partition_for(key, 7) == (hash_ & 0x7FFFFFFF) % 7
    assert partition_for(key, 1) == 0


def test_records_without_key_stay_for_a_batch_and_then_move_on() -> None:
    sticky = StickyPartitioner()
    seen = []
    for _ in range(4):
        assert sticky.partition("t", 3) == sticky.partition("t", 3)
        seen.append(sticky.partition("t", 3))
        sticky.next_batch("t")
    assert seen == [0, 1, 2, 0]
