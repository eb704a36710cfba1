"""Batches that are still columns: the same records, in the same order, as one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.config import ConfigDef
from headrace.data import INT64_SCHEMA, STRING_SCHEMA, ConnectRecord, Schema, SchemaBuilder, SourceRecord, Struct
from headrace.data.batch import Block, Loose, SinkBatch, SinkPlaces, SourceBatch
from headrace.data.columns import layout_of
from headrace.native import core
from headrace.runtime.chain import TransformChain, TransformStep
from headrace.runtime.converter_set import Converters, NamedConverter, NamedHeaderConverter
from headrace.runtime.record_encoder import RecordEncoder
from headrace.runtime.task_metrics import ErrorMetrics
from headrace.runtime.tolerance import ErrorPolicy, Failure, Tolerance
from headrace.spi.converter import Column
from headrace.spi.transform import Predicate, Transform
from tests.runtime.task_kit import TextConverter, TextHeaders

pytestmark = pytest.mark.skipif(core is None, reason="There are no columns without the Rust core.")

SCHEMA = SchemaBuilder.struct().field("id", INT64_SCHEMA).field("text", STRING_SCHEMA).build()


class IdText(TextConverter):
    """Structs as `id:text`; columns as well, but for those with the text "slow" in them."""

    def from_connect_data(self, topic: str, schema: Schema | None, value: Any) -> bytes | None:
        if value is None:
            return None
        if value.get("text") == "bad":
            raise ValueError("bad")
        return f"{value.get('id')}:{value.get('text')}".encode()

    def encode_column(self, topic: str, schema: Schema, values: Any) -> Column | None:
        made = values.values(layout_of(schema))
        if any(one is not None and one.get("text") == "slow" for one in made):
            return None
        return Column([self.from_connect_data(topic, schema, one) for one in made])


class Plain:
    """No settings."""

    @classmethod
    def config(cls) -> ConfigDef:
        return ConfigDef()

    def configure(self, props: Mapping[str, str]) -> None: ...


class Marks(Plain, Transform[ConnectRecord]):
    """Per record only; its result depends on the order of the calls."""

    def __init__(self) -> None:
        self.calls = 0

    def apply(self, record: ConnectRecord) -> ConnectRecord | None:
        self.calls += 1
        if self.calls % 5 == 0:
            return None
        if record.value is None:
            return record
        text = f"{record.value.get('text')}{self.calls % 3}"
        return record.new_record(value=Struct(SCHEMA, [record.value.get("id"), text]))


class ToOne(Plain, Transform[ConnectRecord]):
    """All records to one topic."""

    def apply(self, record: ConnectRecord) -> ConnectRecord | None:
        return record.new_record(topic="one")

    def apply_block(self, block: Block) -> list[Block] | None:
        return [block.replace(topic="one")]


class Broken(ToOne):
    """A block form that fails is no block form."""

    def apply_block(self, block: Block) -> list[Block] | None:
        raise RuntimeError


class InTopicA(Plain, Predicate[ConnectRecord]):
    def test(self, record: ConnectRecord) -> bool:
        return record.topic == "a"

    def test_block(self, block: Block) -> Any:
        return core.Mask.constant(len(block), block.topic == "a")


rows = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.sampled_from(["x", "y", "slow", "bad", None])), max_size=25
)
steps = st.lists(st.tuples(st.sampled_from([Marks, ToOne, Broken]), st.sampled_from([None, False, True])), max_size=4)


def record(topic: str, number: int, text: str | None, place: int) -> SourceRecord:
    schema, value = (None, None) if text is None else (SCHEMA, Struct(SCHEMA, [number, text]))
    key = Struct(SCHEMA, [number, "k"])
    return SourceRecord({"p": 1}, {"at": place}, topic, None, SCHEMA, key, schema, value)


def batch_of(plan: Sequence[tuple[str, int, str | None]], loose: int) -> SourceBatch:
    """Rows of each topic as a block, but for every `loose`th row."""
    records = [record(*row, place) for place, row in enumerate(plan)]
    parts: list[Block | Loose[SourceRecord]] = []
    layout = layout_of(SCHEMA)
    single = [i for i in range(len(records)) if loose and i % loose == 0]
    if single:
        parts.append(Loose([records[i] for i in single], single))
    for topic in "ab":
        chosen = [i for i, one in enumerate(records) if one.topic == topic and i not in single]
        keys, values = (
            core.Column.of(layout, [getattr(records[i], name) for i in chosen]) for name in ("key", "value")
        )
        parts.append(Block(topic, SCHEMA, keys, SCHEMA, values, chosen))
    return SourceBatch(parts, {"p": 1}, [one.source_offset for one in records])


def chain(plan: Sequence[tuple[type[Any], bool | None]], tolerance: Tolerance) -> TransformChain[SourceRecord]:
    return TransformChain(
        [TransformStep(kind(), "t", None if negate is None else InTopicA(), bool(negate)) for kind, negate in plan],
        tolerance,
    )


def outcome(batches: Sequence[Any]) -> dict[tuple[str, int], list[tuple[Any, ...]]]:
    found: dict[tuple[str, int], list[tuple[Any, ...]]] = {}
    for batch in batches:
        assert len(batch)
        for row in zip(batch.keys, batch.values, batch.timestamps, strict=True):
            found.setdefault((batch.topic, batch.partition), []).append(row)
    return found


@given(rows, st.sampled_from([0, 1, 2, 4]), steps, st.sampled_from([1, 3]))
def test_blocks_give_what_records_give(
    plan: list[tuple[str, int, str | None]], loose: int, transforms: list[Any], partitions: int
) -> None:
    failed: list[list[tuple[Any, Any]]] = [[], []]

    def run(which: int) -> Any:
        class Collect:
            def report(self, failure: Failure) -> None:
                assert isinstance(failure.origin, SourceRecord)
                failed[which].append((failure.origin.source_offset, failure.origin.topic))

        tolerance = Tolerance(ErrorPolicy(tolerate_all=True), ErrorMetrics(), [Collect()], lambda seconds: False)
        named = NamedConverter(IdText(), "c")
        converters = Converters(named, named, NamedHeaderConverter(TextHeaders(), "h"))
        encoder = RecordEncoder(converters, lambda topic: partitions, tolerance, lambda: 42)
        done = chain(transforms, tolerance)
        if which:
            batch = batch_of(plan, loose)
            originals = list(batch_of(plan, loose))
            result = done.apply_parts(batch, lambda ordinal: originals[ordinal])
            return outcome(encoder.encode_parts(result, lambda _, ordinal: originals[ordinal]))
        records = list(batch_of(plan, loose))
        results = done.apply(records, lambda i: records[i])
        origins = {id(r): o for r, o in zip(results, records, strict=True)}
        alive = [one for one in results if one is not None]
        return outcome(encoder.encode(alive, lambda one, _: origins[id(one)]))

    assert run(1) == run(0)
    assert sorted(failed[1], key=str) == sorted(failed[0], key=str)


def test_a_batch_is_a_sequence_of_its_records() -> None:
    plan = [("a", 1, "x"), ("b", 2, "y"), ("a", 3, None), ("a", 4, "z")]
    batch = batch_of(plan, 2)
    assert len(batch) == 4
    assert batch.topics() == {"a", "b"}
    assert [one.source_offset["at"] for one in batch] == [0, 1, 2, 3]
    assert [(one.topic, one.value and one.value.get("id")) for one in batch] == [
        ("a", 1),
        ("b", 2),
        ("a", None),
        ("a", 4),
    ]
    assert batch[2].value_schema is None
    changed = batch[0]
    changed.topic = "changed"
    assert batch[0].topic == "changed", "What somebody has seen as a record stays that record."


def test_a_sink_batch_gives_up_partitions() -> None:
    places = SinkPlaces()
    layout = layout_of(SCHEMA)
    parts: list[Any] = []
    for partition in (0, 1):
        start = places.add("t", partition, [10, 11, 15])
        values = core.Column.of(layout, [Struct(SCHEMA, [i, "x"]) for i in range(3)])
        parts.append(
            Block("t", None, None, SCHEMA, values, range(start, start + 3), timestamps=core.Column.ints([7, 8, 9]))
        )
    batch = SinkBatch(parts, places)
    left = batch.without({("t", 0)})
    assert [(one.partition, one.offset, one.timestamp) for one in left] == [(1, 10, 7), (1, 11, 8), (1, 15, 9)]
    assert len(batch) == 6
