"""Include lists, message keys, masks and names."""

from __future__ import annotations

import pytest

from headrace.cdc.envelope import uuid7
from headrace.cdc.filters import MessageKeys, NameFilter, split_patterns
from headrace.cdc.masks import ColumnMasks
from headrace.cdc.topic_naming import Rewrite
from headrace.cdc.topics import ADJUSTERS, FIELD_ADJUSTERS, TopicNames
from headrace.errors import ConfigException


def filter_of(**settings: str) -> NameFilter:
    return NameFilter.of({k.replace("_", "."): v for k, v in settings.items()}.get, "include", "exclude")


def test_lists_split_at_commas_that_are_not_escaped() -> None:
    assert split_patterns(r"a{1\,2}, b ,,c") == ["a{1,2}", "b", "c"]
    assert split_patterns(None) == []


def test_patterns_match_whole_names_whatever_their_case() -> None:
    chosen = filter_of(include=r"public\.Orders,shop\..*")
    assert chosen("PUBLIC.orders")
    assert chosen("shop.x")
    assert not chosen("public.orders2")
    assert not filter_of(exclude="a.*")("abc")
    assert filter_of()("anything")


def test_both_lists_and_bad_patterns_are_refused() -> None:
    with pytest.raises(ConfigException) as caught:
        filter_of(include="a", exclude="b")
    assert caught.value.code == "FILTERS_EXCLUSIVE"
    with pytest.raises(ConfigException) as caught:
        filter_of(include="(")
    assert caught.value.field == "include"


def test_message_keys() -> None:
    keys = MessageKeys("message.key.columns", "a.b:x,y; (.*).c:z")
    assert keys.columns("a.b") == ("x", "y")
    assert keys.columns("q.c") == ("z",)
    assert keys.columns("q.d") is None
    for bad in ("a.b", "a.b:", ":x"):
        with pytest.raises(ConfigException):
            MessageKeys("message.key.columns", bad)


def test_masks() -> None:
    masks = ColumnMasks(
        {
            "column.mask.with.3.chars": "t.stars",
            "column.truncate.to.2.chars": "t.short",
            "column.mask.hash.SHA-256.with.salt.abc": "t.hash",
            "column.mask.hash.v2.SHA-256.with.salt.abc": "t.hash2",
            "column.include.list": "x",
        }
    )
    stars, short, first, second = (masks.mask(f"t.{name}") for name in ("stars", "short", "hash", "hash2"))
    assert stars is not None
    assert short is not None
    assert first is not None
    assert second is not None
    assert (stars.apply("secret"), stars.null) == ("***", "***")
    assert short.apply("secret") == "se"
    # Recorded from Debezium 3.6.3: SHA-256, salt abc, of z.
    assert first.apply("z") == "627db3589f11dcf8a6e43bfa1aa690879f03d28ca98a9413be35a56d038bc11f"
    assert second.apply("z") == "d340daeb5293c2a4bd981476782b53424944f7d0d8207795266444884cccb972"
    cut = masks.mask("t.hash", length=10)
    assert cut is not None
    assert cut.apply("z") == "627db3589f"
    assert masks.mask("t.other") is None
    with pytest.raises(ConfigException):
        ColumnMasks({"column.mask.hash.NONE.with.salt.x": "t"})


def test_a_cut_that_shortens_nothing_does_not_uncover_a_masked_column() -> None:
    masks = ColumnMasks({"column.truncate.to.20.chars": ".*", "column.mask.with.3.chars": "t.secret"})
    short = masks.mask("t.secret", length=10)
    assert short is not None
    assert short.apply("secret") == "***"
    assert masks.mask("t.other", length=10) is None


def test_a_regex_for_topics_may_begin_with_flags() -> None:
    rewrite = Rewrite.of("topic.regex", r"(?i)SRV\.public\.(.*)", "all.$1")
    assert rewrite("srv.PUBLIC.x") == "all.x"
    assert rewrite("srv.other.x") == "srv.other.x"


def test_names() -> None:
    names = TopicNames("srv")
    assert names.table("public", "Odd Näme") == "srv.public.Odd_N_me"
    assert len(names.table("x" * 200, "y" * 100)) == 249
    assert names.heartbeat == "__debezium-heartbeat.srv"


def test_names_are_fitted_to_avro_as_debezium_does_it() -> None:
    names = ("1a.2b-c", "a_b.c", "-x", "é.é", ".a", "")
    fitted = {
        "avro": (["_1a.2b_c", "a_b.c", "_x", "_._", "_a", ""], ["_1a_2b_c", "a_b_c", "_x", "___", "_a", ""]),
        "avro_unicode": (
            ["_u0031a.2b_u002dc", "a_u005fb.c", "_u002dx", "_u00e9._u00e9", "_u002ea", ""],
            ["_u0031a_u002e2b_u002dc", "a_u005fb_u002ec", "_u002dx", "_u00e9_u002e_u00e9", "_u002ea", ""],
        ),
    }
    for mode, (of_schemas, of_fields) in fitted.items():
        assert [ADJUSTERS[mode](name) for name in names] == of_schemas
        assert [FIELD_ADJUSTERS[mode](name) for name in names] == of_fields


def test_characters_are_escaped_by_their_utf16_units_as_java_prints_them() -> None:
    assert ADJUSTERS["avro_unicode"]("x\U0001f600\u0142\n") == "x_ud83d_ude00_u142_u00a"
    assert ADJUSTERS["avro"]("x\U0001f600") == "x__"
    assert TopicNames("srv", "-").message == "srv.message"


def test_run_ids_are_version_7_and_ordered_by_time() -> None:
    first = uuid7()
    assert first.version == 7
    assert first.variant == "specified in RFC 4122"
