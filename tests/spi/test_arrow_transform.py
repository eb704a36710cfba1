"""Transforms over Arrow data: the same of a block, of a batch of records and of single ones, with the native core and without."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.config import ConfigDef
from headrace.data import INT64_SCHEMA, OPTIONAL_STRING_SCHEMA, STRING_SCHEMA, ConnectRecord, SchemaBuilder, Struct
from headrace.data.unchanged import UnchangedText
from headrace.errors import ConnectException, DataException
from headrace.native import core
from headrace.spi import arrow as spi
from headrace.spi.arrow import ArrowBatch, ArrowTransform
from headrace.testing import run_transform, sink_record
from tests.transforms.block_rows import block_of, compare, facts, record_lists

pa = pytest.importorskip("pyarrow")
pc = pytest.importorskip("pyarrow.compute")
native = pytest.mark.skipif(core is None, reason="without the Rust core there are no blocks")

KEY = SchemaBuilder.struct().name("shop.Key").field("id", INT64_SCHEMA).build()
INNER = SchemaBuilder.struct().optional().field("text", STRING_SCHEMA).field("n", INT64_SCHEMA).build()
ROW = (
    SchemaBuilder.struct()
    .name("shop.Row")
    .version(2)
    .field("id", INT64_SCHEMA)
    .field("text", OPTIONAL_STRING_SCHEMA)
    .field("at", SchemaBuilder.int64().name("io.debezium.time.MicroTimestamp").version(1).optional().build())
    .field("inner", INNER)
    .field("tags", SchemaBuilder.array(STRING_SCHEMA).optional().build())
    .build()
)
Change = Callable[[ArrowBatch], ArrowBatch | None]


def upper(batch: ArrowBatch) -> ArrowBatch:
    rows = pa.record_batch(batch.value)
    text = pc.utf8_upper(rows["text"])
    return batch.replace(value=rows.set_column(1, "text", text), topic=batch.topic + "-x")


def more(batch: ArrowBatch) -> ArrowBatch:
    rows = pa.record_batch(batch.value)
    wide = rows.append_column("twice", pc.add_checked(pc.cast(rows["id"], pa.float64()), 0.5))
    return batch.replace(value=wide.append_column("size", pc.utf8_length(rows["text"])))


def renamed(batch: ArrowBatch) -> ArrowBatch:
    rows = pa.record_batch(batch.value)
    return batch.replace(value=rows.select(["at", "text"]).rename_columns(["when", "note"]))


def kept(batch: ArrowBatch) -> ArrowBatch:
    rows = pa.record_batch(batch.value)
    return batch.replace(keep=pc.greater(rows["id"], 0), key=rows["text"])


def to_text(batch: ArrowBatch) -> ArrowBatch:
    return batch.replace(value=pa.record_batch(batch.value)["text"], key=None)


def inner(batch: ArrowBatch) -> ArrowBatch:
    return batch.replace(value=pa.record_batch(batch.value)["inner"])


def refusing(batch: ArrowBatch) -> ArrowBatch:
    rows = pa.record_batch(batch.value)
    if pc.any(pc.less(rows["id"], 0)).as_py():
        raise ValueError("negative")
    return batch


CHANGES: dict[str, Change] = {
    "nothing": lambda batch: batch,
    "as it came": lambda batch: batch.replace(value=pa.array(batch.value), key=batch.key and pa.array(batch.key)),
    "upper": upper,
    "more": more,
    "renamed": renamed,
    "kept": kept,
    "to_text": to_text,
    "inner": inner,
    "dropped": lambda batch: None,
    "no values": lambda batch: batch.replace(value=None),
    "too few": lambda batch: batch.replace(value=pa.array(batch.value)[:0]),
    "bad keep": lambda batch: batch.replace(keep=pa.array([True] * (len(batch) + 1))),
    "refusing": refusing,
}


class Changed(ArrowTransform[ConnectRecord]):
    change: Change

    @classmethod
    def config(cls) -> ConfigDef:
        return ConfigDef()

    def configure(self, props: Mapping[str, str]) -> None: ...

    def apply_arrow(self, batch: ArrowBatch) -> ArrowBatch | None:
        return self.change(batch)


def maker(name: str) -> Callable[[], Changed]:
    def make() -> Changed:
        made = Changed()
        made.change = CHANGES[name]
        return made

    return make


def each(transform: Changed, records: list[Any]) -> list[Any]:
    """What comes of each record: all of it, None, or that it fails."""
    found = []
    for record in records:
        try:
            result = transform.apply(record)
        except DataException:
            found.append("refused")
        except ValueError:
            found.append("raised")
        else:
            found.append(None if result is None else facts(result))
    return found


@native
@pytest.mark.parametrize("name", CHANGES)
def test_blocks_batches_and_records(name: str) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def alike(data: Any) -> None:
        records = data.draw(record_lists(KEY, ROW))
        outcome = compare(maker(name), records)
        assert outcome is not None
        assert outcome.taken or outcome.failed
        singly = each(maker(name)(), records)
        if "refused" not in singly and "raised" not in singly:
            together = maker(name)().apply_batch(records)
            assert [None if one is None else facts(one) for one in together] == singly
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(spi, "core", None)
            assert each(maker(name)(), records) == singly

    alike()


def one(**values: Any) -> Any:
    row = {"id": 1, "text": "a", "at": None, "inner": None, "tags": None, **values}
    value = Struct(ROW, [row[field.name] for field in ROW.fields])
    changes = {"key_schema": KEY, "key": Struct(KEY, [1]), "value_schema": ROW, "value": value}
    return sink_record("t", None, None).new_record(**changes)


def test_a_field_keeps_its_schema() -> None:
    run = run_transform(type("Upper", (Changed,), {"change": staticmethod(upper)}), {}, [one(at=5)])
    made = run.records[0]
    assert made.topic == "t-x"
    assert made.value_schema is ROW
    assert made.value.values == [1, "A", 5, None, None]


def test_what_was_not_sent_stays_so_where_it_stays_the_same() -> None:
    record = one(text=UnchangedText("__unavailable"))
    assert type(maker("as it came")().apply(record).value.get("text")) is UnchangedText
    assert type(maker("more")().apply(record).value.get("text")) is UnchangedText
    assert type(maker("upper")().apply(record).value.get("text")) is str


def test_maps_are_refused_and_nulls_pass() -> None:
    transform = maker("upper")()
    with pytest.raises(DataException, match="without schema"):
        transform.apply(sink_record("t", None, {"text": "a"}, schemaless=True))
    null = sink_record("t", None, None)
    assert transform.apply(null) is null


def test_records_of_all_kinds_in_one_batch() -> None:
    other = SchemaBuilder.struct().field("id", INT64_SCHEMA).field("text", OPTIONAL_STRING_SCHEMA).build()
    records = [one(text=f"a{number}") for number in range(6)]
    records[2] = records[2].new_record(topic="u")
    records[3] = records[3].new_record(value=Struct(other, [1, "b"]), value_schema=other)
    records[4] = records[4].new_record(value=None, value_schema=None)
    seen: list[int] = []

    def count(batch: ArrowBatch) -> ArrowBatch:
        seen.append(len(batch))
        return upper(batch)

    transform = Changed()
    transform.change = count
    done = transform.apply_batch(records)
    assert [record.topic for record in done] == ["t-x", "t-x", "u-x", "t-x", "t", "t-x"]
    assert [record.value and record.value.get("text") for record in done] == ["A0", "A1", "A2", "B", None, "A5"]
    assert seen == [3, 1, 1]


def test_what_comes_back_wrong_is_told() -> None:
    for name in ("too few", "bad keep"):
        with pytest.raises(DataException) as caught:
            maker(name)().apply(one())
        assert caught.value.code == "TRANSFORM_RESULT_COUNT"
    transform = Changed()
    transform.change = lambda batch: batch.replace(value=pa.array([1], pa.timestamp("ns")))
    with pytest.raises(DataException, match="cannot be taken"):
        transform.apply(one())


def test_without_core_and_pyarrow_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spi, "core", None)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ConnectException) as caught:
        maker("nothing")().apply(one())
    assert caught.value.code == "PYARROW_MISSING"


@native
def test_the_core_alone_is_enough_for_other_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    nanoarrow = pytest.importorskip("nanoarrow")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    transform = Changed()
    seen: list[Any] = []

    def look(batch: ArrowBatch) -> ArrowBatch:
        seen.extend(nanoarrow.Array(batch.value).to_pylist())
        return batch.replace(value=nanoarrow.Array([7] * len(batch), nanoarrow.int64()))

    transform.change = look
    made = block_of([one(), one(id=2)])
    assert made is not None
    blocks = transform.apply_block(made[0])
    assert blocks is not None
    assert [record.value for record in made[1].records_of(blocks[0])] == [7, 7]
    assert [row["id"] for row in seen] == [1, 2]


@native
def test_without_pyarrow_it_is_told_why_the_core_declines(monkeypatch: pytest.MonkeyPatch) -> None:
    finer = pa.array([1], pa.timestamp("us"))
    transform = Changed()
    transform.change = lambda batch: batch.replace(value=finer)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(DataException, match="finer than a millisecond"):
        transform.apply(one())


@pytest.mark.parametrize("side", ["core", "pyarrow"])
def test_a_key_without_schema_is_refused(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if side == "pyarrow":
        monkeypatch.setattr(spi, "core", None)
    with pytest.raises(DataException, match="key without schema"):
        maker("nothing")().apply(one().new_record(key_schema=None, key="k"))
