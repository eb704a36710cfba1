"""The decoder against an encoder: whatever is written is read back."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import DataException
from headrace.native import pgoutput

HEAD = b"w" + bytes(24)
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
values = st.lists(
    st.one_of(st.none(), st.just(pgoutput.UNCHANGED), st.text(st.characters(exclude_categories=["Cs"]))),
    min_size=1,
    max_size=12,
)
MARK = object()


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def row(cells: list[object]) -> bytes:
    out = struct.pack(">H", len(cells))
    for cell in cells:
        if isinstance(cell, str):
            out += b"t" + struct.pack(">I", len(cell.encode())) + cell.encode()
        else:
            out += b"n" if cell is None else b"u"
    return out


@given(values, st.binary(max_size=9), st.data())
def test_rows(cells: list[object], before: bytes, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(cells) - 1), max_size=14))
    columns = [pgoutput.Column(source, "x.decode()", "x", MARK) for source in chosen]
    decode = pgoutput.tuple_decoder(len(cells), columns, {})
    encoded = before + row(cells)
    wanted = [MARK if cells[i] is pgoutput.UNCHANGED else cells[i] for i in chosen]
    assert decode(encoded + b"rest", len(before)) == (wanted, len(encoded))
    assert pgoutput.raw_tuple(encoded, len(before)) == (cells, len(encoded))


def test_one_value_may_have_several_uses_whatever_they_bind() -> None:
    columns = [pgoutput.Column(0, "[x := x.decode(), x + '!'][1]", "x"), pgoutput.Column(0, "x.decode()", "x")]
    assert pgoutput.tuple_decoder(1, columns, {})(row(["a"]), 0)[0] == ["a!", "a"]


@given(values)
def test_a_row_of_another_width_is_refused(cells: list[object]) -> None:
    decode = pgoutput.tuple_decoder(len(cells) + 1, [], {})
    with pytest.raises(DataException):
        decode(row(cells), 0)


@given(
    st.lists(
        st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
        min_size=1,
        max_size=8,
    )
)
def test_copy_lines(cells: list[str | None]) -> None:
    escapes = str.maketrans(
        {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
    )
    line = "\t".join("\\N" if cell is None else cell.translate(escapes) for cell in cells) + "\n"
    columns = [pgoutput.Column(source, "x", "x") for source in range(len(cells))]
    assert pgoutput.copy_decoder(len(cells), columns, {})(line.encode()) == cells
    assert pgoutput.raw_copy(line.encode()) == cells


@given(st.integers(0, 2**64 - 1), st.integers(-(2**62), 2**62), st.integers(0, 2**32 - 1))
def test_begin_and_commit(lsn: int, clock: int, xid: int) -> None:
    begin = pgoutput.begin(HEAD + b"B" + struct.pack(">QqI", lsn, clock, xid))
    assert begin == (lsn, clock + pgoutput.PG_EPOCH_US, xid)
    commit = pgoutput.commit(HEAD + b"C" + struct.pack(">BQQq", 0, lsn, lsn, clock))
    assert commit == (lsn, lsn, clock + pgoutput.PG_EPOCH_US)
    assert pgoutput.keepalive(b"k" + struct.pack(">QqB", lsn, clock, 1)).reply


@given(
    st.lists(st.tuples(st.booleans(), names, st.integers(0, 2**32 - 1), st.integers(-1, 2**31 - 1)), max_size=9),
    names,
    names,
)
def test_relations(columns: list[tuple[bool, str, int, int]], schema: str, table: str) -> None:
    body = struct.pack(">I", 7) + text(schema) + text(table) + b"d" + struct.pack(">H", len(columns))
    for key, name, oid, typmod in columns:
        body += bytes([key]) + text(name) + struct.pack(">Ii", oid, typmod)
    relation = pgoutput.relation(HEAD + b"R" + body)
    assert relation == (7, schema, table, "d", tuple(columns))


@given(st.lists(st.integers(0, 2**32 - 1), max_size=5), names, st.binary())
def test_truncate_and_messages(oids: list[int], prefix: str, content: bytes) -> None:
    payload = HEAD + b"T" + struct.pack(">IB", len(oids), 3) + b"".join(struct.pack(">I", oid) for oid in oids)
    assert pgoutput.truncate(payload) == (tuple(oids), True, True)
    payload = HEAD + b"M" + struct.pack(">BQ", 1, 9) + text(prefix) + struct.pack(">I", len(content)) + content
    assert pgoutput.message(payload) == (True, 9, prefix, content)
