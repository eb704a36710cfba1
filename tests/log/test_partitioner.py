"""Keys go where a JVM producer puts them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.log.partitioner import StickyPartitioner, murmur2, partition_for, split_by_key
from headrace.spi.columns import Column
from tests.spi.columns import columns


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


@pytest.mark.usefixtures("implementation")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns(), st.integers(1, 9), st.data())
def test_a_column_is_split_as_its_keys_are(keys: Column, partitions: int, draw: st.DataObject) -> None:
    unkeyed = draw.draw(st.integers(0, partitions - 1))
    expected: dict[int, list[int]] = {}
    for row, key in enumerate(keys):
        partition = unkeyed if key is None else partition_for(key, partitions)
        expected.setdefault(partition, []).append(row)
    for given_keys in (keys, keys.packed()):
        found = split_by_key(given_keys, partitions, unkeyed)
        assert {partition: list(rows) for partition, rows in found.items()} == expected
        assert list(found) == sorted(found)
        for rows in found.values():
            assert list(keys.packed().take(rows)) == list(keys.take(rows))


def test_records_without_key_stay_for_a_batch_and_then_move_on() -> None:
    sticky = StickyPartitioner()
    seen = []
    for _ in range(4):
        assert sticky.partition("t", 3) == sticky.partition("t", 3)
        seen.append(sticky.partition("t", 3))
        sticky.next_batch("t")
    assert seen == [0, 1, 2, 0]
