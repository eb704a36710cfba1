"""Routers, predicates, Filter, TimestampConverter; Java's patterns in Python."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.data import (
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    STRING_SCHEMA,
    Header,
    Schema,
    SchemaBuilder,
    Struct,
)
from headrace.data.date_format import JavaDateFormat
from headrace.data.logical import date_builder, datetime_to_millis, time_builder, timestamp_builder
from headrace.errors import ConfigException, ConnectException, DataException
from headrace.transforms import timestamp_converter
from headrace.transforms.filter import Filter
from headrace.transforms.patterns import java_pattern, java_replacement
from headrace.transforms.predicates import HasHeaderKey, RecordIsTombstone, TopicNameMatches
from headrace.transforms.regex_router import RegexRouter
from headrace.transforms.timestamp_router import TimestampRouter
from tests.transforms.events import made, record, tombstone

MOMENT = dt.datetime(2020, 9, 13, 12, 26, 40, 123000, tzinfo=dt.UTC)
MILLIS = 1_600_000_000_123


@pytest.mark.parametrize(
    ("regex", "replacement", "topic", "expected"),
    [
        (r"s\.public\.(.*)", "$1", "s.public.orders", "orders"),
        (r"s\.public\.(.*)", "${1x}", "s.public.orders", None),
        (r"(?<schema>\w+)\.(?<table>\w+)", "${table}-${schema}", "a.b", "b-a"),
        (r"(\w+)\.(\w+)", "$2_$10", "a.b", "b_a0"),
        (r".*", "fixed\\$x\\\\", "t", "fixed$x\\"),
        (r"orders", "x", "orders2", "orders2"),
        (r"a|ab", "x", "ab", "xb"),
        (r"(x)?y", "[$1]", "y", "[]"),
        (r"\Qa.b\E(.*)", "$1", "a.bc", "c"),
        (r"(\p{Alpha}+)(\p{Digit}*)", "$2$1", "ab12", "12ab"),
        (r"(a++)b", "$1", "aaab", "aaa"),
        (r"(.)\1", "$1", "aa", "a"),
        (r"(?<c>.)\k<c>", "${c}", "aa", "a"),
        (r"[^.]+\.(.+)", "$0-$1", "a.b", "a.b-b"),
        (r"(?i)ORDERS", "x", "orders", "x"),
    ],
)
def test_regex_router(regex: str, replacement: str, topic: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ConfigException):
            made(RegexRouter, regex=regex, replacement=replacement)
        return
    transform = made(RegexRouter, regex=regex, replacement=replacement)
    source = record(None, None, topic=topic)
    assert transform.apply(source).topic == expected
    assert transform.apply_batch([source, source])[1].topic == expected
    assert source.topic == topic


@pytest.mark.parametrize("regex", ["(", "a**", r"\p{InGreek}", r"a\Gb", "(?<=a*)b", r"\X", "(?U)a", "[a"])
def test_patterns_without_an_equal_are_refused(regex: str) -> None:
    with pytest.raises(ConfigException) as refused:
        made(RegexRouter, regex=regex, replacement="x")
    assert refused.value.field == "regex"
    assert next(outcome.errors for outcome in RegexRouter.config().validate({"regex": regex, "replacement": "x"}))


@pytest.mark.parametrize("replacement", ["$", "$x", "$2", "${no}", "a\\"])
def test_replacements_are_checked(replacement: str) -> None:
    with pytest.raises(ConfigException) as refused:
        java_replacement(replacement, java_pattern("(a)", "regex"), "replacement")
    assert refused.value.field == "replacement"


@given(st.text(max_size=10))
def test_quoted_text_matches_itself_only(text: str) -> None:
    if "\\E" not in text:
        assert java_pattern("\\Q" + text + "\\E", "regex").fullmatch(text) is not None


def test_timestamp_router() -> None:
    assert made(TimestampRouter).apply(record(None, None)).topic == "s.public.orders-20200913"
    transform = made(
        TimestampRouter, **{"topic.format": "${timestamp}/${topic}", "timestamp.format": "yyyy-MM-dd'T'HH"}
    )
    assert transform.apply(record(None, None)).topic == "2020-09-13T12/s.public.orders"
    with pytest.raises(DataException):
        transform.apply(record(None, None, timestamp=None))
    with pytest.raises(ConfigException) as refused:
        made(TimestampRouter, **{"timestamp.format": "yyyy-bb"})
    assert refused.value.field == "timestamp.format"


def test_predicates_and_filter() -> None:
    with_header = record(1, None, headers=(Header("h", None, 1),))
    assert made(HasHeaderKey, name="h").test(with_header)
    assert not made(HasHeaderKey, name="x").test(with_header)
    assert made(RecordIsTombstone).test(tombstone())
    assert not made(RecordIsTombstone).test(with_header)
    assert made(TopicNameMatches, pattern=r"s\.(.*)").test(with_header)
    assert not made(TopicNameMatches, pattern="orders").test(with_header)
    assert made(Filter).apply(with_header) is None
    for predicate, settings in ((HasHeaderKey, {"name": ""}), (HasHeaderKey, {}), (TopicNameMatches, {"pattern": "("})):
        with pytest.raises(ConfigException):
            made(predicate, **settings)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd HH:mm:ss.SSS", "2020-09-13 12:26:40.123"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSZ", "2020-09-13T12:26:40.123+0000"),
        ("yyyyMMddHHmmssSSS", "20200913122640123"),
        ("EEE, d MMM yyyy hh:mm:ss.SSS a z", "Sun, 13 Sep 2020 12:26:40.123 PM UTC"),
        ("EEEE dd. MMMM yy '''o''clock' kk:mm:ss.SSSXXX", "Sunday 13. September 20 'o'clock 12:26:40.123Z"),
        ("D yyyy H m s S", "257 2020 12 26 40 123"),
    ],
)
def test_date_formats(pattern: str, text: str) -> None:
    compiled = JavaDateFormat(pattern, "format")
    assert compiled.format(MILLIS) == text
    assert compiled.parse(text) == MILLIS


def _millis(year: int, month: int, day: int) -> int:
    return datetime_to_millis(dt.datetime(year, month, day, tzinfo=dt.UTC))


def test_date_parsing_follows_java() -> None:
    zoned = JavaDateFormat("yyyy-MM-dd'T'HH:mmX", "format")
    assert zoned.parse("2020-01-01T02:00+02:00") == _millis(2020, 1, 1)
    plain = JavaDateFormat("yyyy-MM-dd", "format")
    assert plain.parse("2020-13-01") == _millis(2021, 1, 1)
    assert plain.parse("2020-1-1 and more") == _millis(2020, 1, 1)
    for bad in ("", "x", "2020/01/01"):
        with pytest.raises(DataException):
            plain.parse(bad)
    weeks = JavaDateFormat("YYYY-'W'ww-u", "format")
    assert weeks.format(_millis(2019, 12, 30)) == "2020-W01-1"
    assert weeks.parse("2020-W01-1") == _millis(2019, 12, 30)
    for pattern in ("yyyy-bb", "'open", "XXXX", "é'", "n"):
        with pytest.raises(ConfigException) as refused:
            JavaDateFormat(pattern, "format")
        assert refused.value.field == "format"


@given(st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)))
def test_date_format_round_trip(moment: dt.datetime) -> None:
    millis = datetime_to_millis(moment)
    for pattern in ("yyyy-MM-dd HH:mm:ss.SSS", "G yyyy DDD kk mm ss SSS"):
        compiled = JavaDateFormat(pattern, "format")
        assert compiled.parse(compiled.format(millis)) == millis


DATE, TIME, TIMESTAMP = date_builder().build(), time_builder().build(), timestamp_builder().build()
FORMS: list[tuple[Schema, str, Any]] = [
    (TIMESTAMP, "Timestamp", MOMENT),
    (INT64_SCHEMA, "unix", MILLIS),
    (STRING_SCHEMA, "string", "2020-09-13 12:26:40.123"),
]


@pytest.mark.parametrize(("source", "_", "value"), FORMS)
@pytest.mark.parametrize(
    ("target", "kind", "expected"), [*FORMS, (DATE, "Date", MOMENT.date()), (TIME, "Time", MOMENT.time())]
)
def test_timestamp_converter(source: Schema, _: str, value: Any, target: Schema, kind: str, expected: Any) -> None:
    settings = {"target.type": kind, "format": "yyyy-MM-dd HH:mm:ss.SSS"}
    whole = made(timestamp_converter.Value, **settings).apply(record(value, source))
    assert (whole.value_schema, whole.value) == (target, expected)
    assert made(timestamp_converter.Value, **settings).apply(record(value, None)).value == expected
    schema = SchemaBuilder.struct().optional().field("x", INT32_SCHEMA).field("ts", source).build()
    in_field = made(timestamp_converter.Value, field="ts", **settings)
    result = in_field.apply(record(Struct(schema, [1, value]), schema))
    assert result.value.values == [1, expected]
    assert result.value_schema.optional
    assert result.value_schema.fields[1].schema == target
    assert in_field.apply(record(None, schema)).value is None
    assert in_field.apply(record({"ts": value}, None)).value == {"ts": expected}
    assert in_field.apply(record({"x": 1}, None)).value == {"x": 1, "ts": None}


@pytest.mark.parametrize(
    ("precision", "number", "back"),
    [("seconds", 1_600_000_000, 1_600_000_000), ("microseconds", MILLIS * 1000 + 7, MILLIS * 1000),
     ("nanoseconds", MILLIS * 10**6 + 7, MILLIS * 10**6), ("microseconds", -1, 0)],
)  # fmt: skip
def test_unix_precision(precision: str, number: int, back: int) -> None:
    to = made(timestamp_converter.Value, **{"target.type": "Timestamp", "unix.precision": precision})
    result = to.apply(record(number, OPTIONAL_INT64_SCHEMA))
    assert result.value_schema.optional
    unix = made(timestamp_converter.Value, **{"target.type": "unix", "unix.precision": precision})
    assert unix.apply(result).value == back
    assert to.apply(record(None, OPTIONAL_INT64_SCHEMA)).value is None


def test_timestamp_converter_refusals() -> None:
    for settings in (
        {"target.type": "string"},
        {"target.type": "date"},
        {},
        {"target.type": "unix", "format": "yyyy-bb"},
    ):
        with pytest.raises(ConfigException):
            made(timestamp_converter.Value, **settings)
    unix = made(timestamp_converter.Value, **{"target.type": "unix"})
    for value, schema in (
        (1.5, None),
        (True, None),
        ("2020", None),
        ("x", INT64_SCHEMA),
        (5, TIMESTAMP),
    ):
        with pytest.raises(ConnectException):
            unix.apply(record(value, schema))
    with pytest.raises(ConnectException) as refused:
        unix.apply(record(1, INT32_SCHEMA))
    assert refused.value.code == "TIMESTAMP_TYPE_UNKNOWN"
    with pytest.raises(DataException):
        made(timestamp_converter.Value, field="ts", **{"target.type": "unix"}).apply(record("text", STRING_SCHEMA))
