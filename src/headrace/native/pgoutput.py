"""pgoutput, protocol version 1, text values: from a message's bytes to plain values. Pure; the readable twin.

Control messages become small tuples. Rows are what costs, so `tuple_decoder` writes a decoder for one table: straight
code without loops, one block per column. `copy_decoder` writes its sibling for COPY's text format, so that a snapshot row
and a streamed row of the same values decode alike. Source: PostgreSQL manual, "Logical Replication Message Formats", COPY.

Positions: a payload is a CopyData body; the message of an XLogData payload starts at `MESSAGE_AT`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from headrace.errors import DataException

MESSAGE_AT: Final = 25
"""Offset of the message type byte inside an XLogData payload ('w', start, end, clock: 1 + 3 * 8)."""
XLOG_DATA, KEEPALIVE = 0x77, 0x6B
BEGIN, COMMIT, INSERT, UPDATE, DELETE = 0x42, 0x43, 0x49, 0x55, 0x44
TRUNCATE, RELATION, TYPE, ORIGIN, MESSAGE = 0x54, 0x52, 0x59, 0x4F, 0x4D
NEW_TUPLE, OLD_TUPLE, KEY_TUPLE = 0x4E, 0x4F, 0x4B
PG_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01 in microseconds since 1970: what PostgreSQL's clock counts from."""

_U16: Final = struct.Struct(">H").unpack_from
_U32: Final = struct.Struct(">I").unpack_from
_U64: Final = struct.Struct(">Q").unpack_from
_BEGIN: Final = struct.Struct(">QqI").unpack_from
_COMMIT: Final = struct.Struct(">BQQq").unpack_from
_KEEPALIVE: Final = struct.Struct(">QqB").unpack_from


class Begin(NamedTuple):
    """`final_lsn`: position of the transaction's commit record. `commit_us`: microseconds since 1970."""

    final_lsn: int
    commit_us: int
    xid: int


class Commit(NamedTuple):
    """`end_lsn`: the position after the commit record, where the next transaction may begin."""

    commit_lsn: int
    end_lsn: int
    commit_us: int


class RelationColumn(NamedTuple):
    """`key`: part of the replica identity."""

    key: bool
    name: str
    type_oid: int
    typmod: int


class Relation(NamedTuple):
    """`identity`: d default, n nothing, f full, i index."""

    oid: int
    schema: str
    table: str
    identity: str
    columns: tuple[RelationColumn, ...]


class Truncate(NamedTuple):
    oids: tuple[int, ...]
    cascade: bool
    restart_identity: bool


class Message(NamedTuple):
    """A logical message; one that is not transactional comes by itself, outside BEGIN and COMMIT."""

    transactional: bool
    lsn: int
    prefix: str
    content: bytes


class Keepalive(NamedTuple):
    """`wal_end`: everything committed before it has been sent. `reply`: an answer is wanted now."""

    wal_end: int
    server_us: int
    reply: bool


class Column(NamedTuple):
    """How one value of a row is made.

    `source`: index of the column in the wire row. `from_bytes`, `from_text`: expressions over `x`, the value's bytes (pgoutput)
    or unescaped text (COPY). `unchanged`: the value for a TOAST column that was not sent. `null`: the value for NULL;
    `on_null`: called instead when pgoutput sends NULL.
    """

    source: int
    from_bytes: str
    from_text: str
    unchanged: Any = None
    null: Any = None
    on_null: Callable[[], Any] | None = None


TupleDecoder = Callable[[bytes, int], tuple[list[Any], int]]
"""(payload, position of the tuple's column count) → (values, position behind the tuple)"""
CopyDecoder = Callable[[bytes], list[Any]]
"""(one COPY text line) → values"""


def begin(payload: bytes) -> Begin:
    final_lsn, clock, xid = _BEGIN(payload, MESSAGE_AT + 1)
    return Begin(final_lsn, clock + PG_EPOCH_US, xid)


def commit(payload: bytes) -> Commit:
    _, commit_lsn, end_lsn, clock = _COMMIT(payload, MESSAGE_AT + 1)
    return Commit(commit_lsn, end_lsn, clock + PG_EPOCH_US)


def keepalive(payload: bytes) -> Keepalive:
    wal_end, clock, reply = _KEEPALIVE(payload, 1)
    return Keepalive(wal_end, clock + PG_EPOCH_US, bool(reply))


def origin(payload: bytes) -> tuple[int, str]:
    """(commit position on the origin, name of the origin)."""
    return _U64(payload, MESSAGE_AT + 1)[0], _text(payload, MESSAGE_AT + 9)[0]


def relation(payload: bytes) -> Relation:
    pos = MESSAGE_AT + 1
    (oid,) = _U32(payload, pos)
    schema, pos = _text(payload, pos + 4)
    table, pos = _text(payload, pos)
    identity = chr(payload[pos])
    (count,) = _U16(payload, pos + 1)
    pos += 3
    columns = []
    for _ in range(count):
        key = bool(payload[pos] & 1)
        name, pos = _text(payload, pos + 1)
        type_oid, typmod = struct.unpack_from(">Ii", payload, pos)
        pos += 8
        columns.append(RelationColumn(key, name, type_oid, typmod))
    # The system catalog's namespace is sent as an empty text.
    return Relation(oid, schema or "pg_catalog", table, identity, tuple(columns))


def truncate(payload: bytes) -> Truncate:
    count, flags = struct.unpack_from(">IB", payload, MESSAGE_AT + 1)
    oids = struct.unpack_from(f">{count}I", payload, MESSAGE_AT + 6)
    return Truncate(oids, bool(flags & 1), bool(flags & 2))


def message(payload: bytes) -> Message:
    flags, lsn = struct.unpack_from(">BQ", payload, MESSAGE_AT + 1)
    prefix, pos = _text(payload, MESSAGE_AT + 10)
    (length,) = _U32(payload, pos)
    return Message(bool(flags & 1), lsn, prefix, payload[pos + 4 : pos + 4 + length])


def _text(payload: bytes, pos: int) -> tuple[str, int]:
    end = payload.index(0, pos)
    return payload[pos:end].decode(), end + 1


def tuple_decoder(width: int, columns: Sequence[Column], names: Mapping[str, Any]) -> TupleDecoder:
    """A decoder for rows of `width` wire columns that gives the values of `columns`, in their order.

    `names`: what the expressions refer to. The decoder raises DataException when a row has another number of columns.
    """
    scope: dict[str, Any] = {**names, "_length": _U32, "_mismatch": _mismatch}
    body = ["def decode(b, p):", f"    if b[p] << 8 | b[p + 1] != {width}: _mismatch(b, p, {width})", "    p += 2"]
    wanted = _by_source(columns, width)
    for outputs in wanted:
        if not outputs:
            body += ["    if b[p] == 116: p += 5 + _length(b, p + 1)[0]", "    else: p += 1"]
            continue
        for slot, column in outputs:
            scope[f"_u{slot}"], scope[f"_n{slot}"] = column.unchanged, column.null
            scope[f"_o{slot}"] = column.on_null
        body.append("    k = b[p]")
        body.append("    if k == 116:")
        body.append("        s = p + 5; p = s + _length(b, p + 1)[0]; x = b[s:p]")
        # An expression may bind its x anew.
        body.append("        " + "; x = b[s:p]; ".join(f"v{slot} = {column.from_bytes}" for slot, column in outputs))
        body.append("    elif k == 110:")
        body.append("        p += 1; " + "; ".join(f"v{slot} = {_null(slot, c)}" for slot, c in outputs))
        body.append("    else:")
        body.append("        p += 1; " + "; ".join(f"v{slot} = _u{slot}" for slot, _ in outputs))
    body.append(f"    return [{', '.join(f'v{slot}' for slot in range(len(columns)))}], p")
    decoder: TupleDecoder = _compiled(body, scope, "decode")
    return decoder


class _UnchangedMark:
    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED: Final = _UnchangedMark()
"""Stands in `raw_tuple` for a TOAST value that was not sent."""


def raw_tuple(payload: bytes, pos: int) -> tuple[list[str | _UnchangedMark | None], int]:
    """The texts of a tuple, unconverted, and the position behind it: the slow way, for rows a decoder refused."""
    (width,) = _U16(payload, pos)
    pos += 2
    values: list[str | _UnchangedMark | None] = []
    for _ in range(width):
        kind = payload[pos]
        pos += 1
        if kind == 0x74:
            (length,) = _U32(payload, pos)
            values.append(payload[pos + 4 : pos + 4 + length].decode())
            pos += 4 + length
        else:
            values.append(None if kind == 0x6E else UNCHANGED)
    return values, pos


def skip_tuple(payload: bytes, pos: int) -> int:
    """The position behind a tuple."""
    (width,) = _U16(payload, pos)
    pos += 2
    for _ in range(width):
        pos += 5 + _U32(payload, pos + 1)[0] if payload[pos] == 0x74 else 1
    return pos


def raw_copy(line: bytes) -> list[str | None]:
    """The fields of a COPY line, unconverted."""
    return [None if field == "\\N" else unescape(field) for field in line.decode().rstrip("\n").split("\t")]


def copy_decoder(width: int, columns: Sequence[Column], names: Mapping[str, Any]) -> CopyDecoder:
    """As `tuple_decoder`, for a line of COPY … TO STDOUT in text format (with or without its newline)."""
    scope: dict[str, Any] = {**names, "_unescape": unescape, "_mismatch_copy": _mismatch_copy}
    body = [
        "def decode(line):",
        "    t = line.decode()",
        "    if t[-1:] == '\\n': t = t[:-1]",
        f"    f = t.split('\\t'){'' if width else ' if t else []'}",
        f"    if len(f) != {width}: _mismatch_copy(f, {width})",
    ]
    for source, outputs in enumerate(_by_source(columns, width)):
        if not outputs:
            continue
        for slot, column in outputs:
            scope[f"_n{slot}"] = column.null
        body.append(f"    x = f[{source}]")
        body.append("    if x == '\\\\N':")
        body.append("        " + "; ".join(f"v{slot} = {_constant(slot, 'n', c.null)}" for slot, c in outputs))
        body.append("    else:")
        body.append("        if '\\\\' in x: x = _unescape(x)")
        body += [f"        v{slot} = {column.from_text}" for slot, column in outputs]
    body.append(f"    return [{', '.join(f'v{slot}' for slot in range(len(columns)))}]")
    decoder: CopyDecoder = _compiled(body, scope, "decode")
    return decoder


def _by_source(columns: Sequence[Column], width: int) -> list[list[tuple[int, Column]]]:
    wanted: list[list[tuple[int, Column]]] = [[] for _ in range(width)]
    for slot, column in enumerate(columns):
        wanted[column.source].append((slot, column))
    return wanted


def _null(slot: int, column: Column) -> str:
    return _constant(slot, "n", column.null) if column.on_null is None else f"_o{slot}()"


def _constant(slot: int, kind: str, value: Any) -> str:
    return "None" if value is None else f"_{kind}{slot}"


def _compiled(body: list[str], scope: dict[str, Any], name: str) -> Any:
    exec(compile("\n".join(body), f"<generated {name}>", "exec"), scope)
    return scope[name]


def _mismatch(payload: bytes, pos: int, width: int) -> None:
    raise DataException(
        f"A row of {_U16(payload, pos)[0]} columns where the relation has {width}.", code="PG_ROW_MISMATCH"
    )


def _mismatch_copy(fields: list[str], width: int) -> None:
    raise DataException(f"A COPY line of {len(fields)} fields where {width} were asked for.", code="PG_ROW_MISMATCH")


_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def unescape(text: str) -> str:
    """A COPY text field without its backslash escapes."""
    parts = text.split("\\")
    result = [parts[0]]
    position = 1
    while position < len(parts):
        part = parts[position]
        if part:
            result.append(_ESCAPES.get(part[0], part[0]) + part[1:])
        elif position + 1 < len(parts):
            # Two backslashes: an escaped one; what follows it is plain.
            result.append("\\" + parts[position + 1])
            position += 1
        position += 1
    return "".join(result)
