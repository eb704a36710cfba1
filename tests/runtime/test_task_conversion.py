"""Encoding and decoding of batches, and the windowed numbers."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headrace.data import Header, SourceRecord
from headrace.log.partitioner import partition_for
from headrace.runtime.converter_set import Converters, NamedConverter, NamedHeaderConverter
from headrace.runtime.measures import StageClock, Windowed
from headrace.runtime.record_decoder import RecordDecoder
from headrace.runtime.record_encoder import RecordEncoder
from headrace.runtime.task_metrics import ErrorMetrics
from headrace.runtime.tolerance import ErrorPolicy, Tolerance
from headrace.testing.clock import ManualClock
from tests.runtime.task_kit import FastTextConverter, TextConverter, TextHeaders


def converters(kind: type[TextConverter]) -> Converters:
    header = TextHeaders()
    made = kind()
    made.configure({})
    return Converters(NamedConverter(made, "k"), NamedConverter(made, "v"), NamedHeaderConverter(header, "h"))


def tolerance() -> Tolerance:
    return Tolerance(ErrorPolicy(tolerate_all=True), ErrorMetrics(), [], lambda seconds: False)


headers = st.sampled_from([(), (Header("a", None, "1"),), (Header("a", None, "bad"),), (Header("b", None, "2"),) * 2])
plans = st.lists(
    st.tuples(
        st.sampled_from("tu"),
        st.sampled_from([None, "k1", "k2", "k3", "bad key"]),
        st.sampled_from(["x", "y", "bad value", None]),
        st.sampled_from([None, None, 0, 1, 2]),
        headers,
    ),
    max_size=30,
)


@given(plans, st.sampled_from([1, 3]))
def test_what_goes_in_comes_out_in_order_without_the_bad(plan: list[Any], partitions: int) -> None:
    records = [
        SourceRecord({}, {}, topic, partition and partition % partitions, None, key, None, value, i, items)
        for i, (topic, key, value, partition, items) in enumerate(plan)
    ]
    encoder = RecordEncoder(converters(TextConverter), lambda topic: partitions, tolerance())
    batches = encoder.encode(records, lambda record, _: record)
    decoder = RecordDecoder(converters(TextConverter), tolerance())
    seen: dict[tuple[str, int], list[int]] = {}
    for batch in batches:
        assert len(batch) > 0
        batch.offsets = range(100, 100 + len(batch))
        for index, sunk in enumerate(decoder.decode(batch)):
            assert (sunk.original_topic, sunk.original_partition) == (sunk.topic, sunk.partition)
            assert sunk.offset == sunk.original_offset == 100 + index
            source = records[sunk.timestamp or 0]
            assert (sunk.topic, sunk.key, sunk.value) == (source.topic, source.key, source.value)
            assert sunk.header_items == source.header_items
            if source.partition is not None:
                assert sunk.partition == source.partition
            elif source.key is not None:
                assert sunk.partition == partition_for(source.key.encode(), partitions)
            seen.setdefault((sunk.topic, sunk.partition or 0), []).append(sunk.timestamp or 0)
    good = [
        i
        for i, (_, key, value, _, items) in enumerate(plan)
        if "bad" not in f"{key}{value}" and not any(h.value == "bad" for h in items)
    ]
    assert sorted(i for numbers in seen.values() for i in numbers) == good
    assert all(numbers == sorted(numbers) for numbers in seen.values())


def test_records_without_time_get_the_present() -> None:
    encoder = RecordEncoder(converters(FastTextConverter), lambda topic: 1, tolerance(), lambda: 42)
    records = [SourceRecord({}, {}, "t", value="a"), SourceRecord({}, {}, "t", value="b", timestamp=7)]
    (batch,) = encoder.encode(records, lambda record, _: record)
    assert batch.timestamps == [42, 7]


def test_windows_follow_kafkas_rates() -> None:
    clock = ManualClock()
    numbers = Windowed(clock.monotonic)
    assert numbers.rate() == 0
    assert math.isnan(numbers.average())
    assert math.isnan(numbers.maximum())
    numbers.record(30)
    clock.advance(10)
    numbers.record(60)
    assert numbers.rate() == 90 / 40, "a young window counts as a full one more"
    clock.advance(25)
    numbers.record(5)
    assert (numbers.average(), numbers.maximum(), numbers.minimum()) == (95 / 3, 60, 5)
    assert numbers.rate() == 95 / 35
    clock.advance(40)
    assert (numbers.average(), numbers.maximum()) == (5, 5), "the oldest window has gone"
    clock.advance(1000)
    assert numbers.rate() == 0
    assert numbers.total == 95


def test_stage_times_add_up() -> None:
    clock = ManualClock()
    stages = StageClock(clock.monotonic)
    clock.advance(1)
    assert stages.enter("poll") == "idle"
    clock.advance(2)
    stages.rename("idle")
    stages.enter("put")
    clock.advance(4)
    assert stages.seconds() == {"idle": 3, "put": 4}
    assert stages.progress == ("put", clock.monotonic() - 4)
