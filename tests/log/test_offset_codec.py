"""Source offsets are the bytes a JVM worker writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import DataException
from headrace.log.offset_codec import canonical_key, offset_key, offset_value, parse_key, parse_value

texts = st.text(st.characters(exclude_categories=["Cs"]))
maps = st.dictionaries(texts, st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), texts))


def test_bytes() -> None:
    assert offset_key("inventory", {"server": "dbserver1"}) == b'["inventory",{"server":"dbserver1"}]'
    assert offset_value({"lsn": 5, "snapshot": True, "x": None}) == b'{"lsn":5,"snapshot":true,"x":null}'
    assert offset_value(None) is None
    assert offset_key("ä", {"f": "/\x1f\\u001f\n"}) == '["ä",{"f":"/\\u001F\\\\u001f\\n"}]'.encode()
    assert offset_value({"b": b"\x00\xff"}) == b'{"b":"AP8="}'


def test_bytes_of_what_java_writes_otherwise() -> None:
    """Jackson's escapes of what is beyond U+FFFF; Double.toString."""
    assert offset_key("c", {"t": "a😀é"}) == '["c",{"t":"a\\uD83D\\uDE00é"}]'.encode()
    assert parse_key(offset_key("c", {"t": "a😀é"})) == ("c", {"t": "a😀é"})
    assert offset_value({"a": 1e16, "b": 0.5, "c": 1e-5, "d": -0.0}) == b'{"a":1.0E16,"b":0.5,"c":1.0E-5,"d":-0.0}'


@given(texts, maps)
def test_round_trip(connector: str, fields: dict[str, object]) -> None:
    assert parse_key(offset_key(connector, fields)) == (connector, fields)
    assert parse_value(offset_value(fields) or b"") == fields
    turned = dict(reversed(fields.items()))
    assert canonical_key(offset_key(connector, turned)) == canonical_key(offset_key(connector, fields))


@pytest.mark.parametrize(
    "bad", [{"a": [1]}, {"a": {}}, {1: "x"}, {"a": object()}, {"a": float("nan")}, {"a": "\ud800"}]
)
def test_what_connect_refuses_is_refused(bad: dict[str, object]) -> None:
    for encode in (offset_value, lambda fields: offset_key("c", fields)):
        with pytest.raises(DataException) as caught:
            encode(bad)
        assert caught.value.code == "OFFSET_INVALID"


@pytest.mark.parametrize("bad", [b"", b"{", b"{}", b"[]", b'["c"]', b"[1,{}]", b'["c",[]]', b"\xff"])
def test_foreign_keys_are_refused(bad: bytes) -> None:
    with pytest.raises(DataException):
        parse_key(bad)
