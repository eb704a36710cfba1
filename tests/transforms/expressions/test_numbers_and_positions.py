"""Numbers without a width, positions in texts with characters beyond U+FFFF, calls with too many arguments. The answers are those of Groovy
4.0.17 and GraalJS 25.0.1 under Debezium's ContentBasedRouter."""

from __future__ import annotations

import contextlib
import time
from decimal import Decimal

import pytest

from headrace.data import INT64_SCHEMA, STRING_SCHEMA, SchemaBuilder, SourceRecord, Struct
from headrace.data.logical import decimal_builder
from headrace.errors import ConfigException, DataException
from headrace.transforms.debezium.scripting import ContentBasedRouter

_SCHEMA = (
    SchemaBuilder.struct()
    .field("n", STRING_SCHEMA)
    .field("l", INT64_SCHEMA)
    .field("d", decimal_builder(2).build())
    .build()
)
_VALUE = Struct(_SCHEMA, ["x😀y", 9007199254740993, Decimal("3000000000.55")])


def _routed(language: str, expression: str) -> str:
    router: ContentBasedRouter[SourceRecord] = ContentBasedRouter()
    text = f'"" + ({expression})' if language == "graal.js" else f"({expression}).toString()"
    router.configure({"language": f"jsr223.{language}", "topic.expression": text})
    record = router.apply(SourceRecord({}, {}, "t", value_schema=_SCHEMA, value=_VALUE))
    assert record is not None
    return record.topic


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("(2**31)*(2**40)", "2361183241434822606848"),
        ("10**20+1", "100000000000000000001"),
        ("5000000000L**2 - 1", "24999999999999999999"),
        ("-(2**63)", "-9223372036854775808"),
        ("2147483647 + 1", "-2147483648"),
        ("3L**2 + 9223372036854775807L", "-9223372036854775800"),
        ("2147483648 in [2**31]", "false"),
        ("4.0 ** 0.5", "2"),
        ("4 ** 0.5 + 2147483647", "-2147483647"),
        ("2.0d ** 2", "4"),
        ("0.1d ** 2", "0.010000000000000002"),
        ("10 ** 20L", "1.0E20"),
        ("2 ** 63L", "9223372036854775807"),
        ("0 ** -1", "Infinity"),
        ("'a'.compareTo('😀')", "-55260"),
        ("2**31 == 2147483648", "true"),
        ("(2**31).intdiv(2)", "1073741824"),
        ("1e300.toLong()", "0"),
        ("value.n.length()", "4"),
        ("value.n.substring(1,3)", "😀"),
        ("value.n.indexOf('y')", "3"),
        ("value.n[3]", "y"),
        ("value.n[1..2]", "😀"),
        ("value.n.charAt(3)", "y"),
        ("'a-b-c'.split('-',2)[1]", "b-c"),
        ("'a,,'.split(',',-1).size()", "3"),
        ("'abcabc'.indexOf('c',3)", "5"),
    ],
)
def test_groovy(expression: str, wanted: str) -> None:
    assert _routed("groovy", expression) == wanted


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("value.n.length", "4"),
        ("value.n.split('').length", "4"),
        ("-value.l", "-9007199254740992"),
        ("+value.l", "9007199254740992"),
        ("-value.l.zz", "NaN"),
        ("value.n.indexOf('y')", "3"),
        ("value.n[3]", "y"),
        ("value.n.slice(1,3)", "😀"),
        ("'a,b,c'.split(',',-1).length", "3"),
        ("'a,b'.split(',',NaN).length", "0"),
        ("'abcabc'.indexOf('c',3)", "5"),
        ("'abc'.startsWith('b',1)", "true"),
        ("'abc'.includes('a',1)", "false"),
        ("Math.max(1,NaN)", "NaN"),
        ("Math.min(1,NaN)", "NaN"),
        ("value.d.intValue()", "-1294967296"),
        ("value.d.longValue()", "3000000000"),
        ("parseInt('0x1f')", "31"),
        ("'length' in [1]", "true"),
    ],
)
def test_javascript(expression: str, wanted: str) -> None:
    assert _routed("graal.js", expression) == wanted


@pytest.mark.parametrize("expression", ["9**999**999**999", "(9**999)**1000", "1e999999999.toInteger()"])
def test_huge_numbers_take_no_time(expression: str) -> None:
    start = time.monotonic()
    with contextlib.suppress(DataException):
        assert _routed("groovy", expression) == "0"
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("language", "expression"),
    [
        ("groovy", "value.n.startsWith('x', 1, 2)"),
        ("groovy", "value.n.isEmpty(1)"),
        ("graal.js", "value.n.trim(1)"),
        ("graal.js", "Math.abs(1, 2)"),
    ],
)
def test_calls_with_too_many_arguments_are_refused_with_their_place(language: str, expression: str) -> None:
    with pytest.raises(ConfigException) as refused:
        _routed(language, expression)
    assert refused.value.code == "EXPRESSION_REFUSED"
    assert "arguments (column " in refused.value.message


def test_what_no_language_takes_is_told_as_the_one_that_got_further_sees_it() -> None:
    texts = {"topic.expression": "value.op === 'u' ? Math.abs(1, 2) : 'a'"}
    told = {one.name: one.errors for one in ContentBasedRouter.config().validate(texts)}
    assert "arguments (column 25)" in told["topic.expression"][0]
