"""Blocks of generated records, and the comparison of a transform on them with the same transform on the records."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from headrace.data import Header, Schema, SchemaBuilder, SinkRecord, SourceRecord, Struct, Type
from headrace.data.batch import Block, RecordBatch, SinkBatch, SinkPlaces, SourceBatch
from headrace.data.columns import layout_of
from headrace.data.unchanged import UnchangedText
from headrace.native import core
from tests.converters.strategies import INTS, TEXT, leaf_schemas, values

PARTITION = {"server": "s"}
HEADERS = (Header("h", None, "v"), Header("x", None, 1))
names = st.sampled_from(["a", "b", "c", "id", "größe", "a.b"])


class Offsets(Sequence[Any]):
    def __len__(self) -> int:
        return 1 << 30

    def __getitem__(self, index: Any) -> Any:
        return {"lsn": index}


OFFSETS = Offsets()


@st.composite
def leaves(draw: Any) -> Schema:
    """A leaf, often with a default that has a native form."""
    schema = draw(leaf_schemas())
    if schema.default is None and draw(st.integers(0, 2)) == 0:
        default = draw(values(schema).filter(lambda value: value is not None))
        attributes = {name: getattr(schema, name) for name in ("optional", "name", "version", "doc", "parameters")}
        return Schema(schema.type, default=default, **attributes)
    return schema


@st.composite
def structs(draw: Any, depth: int = 1, optional: bool | None = None, *, min_fields: int = 0) -> Schema:
    builder = SchemaBuilder.struct()
    for name in draw(st.lists(names, unique=True, max_size=4, min_size=min_fields)):
        kind = draw(st.integers(0, 5)) if depth else 0
        if kind < 4:
            inner = draw(leaves())
        elif kind == 4:
            inner = draw(structs(depth - 1))
        else:
            inner = SchemaBuilder.array(draw(leaf_schemas())).optional().build()
        builder.field(name, inner)
    if draw(st.booleans()) if optional is None else optional:
        builder.optional()
    if draw(st.booleans()):
        builder.name("some.Row").version(2)
    return builder.build()


def marked(draw: Any, schema: Schema, value: Any) -> Any:
    """The value with a text in it marked as not sent, now and then."""
    if schema.type is Type.STRUCT and value is not None:
        items = [marked(draw, field.schema, item) for field, item in zip(schema.fields, value.values, strict=True)]
        return Struct(schema, items)
    if schema.type is Type.STRING and type(value) is str and draw(st.integers(0, 9)) == 0:
        return UnchangedText("__debezium_unavailable_value")
    return value


@st.composite
def sided(draw: Any, schema: Schema, *, nulls: bool = True) -> tuple[Schema | None, Any]:
    value = marked(draw, schema, draw(values(schema)))
    if value is None or (nulls and draw(st.integers(0, 7)) == 0):
        return None, None
    return schema, value


@st.composite
def record_lists(
    draw: Any, key: Schema, value: Schema, *, sink: bool | None = None, nulls: bool = True, max_size: int = 6
) -> list[Any]:
    """Records of one block."""
    count = draw(st.integers(1, max_size))
    headers = draw(st.sampled_from([(), HEADERS]))
    partition = draw(st.sampled_from([None, 3]))
    of_sink = draw(st.booleans()) if sink is None else sink
    records: list[Any] = []
    for number in range(count):
        key_schema, key_value = draw(sided(key, nulls=nulls))
        value_schema, item = draw(sided(value, nulls=nulls))
        stamp = draw(st.sampled_from([None, 0, 1_600_000_000_000, -5, 1_600_003_700_123]))
        if of_sink:
            made: Any = SinkRecord(
                "t.1", 2, key_schema, key_value, value_schema, item, 100 + number, stamp, headers=headers
            )
        else:
            made = SourceRecord(
                PARTITION,
                {"lsn": number * 3},
                "t.1",
                partition,
                key_schema,
                key_value,
                value_schema,
                item,
                stamp,
                headers,
            )
        records.append(made)
    return records


def schema_of(schemas: list[Schema | None]) -> Schema | None:
    return next((schema for schema in schemas if schema is not None), None)


def block_of(records: list[Any]) -> tuple[Block, RecordBatch[Any]] | None:
    """The records as a block in its batch, ordinals 0, 3, 6 …; None when the values have no native form."""
    if core is None:
        return None
    first = records[0]
    sides = []
    for name in ("key", "value"):
        schema = schema_of([getattr(record, name + "_schema") for record in records])
        items = [getattr(record, name) for record in records]
        column = None
        if any(item is not None for item in items):
            layout = None if schema is None else layout_of(schema)
            typed = [getattr(record, name + "_schema") is not None for record in records]
            if layout is None or typed != [item is not None for item in items]:
                return None
            try:
                column = core.Column.of(layout, items)
            except core.DeclinedError:
                return None
        sides += [schema, column]
    stamps = [record.timestamp for record in records]
    timestamps = None
    if any(stamp is not None for stamp in stamps):
        timestamps = core.Column.of(layout_of(SchemaBuilder.int64().optional().build()), stamps)
    ordinals = [number * 3 for number in range(len(records))]
    places = None
    if isinstance(first, SinkRecord):
        places = SinkPlaces()
        for record in records:
            places.add(record.topic, record.partition, [record.offset, -1, -1])
    block = Block(
        first.topic, *sides, ordinals, partition=None if places else first.partition, timestamps=timestamps,
        headers=first.header_items,
    )  # fmt: skip
    batch: RecordBatch[Any] = SinkBatch([block], places) if places else SourceBatch([block], PARTITION, OFFSETS)
    return block, batch


def exact(value: Any) -> Any:
    """The value so that only what is the same in every respect is equal."""
    if isinstance(value, Struct):
        return ("struct", value.schema, [exact(item) for item in value.values])
    if isinstance(value, list):
        return (type(value), [exact(item) for item in value])
    if isinstance(value, dict):
        return (type(value), [(exact(key), exact(item)) for key, item in value.items()])
    if isinstance(value, Decimal):
        return (type(value), value.as_tuple())
    if isinstance(value, float):
        return (type(value), repr(value))
    return (type(value), value)


def facts(record: Any) -> Any:
    """All of a record."""
    slots = {slot: getattr(record, slot) for slot in record._copied_slots()}
    headers = [(header.key, header.schema, exact(header.value)) for header in record.header_items]
    return {**slots, "key": exact(record.key), "value": exact(record.value), "headers": headers, "class": type(record)}


class Outcome:
    """Of one comparison: whether the transform took the block, and whether records failed."""

    def __init__(self, taken: bool, failed: bool) -> None:
        self.taken = taken
        self.failed = failed


def maker(kind: Any, config: dict[str, str]) -> Any:
    """What makes a transform or predicate of a class, configured."""

    def make() -> Any:
        made = kind()
        made.configure(config)
        return made

    return make


def compare(make: Any, records: list[Any]) -> Outcome | None:
    """Apply two transforms that `make` makes, one to the records, one to their block. What the block gives must be what the records
    give; it must not be done in blocks if a record fails. None when the records do not make a block."""
    made = block_of(records)
    if made is None:
        return None
    block, batch = made
    assert [facts(one) for one in batch.records_of(block)] == [facts(one) for one in records]
    single = make()
    expected: list[Any] = []
    failed = False
    for number, record in enumerate(records):
        try:
            result = single.apply(record)
        except Exception:
            failed = True
            continue
        if result is not None:
            expected.append((number * 3, facts(result)))
    try:
        blocks = make().apply_block(block)
    except Exception:
        blocks = None
    if blocks is None:
        return Outcome(False, failed)
    assert not failed, "the block was taken though a record fails"
    found: list[Any] = []
    for one in blocks:
        assert list(one.ordinals) == sorted(one.ordinals)
        assert len(one)
        found += zip(one.ordinals, map(facts, batch.records_of(one)), strict=True)
    assert sorted(found, key=lambda pair: pair[0]) == expected
    return Outcome(True, failed)


__all__ = ["INTS", "TEXT", "Outcome", "block_of", "compare", "exact", "facts", "record_lists", "structs"]
