"""Debezium's transforms one behind the other, and with the values only our sources make."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.data import INT32_SCHEMA, OPTIONAL_STRING_SCHEMA, SchemaBuilder, Struct
from headrace.data.unchanged import UnchangedText
from headrace.errors import ConfigException, DataException
from headrace.transforms.debezium.changed_record_state import ExtractChangedRecordState
from headrace.transforms.debezium.event_router import EventRouter
from headrace.transforms.debezium.extract_new_record_state import ExtractNewRecordState
from headrace.transforms.debezium.header_to_value import HeaderToValue
from headrace.transforms.debezium.logical_table_router import ByLogicalTableRouter
from headrace.transforms.debezium.scripting import ContentBasedRouter, Filter
from headrace.transforms.debezium.timezone_converter import TimezoneConverter
from tests.transforms.events import EVENTS, SOURCE, event, facts, made, record, row, tombstone


def through(records: Any, *transforms: Any) -> list[Any]:
    results = list(records)
    for transform in transforms:
        results = [result for one in results if (result := transform.apply(one)) is not None]
    return results


def test_the_names_of_changed_columns_become_a_column() -> None:
    results = through(
        [EVENTS[4], *EVENTS[:3], tombstone()],
        made(ExtractChangedRecordState, header_changed_name="changed", header_unchanged_name="same"),
        made(HeaderToValue, headers="changed,same", fields="changed,same", operation="move"),
        made(ExtractNewRecordState, **{"add.fields": "changed,same", "delete.tombstone.handling.mode": "rewrite"}),
    )
    rows = [result.value.to_dict() for result in results]
    assert [(one["__changed"], one["__same"], one["__deleted"]) for one in rows] == [
        ([], [], "false"),
        ([], [], "false"),
        (["status"], ["id", "note"], "false"),
        ([], [], "true"),
    ]
    assert all(result.header_items == kept.header_items for result, kept in zip(results[1:], EVENTS[:3], strict=True))


def test_nothing_of_the_record_given_is_changed() -> None:
    kinds = [
        made(ExtractChangedRecordState, header_changed_name="c"),
        made(TimezoneConverter, converted_timezone="+02:00", include_list="source:orders:source.ts_ms"),
        made(ByLogicalTableRouter, topic_regex="(.*)", topic_replacement="x"),
        made(ExtractNewRecordState, **{"add.headers": "op", "delete.tombstone.handling.mode": "rewrite"}),
    ]
    for transform in kinds:
        for one in EVENTS[:4]:
            before, values = facts(one), repr(one.value)
            transform.apply(one)
            assert (facts(one), repr(one.value)) == (before, values)


def test_a_value_that_stands_for_an_unchanged_one_is_a_text_to_expressions() -> None:
    one = record(event("u", None, row(1, UnchangedText("long"), None)))
    for condition in (
        "value.after.status == 'long'",
        "value.after.status in ['long']",
        "value.after.status instanceof String",
    ):
        assert made(Filter, language="jsr223.groovy", condition=condition).apply(one) is one
    routed = made(
        ContentBasedRouter, **{"language": "jsr223.graal.js", "topic.expression": "value.after.status"}
    ).apply(one)
    assert (routed.topic, type(routed.topic)) == ("long", str)


def test_a_column_that_comes_later_reaches_the_envelope_of_the_outbox() -> None:
    def outbox(*names: str) -> Any:
        builder = SchemaBuilder.struct().optional().name("o.Value").field("n", INT32_SCHEMA)
        for name in ("id", "aggregatetype", "aggregateid", "payload", *names):
            builder.field(name, OPTIONAL_STRING_SCHEMA)
        of = builder.build()
        schema = SchemaBuilder.struct().name("o.Envelope").field("after", of).field("source", SOURCE)
        schema = schema.field("op", OPTIONAL_STRING_SCHEMA).field("ts_ms", OPTIONAL_STRING_SCHEMA).build()
        values = Struct(of, [1, "1", "order", "k", "p", *("late" for _ in names)])
        return record(Struct(schema, [values, Struct(SOURCE, [1, "d", "t", 1]), "c", None]), schema)

    placed = {
        "table.fields.additional.placement": "n:envelope,tenant:envelope",
        "table.field.additional.missing": "ignore",
    }
    router = made(EventRouter, **placed)
    first, second = router.apply(outbox()), router.apply(outbox("tenant"))
    assert first.value.to_dict() == {"payload": "p", "n": 1}
    assert second.value.to_dict() == {"payload": "p", "n": 1, "tenant": "late"}
    with pytest.raises(DataException):
        made(EventRouter, **{"table.fields.additional.placement": "tenant:envelope"}).apply(outbox())


def test_what_is_refused_names_the_setting() -> None:
    for kind, config, field in (
        (EventRouter, {"table.fields.additional.placement": "a:body"}, "table.fields.additional.placement"),
        (EventRouter, {"route.topic.replacement": "${x}"}, "route.topic.replacement"),
        (TimezoneConverter, {"converted.timezone": "PST"}, "converted.timezone"),
        (
            ByLogicalTableRouter,
            {"topic.regex": "x", "topic.replacement": "y", "key.field.regex": "z"},
            "key.field.replacement",
        ),
        (HeaderToValue, {"headers": "a", "fields": "a,b", "operation": "move"}, "fields"),
    ):
        with pytest.raises(ConfigException) as refused:
            kind().configure(config)
        assert refused.value.field == field
