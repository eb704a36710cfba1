"""A stream whose values came in binary format: its records are those of the same stream in texts, which Python decodes."""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.native.test_pgoutput_stream import (
    CLOCK,
    NO_LIMIT,
    PROPS,
    Column,
    Table,
    both,
    equal,
    offline_of,
    slowly,
    streams,
)
from tests.sources.postgres import offline
from tests.sources.postgres.offline import Offline

from headrace.native import core, pgoutput
from headrace.sources.postgres.stream.binary import BinaryRefusedError
from headrace.sources.postgres.stream.native_stream import NativeStream
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.sources.postgres.tables import TableCodec
from headrace.sources.postgres.types.wires import wire_of

pytestmark = pytest.mark.skipif(core is None, reason="needs the Rust core")

_EPOCH = dt.datetime(2000, 1, 1)


def _moment(text: str) -> bytes:
    if text == "-infinity":
        return struct.pack(">q", -(1 << 63))
    if text.startswith("10000"):
        return struct.pack(
            ">q", (dt.datetime(9999, 12, 31) - _EPOCH + dt.timedelta(days=1)) // dt.timedelta(microseconds=1)
        )
    return struct.pack(
        ">q", (dt.datetime.fromisoformat(text.removesuffix("+00")) - _EPOCH) // dt.timedelta(microseconds=1)
    )


def _date(text: str) -> bytes:
    if text == "infinity":
        return struct.pack(">i", (1 << 31) - 1)
    if text.endswith("BC"):
        # 0044-03-15 BC
        return struct.pack(">i", -746_117)
    return struct.pack(">i", (dt.date.fromisoformat(text) - _EPOCH.date()).days)


ENCODE: Mapping[str, Callable[[str], bytes]] = {
    "int4": lambda text: struct.pack(">i", int(text)),
    "int8": lambda text: struct.pack(">q", int(text)),
    "bool": lambda text: bytes([text == "t"]),
    "text": str.encode,
    "varchar": str.encode,
    "mood": str.encode,
    "jsonb": lambda text: b"\x01" + text.encode(),
    "float8": lambda text: struct.pack(">d", float(text)),
    "bytea": lambda text: bytes.fromhex(text[2:]),
    "uuid": lambda text: uuid.UUID(text).bytes,
    "date": _date,
    "timestamp": _moment,
    "timestamptz": _moment,
}
"""What a type's send function makes of a text; values of the other types stay texts, as the server may send them."""


def _tuple(payload: bytes, at: int, types: Sequence[str]) -> tuple[bytes, int]:
    texts, end = pgoutput.raw_tuple(payload, at)
    made = struct.pack(">H", len(texts))
    for text, type in zip(texts, types, strict=True):
        if isinstance(text, str):
            encode = ENCODE.get(type)
            raw = text.encode() if encode is None else encode(text)
            made += (b"t" if encode is None else b"b") + struct.pack(">I", len(raw)) + raw
        else:
            made += b"n" if text is None else b"u"
    return made, end


def encoded(payloads: Sequence[bytes]) -> list[bytes]:
    """The same messages with binary values."""
    names = {oid: name for name, oid in offline.OIDS.items()}
    types: dict[int, list[str]] = {}
    made = []
    for payload in payloads:
        kind = payload[25] if payload[0] == pgoutput.XLOG_DATA else 0
        if kind == pgoutput.RELATION:
            told = pgoutput.relation(payload)
            types[told.oid] = [names.get(column.type_oid, "") for column in told.columns]
        if kind in (pgoutput.INSERT, pgoutput.UPDATE, pgoutput.DELETE):
            oid, at, out = struct.unpack_from(">I", payload, 26)[0], 30, payload[:30]
            while at < len(payload):
                row, end = _tuple(payload, at + 1, types[oid])
                out += payload[at : at + 1] + row
                at = end
            payload = out
        made.append(payload)
    return made


def _column(key: bool, name: str, type: str) -> Column:
    return Column(key, name, type, -1, False)


def _decoder(kit: Offline, *at: Any) -> StreamDecoder:
    decoder = kit.decoder(*at)

    def wires(codec: TableCodec) -> list[str]:
        types = [kit.types.resolve(column.type_oid, column.typmod) for column in codec.shape.columns]
        return [wire_of(type, 180_000) or "text" for type in types]

    decoder.wires = wires
    return decoder


@slowly
@given(streams(), PROPS, st.lists(st.integers(0, 1 << 20), max_size=4), st.sampled_from([1, 2, NO_LIMIT]))
def test_the_same_records(
    given_stream: tuple[list[Table], list[bytes]], props: dict[str, str], cuts: list[int], limit: int
) -> None:
    known, payloads = given_stream
    found, made, _ = both(offline_of(known, props), payloads, cuts, limit, decode=_decoder, for_core=encoded(payloads))
    equal(found, made)


def test_the_core_decodes_them() -> None:
    known = [Table(1, "t", "d", (_column(True, "id", "int4"), *(_column(False, name, name) for name in ENCODE)))]
    texts = ["5", *_SAMPLES.values()]
    payloads = [
        offline.xlog(2000, offline.begin(3000, 0, 1)),
        offline.xlog(2000, known[0].message()),
        offline.xlog(2000, offline.insert(1, texts)),
        offline.xlog(3000, offline.commit(3000, 3008)),
    ]
    found, made, rows = both(offline_of(known, {}), payloads, [], NO_LIMIT, decode=_decoder, for_core=encoded(payloads))
    equal(found, made)
    assert rows == 1


def test_a_value_that_is_not_understood_refuses_the_format() -> None:
    """The first row of a relation is for Python in any case; a timestamp of seven bytes has no text."""
    table = Table(1, "t", "d", (_column(True, "id", "int4"), _column(False, "at", "timestamp")))
    stream = NativeStream(_decoder(offline_of([table], {})(), None, 1))
    row = b"I" + struct.pack(">I", 1) + b"N" + struct.pack(">HcIicI", 2, b"b", 4, 1, b"b", 7) + b"1234567"
    stream.add(offline.framed(offline.xlog(1, message) for message in (offline.begin(9, 0, 1), table.message(), row)))
    with pytest.raises(BinaryRefusedError):
        stream.feed([], NO_LIMIT, CLOCK)


_SAMPLES = {
    "int4": "-7", "int8": "70000000000", "bool": "t", "text": "ü", "varchar": "v", "mood": "ok", "jsonb": "[1]", "float8": "1.5",
    "bytea": "\\x00ff", "uuid": "b68a35a7-17ad-35b3-af2a-ae46edb4545a", "date": "2020-01-02", "timestamp": "2020-01-02 03:04:05.5",
    "timestamptz": "2020-01-02 03:04:05+00",
}  # fmt: skip
