"""Kafka's transforms of fields, headers and topics on blocks of columns: as on the records, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.data import (
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaBuilder,
    Struct,
    Type,
)
from headrace.data.logical import date_builder, time_builder, timestamp_builder
from headrace.native import core
from headrace.transforms import (
    cast,
    drop_headers,
    extract_field,
    filter,
    flatten,
    header_from,
    hoist_field,
    insert_header,
    mask_field,
    predicates,
    set_schema_metadata,
    timestamp_converter,
    timestamp_router,
    value_to_key,
)
from tests.converters.strategies import INTS, TEXT, leaf_schemas
from tests.transforms.block_rows import block_of, names, record_lists, structs
from tests.transforms.test_blocks import KEEP, check, maker, options, rows

pytestmark = pytest.mark.skipif(core is None, reason="without the Rust core there are no blocks")
checked = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TYPES = ("int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string")


def of(module: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([module.Key, module.Value])


NUMBERS = st.one_of(
    st.integers(-(2**65), 2**65).map(str),
    st.floats().map(repr),
    st.from_regex(r"[+-]?[0-9]{0,30}\.?[0-9]{0,30}([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(
        ["true", "TRUE", "False", " 1 ", "0x1p3", "1f", "٣", "3.4028235677973366e38", "NaN", "", "1_0", "+", "16777217"]
    ),
)


@st.composite
def cast_records(draw: Any) -> tuple[Schema, list[Any]]:
    schema = draw(leaf_schemas().filter(lambda one: one.type is not Type.BYTES or one.name is not None))
    struct = SchemaBuilder.struct().field("a", schema).field("b", OPTIONAL_STRING_SCHEMA).build()
    records = draw(record_lists(STRING_SCHEMA, struct))
    for record in records:
        if record.value is not None and schema.type is Type.STRING:
            record.value.values[0] = draw(NUMBERS)
    return schema, records


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_cast_of_fields(data: Any) -> None:
    schema, records = data.draw(cast_records())
    spec = {"spec": f"a:{data.draw(st.sampled_from(TYPES))}", "replace.null.with.default": data.draw(KEEP)}
    check(cast.Value, spec, records, always=schema.type in INTS and schema.name is None)


@checked
@given(st.data())
def test_cast_of_the_whole(data: Any) -> None:
    key = data.draw(leaf_schemas())
    records = data.draw(record_lists(key, data.draw(structs(depth=0))))
    check(cast.Key, {"spec": data.draw(st.sampled_from(TYPES))}, records, always=key.type in INTS and key.name is None)
    check(cast.Value, {"spec": "string"}, records, always=False)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_cast_of_single_values(data: Any) -> None:
    """The forms that are not declined, over many values of each type."""
    kind, strategy = data.draw(
        st.sampled_from(
            [
                (Type.FLOAT64, st.floats() | st.integers(-1080, 1025).map(lambda n: 2.0**n if n < 1024 else 0.0)),
                (Type.FLOAT32, st.floats(width=32)),
                (Type.INT64, st.integers(-(2**63), 2**63 - 1)),
                (Type.STRING, NUMBERS),
            ]
        )
    )
    schema = SchemaBuilder.struct().field("a", Schema(kind)).build()
    records = data.draw(
        record_lists(STRING_SCHEMA, SchemaBuilder.struct().build(), nulls=False, sink=False, max_size=1)
    )
    for record in records:
        record.value_schema, record.value = schema, Struct(schema, [data.draw(strategy)])
    spec = {"spec": f"a:{data.draw(st.sampled_from(TYPES))}"}
    check(cast.Value, spec, records, always=kind is not Type.STRING)


@checked
@given(st.data())
def test_mask_field(data: Any) -> None:
    config = {"fields": ",".join(data.draw(st.lists(names, min_size=1, max_size=2, unique=True)))}
    config |= options(
        data.draw,
        {"replacement": st.sampled_from(["7", "x", "-1.5", "300"]), "replace.null.with.default": KEEP},
        some=False,
    )
    # A zero of another scale than the schema's is not what a column holds.
    check(data.draw(of(mask_field)), config, data.draw(rows()), always=False)


def test_masks_of_plain_fields_stay_columns() -> None:
    schema = (
        SchemaBuilder.struct()
        .field("n", INT64_SCHEMA)
        .field("t", OPTIONAL_STRING_SCHEMA)
        .field("l", SchemaBuilder.array(STRING_SCHEMA).build())
        .build()
    )

    @settings(max_examples=40, deadline=None)
    @given(record_lists(STRING_SCHEMA, schema, nulls=False))
    def same(records: list[Any]) -> None:
        check(mask_field.Value, {"fields": "n,t,l"}, records)
        check(mask_field.Value, {"fields": "n,t", "replacement": "42"}, records)

    same()


@checked
@given(st.data())
def test_extract_field(data: Any) -> None:
    config = {"field": data.draw(st.sampled_from(["a", "b", "c.a", "a.b", "c"]))}
    config |= options(
        data.draw,
        {"field.syntax.version": st.sampled_from(["V1", "V2"]), "replace.null.with.default": KEEP},
        some=False,
    )
    check(data.draw(of(extract_field)), config, data.draw(rows()))


@checked
@given(st.data())
def test_hoist_field_and_metadata(data: Any) -> None:
    records = data.draw(rows())
    # A null without schema becomes a map.
    check(data.draw(of(hoist_field)), {"field": data.draw(names)}, records, always=False)
    config = options(data.draw, {"schema.name": names, "schema.version": st.just("7")})
    config |= options(data.draw, {"replace.null.with.default": KEEP}, some=False)
    check(data.draw(of(set_schema_metadata)), config, records)


@checked
@given(st.data())
def test_hoist_field_stays_columns(data: Any) -> None:
    check(data.draw(of(hoist_field)), {"field": "f"}, data.draw(rows(nulls=False, optional=False)))


@checked
@given(st.data())
def test_flatten(data: Any) -> None:
    config = options(data.draw, {"delimiter": st.sampled_from(["_", ""])}, some=False)
    check(data.draw(of(flatten)), config, data.draw(rows(depth=2)))


@checked
@given(st.data())
def test_value_to_key(data: Any) -> None:
    config = {"fields": ",".join(data.draw(st.lists(names, min_size=1, max_size=2, unique=True)))}
    config |= options(data.draw, {"replace.null.with.default": KEEP}, some=False)
    check(
        value_to_key.ValueToKey, config, data.draw(rows(min_fields=4, nulls=data.draw(st.booleans()), optional=False))
    )


@checked
@given(st.data())
def test_headers(data: Any) -> None:
    records = data.draw(rows())
    literal = data.draw(st.sampled_from(["5", "text", "[1,2]", "2020-01-02"]))
    check(insert_header.InsertHeader, {"header": "new", "value.literal": literal}, records)
    check(drop_headers.DropHeaders, {"headers": data.draw(st.sampled_from(["h", "nosuch", "h,x"]))}, records)
    fields = data.draw(st.lists(names, min_size=1, max_size=2, unique=True))
    config = {"fields": ",".join(fields), "headers": ",".join("pq"[: len(fields)])}
    config |= {"operation": data.draw(st.sampled_from(["move", "copy"])), "replace.null.with.default": data.draw(KEEP)}
    # Containers are not compared for headers.
    check(data.draw(of(header_from)), config, records, always=False)


@checked
@given(st.data())
def test_header_from_plain_fields_stays_columns(data: Any) -> None:
    fields = data.draw(st.lists(leaf_schemas(), min_size=2, max_size=2))
    schema = SchemaBuilder.struct().field("a", fields[0]).field("b", fields[1]).build()
    records = data.draw(record_lists(STRING_SCHEMA, schema, nulls=False))
    operation = data.draw(st.sampled_from(["move", "copy"]))
    check(header_from.Value, {"fields": "b", "headers": "p", "operation": operation}, records)


@checked
@given(st.data())
def test_timestamp_router(data: Any) -> None:
    pattern = data.draw(st.sampled_from(["yyyyMMdd", "HH", "yyyy-MM-dd'T'HH:mm:ss.SSS", "EEE", "'x'"]))
    check(timestamp_router.TimestampRouter, {"timestamp.format": pattern}, data.draw(rows()))


MOMENTS = st.sampled_from(
    [
        INT64_SCHEMA,
        SchemaBuilder.int64().optional().default(5).build(),
        SchemaBuilder.int64().name("io.debezium.time.MicroTimestamp").build(),
        timestamp_builder().optional().build(),
        date_builder().build(),
        time_builder().build(),
    ]
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_timestamp_converter(data: Any) -> None:
    schema = data.draw(MOMENTS)
    struct = SchemaBuilder.struct().optional().field("a", schema).field("b", STRING_SCHEMA).build()
    config = {
        "target.type": data.draw(st.sampled_from(["unix", "Date", "Time", "Timestamp"])),
        "unix.precision": data.draw(st.sampled_from(["seconds", "milliseconds", "microseconds", "nanoseconds"])),
        "replace.null.with.default": data.draw(KEEP),
    }
    check(timestamp_converter.Value, {**config, "field": "a"}, data.draw(record_lists(STRING_SCHEMA, struct)))
    check(timestamp_converter.Key, config, data.draw(record_lists(schema, struct)))


@checked
@given(st.data())
def test_texts_of_timestamps_are_left_to_records(data: Any) -> None:
    records = data.draw(
        record_lists(OPTIONAL_STRING_SCHEMA, SchemaBuilder.struct().field("a", OPTIONAL_INT64_SCHEMA).build())
    )
    check(timestamp_converter.Key, {"target.type": "unix", "format": "yyyy"}, records, always=False)
    check(timestamp_converter.Value, {"target.type": "string", "format": "yyyy", "field": "a"}, records, always=False)


@checked
@given(st.data())
def test_filter_and_predicates(data: Any) -> None:
    records = data.draw(rows())
    check(filter.Filter, {}, records)
    made = block_of(records)
    if made is None:
        return
    for predicate, config in (
        (predicates.RecordIsTombstone, {}),
        (predicates.HasHeaderKey, {"name": data.draw(st.sampled_from(["h", "nosuch"]))}),
        (predicates.TopicNameMatches, {"pattern": data.draw(st.sampled_from(["t\\..*", "x"]))}),
    ):
        one = maker(predicate, config)()
        mask = one.test_block(made[0])
        assert [mask[row] for row in range(len(mask))] == [one.test(record) for record in records]


@checked
@given(TEXT, record_lists(STRING_SCHEMA, STRING_SCHEMA))
def test_texts_stay_what_they_are(text: str, records: list[Any]) -> None:
    for record in records:
        if record.value is not None:
            record.value = text
    check(cast.Value, {"spec": "string"}, records)
