"""Records to Redis commands, by `redis.type`. Pure.

What a record means for each type:

| | upsert | delete event | tombstone |
|---|---|---|---|
| HASH | HSET of what is there, HDEL of nulls, nothing for unchanged fields | DEL | DEL |
| JSON, JSON_STRING | the whole document; unchanged fields keep their value | DEL | DEL |
| STRING | SET | DEL | DEL |
| STREAM | XADD; an entry of an envelope begins with `__op` | XADD of the old row | nothing |
| LIST | RPUSH of the record key | nothing | nothing |
| SET, ZSET | SADD, ZADD of the record key | SREM, ZREM | nothing |

Under REPLICA IDENTITY FULL an update that changes a row's key by `${value.…}` deletes the old key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from headrace.data import Schema, SinkRecord, Struct
from headrace.errors import ConnectException, DataException
from headrace.sinks.redis.batches import MAX_WORDS
from headrace.sinks.redis.config import COLLECTION_TYPES, RedisSinkConfig
from headrace.sinks.redis.fields import Pairs, Placeholder, RowEncoder, map_document, map_pairs
from headrace.sinks.redis.keys import KeyMaker
from headrace.sinks.redis.render import json_bytes, plain_json, plain_text
from headrace.sinks.redis.rows import (
    DELETE,
    TOMBSTONE,
    TRUNCATE,
    UPSERT,
    EnvelopeShape,
    Row,
    envelope_shape,
    row_of_envelope,
    row_of_map,
)
from headrace.systems.redis import encode_command

TTL_HEADER = "redis.key.ttl"


class Encoded(NamedTuple):
    """Commands of one record and how many answers they give. `merge`: a document to be merged into the one stored under this
    key, which then replaces the commands (JSON_STRING with unchanged fields)."""

    commands: bytes
    replies: int
    merge: tuple[bytes, dict[str, Any]] | None = None


_NOTHING = Encoded(b"", 0)


class _Plan(NamedTuple):
    schema: Schema
    shape: EnvelopeShape | None
    encoders: dict[str | None, RowEncoder]


class Encoder:
    """Encodes records for one configuration."""

    def __init__(self, config: RedisSinkConfig) -> None:
        self._config = config
        self.keys = KeyMaker(config.keyspace, config.separator, config.key_pattern)
        self.placeholder = Placeholder(config.placeholder)
        self._collection = config.type in COLLECTION_TYPES
        self._plans: dict[int, _Plan] = {}
        self._encoders: dict[tuple[Schema, str | None], RowEncoder] = {}
        self._write: Callable[[SinkRecord, Row, bytes], Encoded] = getattr(self, f"_write_{config.type.lower()}")
        self._word = b"XADD" if config.type == "STREAM" else b"HSET"
        self._fixed: tuple[bytes, ...] = (b"*",) if config.type == "STREAM" else ()
        self.tombstones_without_row = 0
        """Tombstones passed over because the key pattern needs a row."""

    def encode(self, record: SinkRecord) -> Encoded:
        """The commands of one record. DataException if it cannot be written; nothing else depends on it then."""
        try:
            row = self._row(record)
            if row.op is TRUNCATE:
                return self._truncate(record)
            if row.op is TOMBSTONE and (self._collection or self.keys.uses_value):
                if not self._collection:
                    self.tombstones_without_row += 1
                return _NOTHING
            make = self.keys.of_collection if self._collection else self.keys.of
            key = make(record.topic, record.key_schema, record.key, row.schema, row.value)
            encoded = self._write(record, row, key)
            if row.before is not None and self.keys.uses_value and not self._collection:
                encoded = self._moved(record, row, key, encoded)
            ttl = self._ttl(record)
        except ConnectException:
            raise
        except (TypeError, ValueError, AttributeError, KeyError, IndexError, ArithmeticError) as error:
            raise DataException(
                f"The record does not fit its schema: {type(error).__name__}: {error}", code="REDIS_RECORD_INVALID"
            ) from error
        if ttl > 0 and (encoded.replies or encoded.merge) and row.op is UPSERT:
            expire = encode_command(b"EXPIRE", key, b"%d" % ttl)
            if self._config.type in ("STREAM", "LIST"):
                # If it is refused, then before anything was appended.
                return Encoded(expire + encoded.commands + expire, encoded.replies + 2)
            return Encoded(encoded.commands + expire, encoded.replies + 1, encoded.merge)
        return encoded

    # ---- reading records ------------------------------------------------------------------------
    def _row(self, record: SinkRecord) -> Row:
        value, schema = record.value, record.value_schema
        if value is None:
            return Row(TOMBSTONE, None, None)
        if isinstance(value, Struct):
            plan = self._plan(schema if schema is not None else value.schema)
            if plan.shape is not None:
                return row_of_envelope(plan.schema, plan.shape, value)
            return Row(UPSERT, value, plan.schema)
        if isinstance(value, dict) and schema is None:
            return row_of_map(value)
        return Row(UPSERT, value, schema)

    def _plan(self, schema: Schema) -> _Plan:
        plan = self._plans.get(id(schema))
        if plan is None:
            if len(self._plans) > 1000:
                self._plans.clear()
            plan = self._plans[id(schema)] = _Plan(schema, envelope_shape(schema), {})
        return plan

    def _encoder(self, schema: Schema, op: str | None = None) -> RowEncoder:
        """The compiled encoder of rows; for stream entries of envelopes one per operation, which is their first field."""
        encoders = self._plan(schema).encoders
        encoder = encoders.get(op)
        if encoder is None:
            encoder = self._encoders.get((schema, op))
            if encoder is None:
                fixed = self._fixed if op is None else (*self._fixed, b"__op", op.encode())
                encoder = self._encoders[schema, op] = RowEncoder(schema, self.placeholder, self._word, fixed)
            encoders[op] = encoder
        return encoder

    def _pairs(self, value: Any) -> Pairs:
        if isinstance(value, Struct):
            return self._encoder(value.schema).pairs(value.values)
        if isinstance(value, dict):
            return map_pairs(value, self.placeholder)
        raise DataException(
            f"A value of {type(value).__name__} has no fields, which redis.type={self._config.type} needs.",
            remedy="Use a converter that gives fields (JsonConverter), HoistField, or redis.type=STRING.",
        )

    def _ttl(self, record: SinkRecord) -> int:
        if record.header_items:
            for header in record.header_items:
                if header.key == TTL_HEADER:
                    return int(header.value)
        return self._config.key_ttl_s

    # ---- writing, one method per type -----------------------------------------------------------
    def _write_hash(self, record: SinkRecord, row: Row, key: bytes) -> Encoded:
        if row.op is not UPSERT:
            return Encoded(encode_command(b"DEL", key), 1)
        if isinstance(row.value, Struct):
            command = self._encoder(row.value.schema).command(row.value.values, key)
            if command is not None:
                return Encoded(command, 1)
        present, nulls = self._pairs(row.value)
        if not nulls:
            return Encoded(encode_command(b"HSET", key, *present), 1) if present else _NOTHING
        removal = encode_command(b"HDEL", key, *nulls)
        if not present:
            return Encoded(removal, 1)
        return Encoded(encode_command(b"HSET", key, *present) + removal, 2)

    def _write_stream(self, record: SinkRecord, row: Row, key: bytes) -> Encoded:
        if isinstance(row.value, Struct) and len(row.value.values) * 2 < MAX_WORDS - 8:
            command = self._encoder(row.value.schema, row.envelope_op).command(row.value.values, key)
            if command is not None:
                return Encoded(command, 1)
        fields = [] if row.value is None else self._pairs(row.value).present
        if row.envelope_op is not None:
            fields = [b"__op", row.envelope_op.encode(), *fields]
        if not fields:
            raise DataException("A stream entry needs at least one field, and the record has none.")
        if len(fields) > MAX_WORDS - 8:
            raise DataException(
                f"A stream entry may have {(MAX_WORDS - 8) // 2} fields, the record has {len(fields) // 2}."
            )
        return Encoded(encode_command(b"XADD", key, b"*", *fields), 1)

    def _write_json(self, record: SinkRecord, row: Row, key: bytes) -> Encoded:
        if row.op is not UPSERT:
            return Encoded(encode_command(b"DEL", key), 1)
        document, partial = self._document(row.value)
        text = document if isinstance(document, bytes) else json_bytes(document)
        return Encoded(encode_command(b"JSON.MERGE" if partial else b"JSON.SET", key, b"$", text), 1)

    def _write_json_string(self, record: SinkRecord, row: Row, key: bytes) -> Encoded:
        if row.op is not UPSERT:
            return Encoded(encode_command(b"DEL", key), 1)
        document, partial = self._document(row.value)
        if partial:
            return Encoded(b"", 0, (key, document))
        text = document if isinstance(document, bytes) else json_bytes(document)
        return Encoded(encode_command(b"SET", key, text), 1)

    def _document(self, value: Any) -> tuple[Any, bool]:
        if isinstance(value, Struct):
            return self._encoder(value.schema).document(value.values)
        if isinstance(value, dict):
            return map_document(value, self.placeholder)
        if isinstance(value, str):
            return value.encode(), False  # a text is taken as JSON already, as the original does
        if isinstance(value, (bytes, bytearray)):
            return bytes(value), False
        return plain_json(value), False

    def _write_string(self, record: SinkRecord, row: Row, key: bytes) -> Encoded:
        if row.op is not UPSERT:
            return Encoded(encode_command(b"DEL", key), 1)
        if isinstance(row.value, (Struct, dict, list)):
            raise DataException(
                "redis.type=STRING writes plain values, and the record's value has fields.",
                remedy="Use redis.type=JSON_STRING or HASH, or ExtractField.",
            )
        text = self.keys.text(row.schema, row.value) if row.schema is not None else plain_text(row.value)
        return Encoded(encode_command(b"SET", key, text), 1)

    def _write_list(self, record: SinkRecord, row: Row, key: bytes) -> Encoded:
        if row.op is DELETE:
            return _NOTHING
        return Encoded(encode_command(b"RPUSH", key, self.keys.text(record.key_schema, record.key)), 1)

    def _write_set(self, record: SinkRecord, row: Row, key: bytes) -> Encoded:
        word = b"SREM" if row.op is DELETE else b"SADD"
        return Encoded(encode_command(word, key, self.keys.text(record.key_schema, record.key)), 1)

    def _write_zset(self, record: SinkRecord, row: Row, key: bytes) -> Encoded:
        member = self.keys.text(record.key_schema, record.key)
        if row.op is DELETE:
            return Encoded(encode_command(b"ZREM", key, member), 1)
        if isinstance(row.value, bool) or not hasattr(row.value, "__float__"):
            raise DataException(
                "redis.type=ZSET needs a number as the record's value.", remedy="Take the score out with ExtractField."
            )
        return Encoded(encode_command(b"ZADD", key, plain_text(row.value), member), 1)

    # ---- the rest -------------------------------------------------------------------------------
    def _moved(self, record: SinkRecord, row: Row, key: bytes, encoded: Encoded) -> Encoded:
        try:
            old = self.keys.of(record.topic, record.key_schema, record.key, row.schema, row.before)
        except DataException:
            return encoded  # the old row is known by its key columns only: without REPLICA IDENTITY FULL
        if old == key:
            return encoded
        return Encoded(encode_command(b"DEL", old) + encoded.commands, encoded.replies + 1, encoded.merge)

    def _truncate(self, record: SinkRecord) -> Encoded:
        if self._config.truncate_fails:
            raise DataException(
                f"The table behind {record.topic} was truncated; its keys in Redis stay.",
                code="REDIS_TRUNCATE",
                field="redis.truncate.mode",
                remedy="Delete the keys by hand and set redis.truncate.mode=ignore, or skip truncates at the source (skipped.operations=t).",
            )
        return _NOTHING
