"""ExtractNewRecordState against Debezium's rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.data import STRING_SCHEMA, Header, SchemaBuilder, Struct
from headrace.errors import ConfigException, DataException
from headrace.transforms.debezium.extract_new_record_state import ExtractNewRecordState
from tests.transforms.events import ENVELOPE, EVENTS, ROW, TRANSACTION, event, facts, made, record, row, tombstone

DELETE = record(event("d", row(1, "paid", None), None))


def unwrap(**settings: str) -> Any:
    return made(ExtractNewRecordState, **settings)


@pytest.mark.parametrize("op", ["c", "u", "r"])
def test_the_row_after_the_change(op: str) -> None:
    source = record(event(op, None, row(1, None, "n")))
    result = unwrap().apply(source)
    assert result.value.values == [1, None, "n"]
    assert [field.name for field in result.value_schema.fields] == ["id", "status", "note"]
    assert (result.value_schema.name, result.value_schema.optional) == ("s.public.orders.Value", False)
    assert result.value.schema is result.value_schema
    assert (result.topic, result.key, result.source_offset) == (source.topic, source.key, source.source_offset)
    assert source.value.schema is ENVELOPE
    assert result.value.values is not source.value.get("after").values


@pytest.mark.parametrize(
    ("mode", "delete", "after_it"),
    [
        ("drop", None, None),
        ("tombstone", ("null", ROW), None),
        ("rewrite", ([1, "paid", None, "true"], None), None),
        ("rewrite-with-tombstone", ([1, "paid", None, "true"], None), "kept"),
        ("delete-to-tombstone", ("null", None), None),
    ],
)
def test_delete_modes(mode: str, delete: Any, after_it: Any) -> None:
    transform = unwrap(delete_tombstone_handling_mode=mode)
    result = transform.apply(DELETE)
    if delete is None:
        assert result is None
    elif delete[0] == "null":
        assert result.value is None
        assert result.value_schema == delete[1]
    else:
        assert result.value.values == delete[0]
        assert [field.name for field in result.value_schema.fields][-1] == "__deleted"
    end = transform.apply(tombstone())
    assert (end is None) == (after_it is None)


def test_rewrite_marks_live_rows_and_fills_defaults() -> None:
    live = record(event("c", None, row(1, None, "n")))
    assert unwrap(delete_tombstone_handling_mode="rewrite").apply(live).value.values == [1, "new", "n", "false"]
    keep = unwrap(delete_tombstone_handling_mode="rewrite", replace_null_with_default="false")
    assert keep.apply(live).value.values == [1, None, "n", "false"]
    assert unwrap().apply(live).value.values == [1, None, "n"]


def test_truncate_is_dropped_and_a_delete_without_old_row_is_not() -> None:
    assert unwrap().apply(record(event("t", None, None))) is None
    bare = record(event("d", None, None))
    assert unwrap().apply(bare).value is None
    with pytest.raises(DataException) as refused:
        unwrap(delete_tombstone_handling_mode="rewrite").apply(bare)
    assert refused.value.code == "DELETE_WITHOUT_BEFORE"


def test_others_pass_unchanged() -> None:
    heartbeat = SchemaBuilder.struct().name("io.debezium.connector.common.Heartbeat").field("ts", STRING_SCHEMA).build()
    nearly = SchemaBuilder.struct().name("x.Envelope").field("op", STRING_SCHEMA).build()
    for other in (
        record({"a": 1}, None),
        record("x", STRING_SCHEMA),
        record(Struct(heartbeat, ["1"]), heartbeat),
    ):
        assert unwrap().apply(other) is other
    for broken in (record("no struct", ENVELOPE), record(Struct(nearly, ["c"]), nearly)):
        with pytest.raises(DataException):
            unwrap().apply(broken)


def test_added_fields() -> None:
    transform = unwrap(
        add_fields="op,table,source.ts_ms, lsn:position ,ts_ms,id,transaction.total_order,before.status,nothing"
    )
    result = transform.apply(
        record(event("u", row(1, "new", None), row(1, "paid", None), Struct(TRANSACTION, ["7:1", 3])))
    )
    added = {field.name: value for field, value in zip(result.value_schema.fields, result.value.values, strict=True)}
    assert added == {
        "id": 1,
        "status": "paid",
        "note": None,
        "__op": "u",
        "__table": "orders",
        "__source_ts_ms": 1000,
        "__position": 42,
        "__ts_ms": 2000,
        "__id": "7:1",
        "__transaction_total_order": 3,
        "__before_status": "new",
    }
    assert all(field.schema.optional for field in result.value_schema.fields[3:])
    without = transform.apply(record(event("r", None, row(1, "paid", None))))
    assert without.value.get("__id") is None
    assert without.value.values[-1] is None
    assert without.value_schema is result.value_schema


def test_added_fields_on_deletes_only_when_rewritten() -> None:
    assert unwrap(add_fields="op", delete_tombstone_handling_mode="rewrite").apply(DELETE).value.values[-2:] == [
        "true",
        "d",
    ]
    assert unwrap(add_fields="op").apply(DELETE).value is None
    assert unwrap(add_fields="op", add_fields_prefix="x_").apply(EVENTS[0]).value.get("x_op") == "c"


def test_added_headers() -> None:
    transform = unwrap(
        add_headers="op,source.table:tab,nothing", delete_tombstone_handling_mode="rewrite-with-tombstone"
    )
    source = record(event("c", None, row(1, None, None)), headers=(Header("h", None, 1),))
    result = transform.apply(source)
    assert [(h.key, h.value) for h in result.headers] == [("h", 1), ("__op", "c"), ("__tab", "orders")]
    assert result.headers.last_with_name("__op").schema.optional
    assert len(source.headers) == 1
    assert [(h.key, h.value) for h in transform.apply(tombstone()).headers] == [("__op", "d")]


def test_route_by_field() -> None:
    transform = unwrap(route_by_field="status")
    assert transform.apply(record(event("u", None, row(1, "paid", None)))).topic == "paid"
    assert transform.apply(DELETE).topic == "paid"
    assert transform.apply(record(event("u", None, row(1, " ", None)))).topic == "s.public.orders"
    with pytest.raises(DataException):
        unwrap(route_by_field="id").apply(EVENTS[0])
    with pytest.raises(DataException):
        unwrap(route_by_field="none").apply(EVENTS[0])


def test_dropped_fields() -> None:
    dropping = record(event("u", None, row(1, "paid", "n")), headers=(Header("drop", None, ["id", "note"]),))
    result = unwrap(drop_fields_header_name="drop").apply(dropping)
    assert [field.name for field in result.value_schema.fields] == ["id", "status"]
    assert result.value.values == [1, "paid"]
    result = unwrap(
        drop_fields_header_name="drop", drop_fields_from_key="true", drop_fields_keep_schema_compatible="false"
    ).apply(dropping)
    assert result.value.values == ["paid"]
    assert result.key.values == []
    with pytest.raises(DataException):
        unwrap(drop_fields_header_name="drop").apply(record(EVENTS[0].value, headers=(Header("drop", None, "id"),)))


def test_settings_are_checked_and_removed_options_ignored() -> None:
    unwrap(drop_tombstones="false", delete_handling_mode="rewrite")
    for bad in ({"delete_tombstone_handling_mode": "none"}, {"add_fields": "a:b:c"}, {"add_headers": "a.b.c"}):
        with pytest.raises(ConfigException) as refused:
            unwrap(**bad)
        assert refused.value.field == next(iter(bad)).replace("_", ".")


def test_schema_is_derived_once() -> None:
    transform = unwrap(add_fields="op")
    results = transform.apply_batch([EVENTS[0], EVENTS[1], EVENTS[4]])
    assert len({id(result.value_schema) for result in results}) == 1


@given(
    st.lists(st.sampled_from(EVENTS), max_size=8),
    st.fixed_dictionaries(
        {},
        optional={
            "delete_tombstone_handling_mode": st.sampled_from(
                ["drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone"]
            ),
            "add_fields": st.sampled_from(["", "op,lsn", "id"]),
            "add_headers": st.sampled_from(["", "op,table"]),
            "route_by_field": st.sampled_from(["", "status"]),
        },
    ),
)
def test_batch_equals_single(records: list[Any], settings: dict[str, str]) -> None:
    before = [facts(item) for item in records]
    batch = [facts(item) for item in unwrap(**settings).apply_batch(records)]
    single = unwrap(**settings)
    assert batch == [facts(single.apply(item)) for item in records]
    assert [facts(item) for item in records] == before
