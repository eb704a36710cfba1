"""From decoded rows to source records: source block, envelope, key, tombstone, key change.

This is the hot path: plain lists in schema order, shared header tuples, no checks. All of a transaction's events share one
`TransactionMark`; the records of one change share their place, and only the last of them carries the change's own offset, so
that a crash between them brings all of them again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from headrace.cdc.envelope import (
    CONNECTOR_VERSION,
    HEARTBEAT_KEY_SCHEMA,
    HEARTBEAT_SCHEMA,
    NEW_KEY_HEADER,
    OLD_KEY_HEADER,
    logical_message_schemas,
    source_schema,
)
from headrace.cdc.topics import TopicNames
from headrace.data import (
    OPTIONAL_BYTES_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Header,
    SourceRecord,
    Struct,
)
from headrace.native import pgoutput
from headrace.sources.postgres.tables import TableCodec

SOURCE_SCHEMA: Final = source_schema(
    "io.debezium.connector.postgresql.Source",
    [
        ("schema", STRING_SCHEMA),
        ("table", STRING_SCHEMA),
        ("txId", OPTIONAL_INT64_SCHEMA),
        ("lsn", OPTIONAL_INT64_SCHEMA),
        ("xmin", OPTIONAL_INT64_SCHEMA),
        ("origin", OPTIONAL_STRING_SCHEMA),
        ("origin_lsn", OPTIONAL_INT64_SCHEMA),
    ],
)
Offset = Mapping[str, Any]


class Clock(NamedTuple):
    """The time records are made at: one reading for a chunk."""

    ms: int
    us: int
    ns: int

    @classmethod
    def at(cls, ns: int) -> Clock:
        return cls(ns // 1_000_000, ns // 1000, ns)


class SourceBlock:
    """Makes source blocks of one logical server and database."""

    def __init__(self, server: str, database: str) -> None:
        self.server = server
        self.database = database

    def template(self, commit_us: int, xid: int | None, origin: str | None, origin_lsn: int | None) -> list[Any]:
        """The values that all events of a transaction share; copied and completed per event."""
        return [
            CONNECTOR_VERSION,
            "postgresql",
            self.server,
            commit_us // 1000,
            None,  # snapshot: unset means its schema's default, "false", which a converter may be told not to put in
            self.database,
            None,
            commit_us,
            commit_us * 1000,
            "",
            "",
            xid,
            None,
            None,
            origin,
            origin_lsn,
        ]


class RecordMaker:
    """Appends the records of changes to a list."""

    def __init__(
        self,
        block: SourceBlock,
        topics: TopicNames,
        headers: tuple[Header, ...],
        *,
        tombstones: bool,
        encode_binary: Callable[[bytes], str] | None = None,
    ) -> None:
        """`encode_binary`: how bytes become text, None when they stay bytes."""
        self.partition: dict[str, Any] = {"server": block.server}
        self.block = block
        self._topics = topics
        self.headers = headers
        self.tombstones = tombstones
        self._encode = encode_binary
        content = OPTIONAL_BYTES_SCHEMA if encode_binary is None else OPTIONAL_STRING_SCHEMA
        self._message_schemas = logical_message_schemas("postgresql", SOURCE_SCHEMA, content)

    def change(
        self,
        out: list[SourceRecord],
        codec: TableCodec,
        op: str,
        key: Struct | None,
        before: Struct | None,
        after: Struct | None,
        source: list[Any],
        clock: Clock,
        offset: Offset,
        headers: tuple[Header, ...] | None = None,
    ) -> None:
        """One envelope record."""
        envelope = codec.envelope_schema
        record = SourceRecord.__new__(SourceRecord)
        record.topic = codec.topic
        record.partition = None
        record.key_schema = codec.key_schema if key is not None else None
        record.key = key
        record.value_schema = envelope
        record.value = Struct(
            envelope, [before, after, Struct(SOURCE_SCHEMA, source), None, op, clock.ms, clock.us, clock.ns]
        )
        record.timestamp = None
        record._headers = self.headers if headers is None else headers
        record.source_partition = self.partition
        record.source_offset = offset
        out.append(record)

    def _tombstone(
        self,
        out: list[SourceRecord],
        codec: TableCodec,
        key: Struct | None,
        offset: Offset,
        headers: tuple[Header, ...],
    ) -> None:
        schema = None if key is None else codec.key_schema
        out.append(SourceRecord(self.partition, offset, codec.topic, None, schema, key, None, None, None, headers))

    def delete(
        self,
        out: list[SourceRecord],
        codec: TableCodec,
        key: Struct | None,
        before: Struct,
        source: list[Any],
        clock: Clock,
        offset: Offset,
        earlier: Offset,
    ) -> None:
        """Op d, and the tombstone behind it, without a key where the table has none; `earlier` is the offset of the change before."""
        self.change(out, codec, "d", key, before, None, source, clock, earlier if self.tombstones else offset)
        if self.tombstones:
            self._tombstone(out, codec, key, offset, self.headers)

    def key_change(
        self,
        out: list[SourceRecord],
        codec: TableCodec,
        old_key: Struct,
        new_key: Struct,
        before: Struct,
        after: Struct,
        source: list[Any],
        clock: Clock,
        offset: Offset,
        earlier: Offset,
        skipped: frozenset[str] = frozenset(),
    ) -> None:
        """A delete under the old key and a create under the new one, each with a header that names the other, unless it is of the
        `skipped` operations."""
        leaving = (Header(NEW_KEY_HEADER, new_key.schema, new_key), *self.headers)
        arriving = (Header(OLD_KEY_HEADER, old_key.schema, old_key), *self.headers)
        last = offset if "c" in skipped else earlier
        if "d" not in skipped:
            place = earlier if self.tombstones else last
            self.change(out, codec, "d", old_key, before, None, source, clock, place, leaving)
            if self.tombstones:
                self._tombstone(out, codec, old_key, last, leaving)
        if "c" not in skipped:
            self.change(out, codec, "c", new_key, None, after, source, clock, offset, arriving)

    def message(
        self,
        out: list[SourceRecord],
        message: pgoutput.Message,
        source: list[Any],
        clock: Clock,
        offset: Offset,
    ) -> None:
        """A logical decoding message."""
        key_schema, value_schema, message_schema = self._message_schemas
        content = message.content if self._encode is None else self._encode(message.content)
        body = Struct(message_schema, [message.prefix, content])
        value = Struct(value_schema, ["m", clock.ms, Struct(SOURCE_SCHEMA, source), None, body])
        key = Struct(key_schema, [message.prefix])
        out.append(
            SourceRecord(self.partition, offset, self._topics.message, None, key_schema, key, value_schema, value)
        )

    def heartbeat(self, clock: Clock, offset: Offset) -> SourceRecord:
        """A heartbeat: its only content is its offset."""
        return SourceRecord(
            self.partition,
            offset,
            self._topics.heartbeat,
            0,
            HEARTBEAT_KEY_SCHEMA,
            Struct(HEARTBEAT_KEY_SCHEMA, [self.block.server]),
            HEARTBEAT_SCHEMA,
            Struct(HEARTBEAT_SCHEMA, [clock.ms]),
        )


def sequence(commit_lsn: int | None, lsn: int) -> str:
    """source.sequence: JSON of the last commit's and the event's position, as texts."""
    return json.dumps([None if commit_lsn is None else str(commit_lsn), str(lsn)], separators=(",", ":"))
