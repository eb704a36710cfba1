"""Messages from descriptions: what is written is read again, in both forms of the bytes; hostile bytes and values give the coded error."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import DataException
from headrace.systems.kafka.schema import Message, Schema

DESCRIPTION = (
    "flag:bool tiny:int8 error:int16 count:int32 offset:int64 name:string alias:string? raw:bytes more:bytes?"
    " members:[id:string tasks:[int32]] hosts:[string]?=null delay:int32=0"
)
SCHEMAS = {flexible: Schema(DESCRIPTION, flexible=flexible) for flexible in (False, True)}
INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
MESSAGES = st.fixed_dictionaries(
    {
        "flag": st.booleans(),
        "tiny": st.integers(-128, 127),
        "error": st.integers(-(1 << 15), (1 << 15) - 1),
        "count": INT32,
        "offset": st.integers(-(1 << 63), (1 << 63) - 1),
        "name": TEXT,
        "alias": st.none() | TEXT,
        "raw": st.binary(max_size=300),
        "more": st.none() | st.binary(),
        "members": st.lists(st.fixed_dictionaries({"id": TEXT, "tasks": st.lists(INT32)}), max_size=5),
        "hosts": st.none() | st.lists(TEXT, max_size=5),
        "delay": INT32,
    }
)


@given(MESSAGES, st.booleans(), st.binary(max_size=5))
def test_what_is_written_is_read_again(message: Message, flexible: bool, behind: bytes) -> None:
    schema = SCHEMAS[flexible]
    assert schema.decode(schema.encode(message) + behind) == message


@given(MESSAGES, st.booleans(), st.data())
def test_bytes_that_are_cut_or_changed_give_the_coded_error_or_a_message(
    message: Message, flexible: bool, data: st.DataObject
) -> None:
    raw = bytearray(SCHEMAS[flexible].encode(message))
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=3)):
        raw[place] = data.draw(st.integers(0, 255))
    _decode(bytes(raw[: data.draw(st.integers(0, len(raw)))]), flexible)


@given(st.binary(max_size=100), st.booleans())
def test_any_bytes_give_the_coded_error_or_a_message(raw: bytes, flexible: bool) -> None:
    _decode(raw, flexible)


def _decode(raw: bytes, flexible: bool) -> None:
    with suppress(DataException):  # any other error fails the test
        SCHEMAS[flexible].decode(raw)


def test_bytes_as_the_protocol_guide_has_them() -> None:
    members = {"id": "ab", "tasks": [1, -1], "alias": None}
    plain = Schema("id:string tasks:[int32] alias:string?").encode(members)
    assert plain == bytes.fromhex("0002 6162 00000002 00000001 ffffffff ffff")
    flexible = Schema("id:string tasks:[int32] alias:string?", flexible=True)
    assert flexible.encode(members) == bytes.fromhex("03 6162 03 00000001 ffffffff 00 00")
    with_tags = bytes.fromhex("03 6162 03 00000001 ffffffff 00 02 00 01 ff 8101 03 010203")
    assert flexible.decode(with_tags) == members
    long = Schema("raw:bytes", flexible=True)
    assert long.encode({"raw": bytes(200)})[:2] == b"\xc9\x01"


def test_an_array_may_not_promise_more_elements_than_there_are_bytes() -> None:
    with pytest.raises(DataException, match="length 2147483647") as raised:
        Schema("tasks:[int32]").decode(b"\x7f\xff\xff\xff")
    assert raised.value.code == "KAFKA_MALFORMED"


def test_missing_fields_at_the_end_are_what_the_description_says() -> None:
    schema = Schema("error:int16 hosts:[string]?=null delay:int32=5 last:bool=true")
    assert schema.decode(b"\x00\x01") == {"error": 1, "hosts": None, "delay": 5, "last": True}
    with pytest.raises(DataException):
        schema.decode(b"\x00\x01\x00")


@pytest.mark.parametrize(
    "wrong",
    [
        {"flag": 1},
        {"tiny": 128},
        {"error": -(1 << 15) - 1},
        {"count": 1.5},
        {"offset": 1 << 63},
        {"offset": None},
        {"name": None},
        {"name": b"bytes"},
        {"name": "\ud800"},
        {"name": "x" * 32_768},
        {"raw": "text"},
        {"members": None},
        {"members": "text"},
        {"members": [None]},
        {"members": [{"id": "a", "tasks": ["1"]}]},
        {"hosts": [None]},
    ],
    ids=repr,
)
def test_values_that_do_not_fit_give_the_coded_error(wrong: dict[str, Any]) -> None:
    fits = {"flag": True, "tiny": 0, "error": 0, "count": 0, "offset": 0, "name": "", "raw": b"", "members": []}
    for schema in SCHEMAS.values():
        schema.encode(fits)
        with pytest.raises(DataException) as raised:
            schema.encode({**fits, **wrong})
        assert raised.value.code == "KAFKA_UNENCODABLE"


@pytest.mark.parametrize("description", ["name", "name:", "name:text", "a:[int32", "a:[", "a:int32]", "A:int8"])
def test_a_description_that_is_none_is_refused(description: str) -> None:
    with pytest.raises(ValueError, match=r"descri|type|array|unbalanced"):
        Schema(description)
