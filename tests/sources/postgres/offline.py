"""A stream without a server: pgoutput messages written here, decoders that know the built-in types and what each relation says."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from headrace.native import pgoutput
from headrace.sources.postgres.codecs import Codecs, table_options
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.events import RecordMaker, SourceBlock
from headrace.sources.postgres.offsets import Position
from headrace.sources.postgres.shapes import ColumnShape, TableShape
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.sources.postgres.tables import TableCodec
from headrace.sources.postgres.types.registry import TypeRegistry
from headrace.systems.postgres.introspect import TypeInfo

UNSENT = pgoutput.UNCHANGED
Value = Any
"""A value on the wire: its text, None, or UNSENT."""

MOOD, MOODS = 50_001, 50_002
OIDS = {
    "bool": 16, "bytea": 17, "char": 18, "name": 19, "int8": 20, "int2": 21, "int4": 23, "text": 25, "oid": 26, "json": 114,
    "xml": 142, "float4": 700, "float8": 701, "money": 790, "macaddr": 829, "inet": 869, "bpchar": 1042, "varchar": 1043,
    "date": 1082, "time": 1083, "timestamp": 1114, "timestamptz": 1184, "interval": 1186, "timetz": 1266, "bit": 1560,
    "varbit": 1562, "numeric": 1700, "uuid": 2950, "jsonb": 3802, "int4range": 3904, "point": 600, "tsvector": 3614,
    "line": 628, "mood": MOOD,
}  # fmt: skip
ARRAYS = {"int4": 1007, "text": 1009, "numeric": 1231, "uuid": 2951, "line": 629, "mood": MOODS}


def type_info(labels: tuple[str, ...] = ("sad", "ok")) -> dict[int, TypeInfo]:
    found = {
        oid: TypeInfo(
            oid, "pg_catalog", name, "e" if name == "mood" else "b", "S", 0, 0, -1, labels if name == "mood" else ()
        )
        for name, oid in OIDS.items()
    }
    for name, oid in ARRAYS.items():
        found[oid] = TypeInfo(oid, "pg_catalog", f"_{name}", "b", "A", OIDS[name], 0, -1, ())
    return found


class Offline:
    """Decoders under the same settings. `required`: columns (table.column) that are NOT NULL besides keys."""

    def __init__(
        self,
        props: Mapping[str, str] | None = None,
        required: Iterable[str] = (),
        *,
        captured: Callable[[str], bool] = lambda name: True,
        labels: tuple[str, ...] = ("sad", "ok"),
    ) -> None:
        base = {"name": "t", "topic.prefix": "srv", "database.dbname": "db", "slot.name": "s", "publication.name": "p"}
        base |= {"database.hostname": "h", "database.user": "u", "plugin.name": "pgoutput"}
        self.config = PostgresConfig.parse({**base, **(props or {})})
        self.required = set(required)
        self.captured = captured
        self.types = TypeRegistry(lambda oids: {oid: info for oid, info in type_info(labels).items() if oid in oids})
        self.codecs = Codecs(self.types, table_options(self.config, (), "db"))
        modes = self.config.modes()
        self.maker = RecordMaker(
            SourceBlock("srv", "db"),
            self.config.topics(),
            (),
            tombstones=self.config["tombstones.on.delete"],
            encode_binary=None if modes.binary == "bytes" else modes.encode_binary,
        )

    def shape(self, relation: pgoutput.Relation) -> TableShape:
        columns = tuple(
            ColumnShape(
                c.name, c.type_oid, c.typmod, not c.key and f"{relation.table}.{c.name}" not in self.required, None
            )
            for c in relation.columns
        )
        flagged = tuple(column.name for column in relation.columns if column.key)
        identity = frozenset(c.name for c in columns) if relation.identity == "f" else frozenset(flagged)
        # With a full identity all columns are flagged; the first is the key then.
        key = flagged[:1] if relation.identity == "f" else flagged
        return TableShape(relation.schema, relation.table, columns, key, relation.identity, identity)

    def decoder(
        self,
        position: Position | None = None,
        start: int = 0,
        offset: Mapping[str, Any] | None = None,
        present: Callable[[TableCodec, Sequence[Any]], list[Any] | None] = lambda codec, texts: None,
        made_of: type[StreamDecoder] = StreamDecoder,
    ) -> StreamDecoder:
        def open_table(relation: pgoutput.Relation) -> TableCodec | None:
            return self.codecs.of(self.shape(relation)) if self.captured(relation.table) else None

        return made_of(
            self.maker,
            self.config.rules(),
            position or Position(start),
            start,
            offset or {},
            open_table,
            self.codecs.refresh_enum,
            present,
        )


# Messages ----------------------------------------------------------------------------------------------------------


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


def xlog(lsn: int, message: bytes) -> bytes:
    return b"w" + struct.pack(">QQq", lsn, lsn, 0) + message


def begin(final_lsn: int, clock: int, xid: int) -> bytes:
    return b"B" + struct.pack(">QqI", final_lsn, clock, xid)


def commit(lsn: int, end: int, clock: int = 0) -> bytes:
    return b"C" + struct.pack(">BQQq", 0, lsn, end, clock)


def keepalive(end: int, reply: bool = False) -> bytes:
    return b"k" + struct.pack(">QqB", end, 0, reply)


def relation(oid: int, table: str, identity: str, columns: Sequence[tuple[bool, str, int, int]]) -> bytes:
    body = b"R" + struct.pack(">I", oid) + _text("public") + _text(table) + identity.encode()
    body += struct.pack(">H", len(columns))
    for key, name, type_oid, typmod in columns:
        body += bytes([key]) + _text(name) + struct.pack(">Ii", type_oid, typmod)
    return body


def row(values: Sequence[Value]) -> bytes:
    out = struct.pack(">H", len(values))
    for value in values:
        if isinstance(value, str):
            out += b"t" + struct.pack(">I", len(value.encode())) + value.encode()
        else:
            out += b"n" if value is None else b"u"
    return out


def insert(oid: int, new: Sequence[Value]) -> bytes:
    return b"I" + struct.pack(">I", oid) + b"N" + row(new)


def update(oid: int, new: Sequence[Value], old: Sequence[Value] | None = None, kind: bytes = b"O") -> bytes:
    before = b"" if old is None else kind + row(old)
    return b"U" + struct.pack(">I", oid) + before + b"N" + row(new)


def delete(oid: int, old: Sequence[Value], kind: bytes = b"K") -> bytes:
    return b"D" + struct.pack(">I", oid) + kind + row(old)


def truncate(*oids: int) -> bytes:
    return b"T" + struct.pack(">IB", len(oids), 0) + b"".join(struct.pack(">I", oid) for oid in oids)


def logical(lsn: int, prefix: str, content: bytes, transactional: bool) -> bytes:
    return b"M" + struct.pack(">BQ", transactional, lsn) + _text(prefix) + struct.pack(">I", len(content)) + content


def origin(lsn: int, name: str) -> bytes:
    return b"O" + struct.pack(">Q", lsn) + _text(name)


def framed(payloads: Iterable[bytes]) -> bytes:
    """As CopyData messages."""
    return b"".join(b"d" + struct.pack(">I", len(payload) + 4) + payload for payload in payloads)
