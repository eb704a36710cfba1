"""What is not understood is refused when it is configured, with the token and its place; nothing of it is ever run."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ConfigException, DataException
from headrace.transforms.debezium.scripting import ContentBasedRouter, Filter
from headrace.transforms.expressions.language import compile_expression
from tests.transforms.events import EVENTS, made, tombstone

REFUSED = {
    "groovy": [
        ("System.exit(0)", "unknown name 'System' (column 1)"),
        ("value.op == 'c' && headers.h", "unknown name 'headers' (column 20)"),
        ("value.after.id.foo()", "the method 'foo' is not supported (column 16)"),
        ("value.getClass()", "the method 'getClass' is not supported"),
        ("value.class", "'.class' names something of Java"),
        ("value.metaClass", "'.metaClass' names something of Java"),
        ("x = 1", "unexpected '=': expressions cannot assign; == compares (column 3)"),
        ("value.op === 'c'", "unexpected '===': === compares identities"),
        ("value.source.schema == 'public'", "'.schema' names the struct's own schema"),
        ("'public' != value.source['schema']", "'.schema' names the struct's own schema"),
        ("def x = 1", "'def' is not supported: only one expression is possible (column 1)"),
        ("if (true) 1", "'if' is not supported"),
        ("new Date()", "'new' is not supported"),
        ("value.op; value.key", "unexpected 'value'"),
        ("value.op ==", "unexpected the end (column 12)"),
        ("(value.op", "unexpected the end"),
        ("value.op)", "unexpected ')' (column 9)"),
        ("'abc", "the text does not end (column 1)"),
        ('"a${value.op"', "the placeholder does not end"),
        ('"costs 5$"', "a dollar stands in a text"),
        ("value.op == 'c' /* x", "the comment does not end (column 17)"),
        ("value.op ยง 1", "unexpected character"),
        ("value.op as Date", "'as Date' is not supported"),
        ("'a\\qb'", "the escape \\q is not supported"),
        ("value.op\n  == x", "unknown name 'x' (line 2, column 6)"),
        ("`ls`", "unexpected character '`' (column 1)"),
        ("value.op.execute()", "the method 'execute' is not supported"),
        ("'ls'.execute()", "the method 'execute' is not supported"),
        ("value.tags.collect { it }", "unexpected '{' (column 20)"),
        ("99999999999999999999", "is not supported"),
        ("5g", "unexpected 'g' behind the number 5"),
    ],
    "javascript": [
        ("value.op.equals('c')", "the method 'equals' is not supported (column 10)"),
        ("Java.type('java.lang.System')", "unknown name 'Java' (column 1)"),
        ("(() => 1)()", "unexpected ')'"),
        ("function f() {}", "'function' is not supported"),
        ("value.op = 'c'", "unexpected '='"),
        ("eval('1')", "unknown function 'eval' (column 1)"),
        ("this.x", "'this' is not supported"),
        ("/a/y.test('a')", "the flags 'y'"),
        ("/(/.test('a')", "(column 1)"),
        ("-2 ** 2", "a sign before ** needs parentheses"),
        ("value.constructor.constructor('return 1')", "the method 'constructor' is not supported"),
        ("value['constructor']('x')", "only methods and known functions can be called"),
        ("{a: 1}", "unexpected '{' (column 1)"),
        ("`${value.op`", "the placeholder does not end"),
    ],
}


@pytest.mark.parametrize(
    ("language", "text", "reason"), [(language, *case) for language, cases in REFUSED.items() for case in cases]
)
def test_what_is_not_understood(language: str, text: str, reason: str) -> None:
    with pytest.raises(ConfigException) as refused:
        compile_expression(text, language, "condition")
    assert reason in refused.value.message
    assert (refused.value.code, refused.value.field) == ("EXPRESSION_REFUSED", "condition")


@pytest.mark.parametrize("language", ["groovy", "javascript"])
def test_nesting_has_a_limit(language: str) -> None:
    for text in (
        "(" * 3000 + "1" + ")" * 3000,
        "!" * 3000 + "true",
        "[" * 3000 + "]" * 3000,
        "1 ? " * 3000 + "1" + ": 1" * 3000,
    ):
        with pytest.raises(ConfigException, match="nested too deeply"):
            compile_expression(text, language, "condition")
    assert compile_expression(" + ".join(["1"] * 200), language, "c")(EVENTS[0]) == 200
    for operator, wanted in (("||", False), ("&&", True)):
        text = f" {operator} ".join([f"{str(wanted).lower()}"] * 3000)
        assert compile_expression(text, language, "c")(EVENTS[0]) is wanted


@settings(max_examples=150, deadline=None)
@given(
    st.text("value.opafter()[]{}'\"`/\\ =!<>&|?:+-*%$~^,;0159\nxnull in as", max_size=40),
    st.sampled_from(["groovy", "javascript"]),
)
def test_any_text_is_taken_or_refused(text: str, language: str) -> None:
    with suppress(ConfigException, DataException):
        compile_expression(text, language, "condition")(EVENTS[0])


def test_settings() -> None:
    for bad in (
        {"language": "jsr223.groovy"},
        {"condition": "true"},
        {"language": "jsr223.python", "condition": "true"},
        {"language": "wasm.chicory", "condition": "true"},
        {"language": "groovy", "condition": "true"},
        {"language": "jsr223.groovy", "condition": "true", "null.handling.mode": "odd"},
        {"language": "jsr223.groovy", "condition": "true", "topic.regex": "("},
        {"language": "jsr223.graal.js", "condition": "value.op in ['c'] ?: 1"},
    ):
        with pytest.raises(ConfigException):
            Filter().configure(bad)
    with pytest.raises(ConfigException) as found:
        Filter.config().parse({"language": "jsr223.groovy", "condition": "value.op = 1"})
    assert found.value.field == "condition"


def test_an_expression_that_fails_tells_which_and_hides_the_values() -> None:
    with pytest.raises(DataException) as failed:
        made(Filter, language="jsr223.groovy", condition="value.before.status.length() > 1").apply(EVENTS[0])
    assert failed.value.code == "EXPRESSION_FAILED"
    assert "value.before.status.length()" in failed.value.message
    assert "null object" in failed.value.message
    with pytest.raises(DataException, match="must give a truth value"):
        made(Filter, language="jsr223.groovy", condition="value.op").apply(EVENTS[0])
    with pytest.raises(DataException, match="must give a text"):
        made(ContentBasedRouter, **{"language": "jsr223.groovy", "topic.expression": '"a-${value.op}"'}).apply(
            EVENTS[0]
        )
    with pytest.raises(DataException) as wrong:
        made(Filter, language="jsr223.groovy", condition="value.after.id > 'secret-of-the-row'").apply(EVENTS[0])
    assert "a number cannot be compared with a text" in wrong.value.message


def test_records_that_are_not_concerned_are_the_very_same() -> None:
    keep = made(Filter, language="jsr223.groovy", condition="false", topic_regex="other")
    assert keep.apply(EVENTS[0]) is EVENTS[0]
    keep = made(Filter, language="jsr223.groovy", condition="value.op == 'c'")
    assert [keep.apply(one) is one for one in EVENTS[:3]] == [True, False, False]
    gone = tombstone()
    assert keep.apply(gone) is gone
