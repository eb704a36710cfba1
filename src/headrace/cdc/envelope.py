"""The change event: schemas of key, value, source block and envelope, and of the records beside them.

Source: Debezium's io.debezium.data.Envelope, AbstractSourceInfoStructMaker, Heartbeat; field orders are the contract.
"""

from __future__ import annotations

import os
import time
import uuid
from typing import Final

from headrace import __version__
from headrace.data import (
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Header,
    Schema,
    SchemaBuilder,
)

ENVELOPE_VERSION: Final = 2
CONNECTOR_VERSION: Final = __version__
"""What source.version says: our own release, as Debezium puts its own there."""
SNAPSHOT_MARKS: Final = "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"
NEW_KEY_HEADER, OLD_KEY_HEADER = "__debezium.newkey", "__debezium.oldkey"


def source_schema(name: str, extra: list[tuple[str, Schema]]) -> Schema:
    """The source block: what all connectors have, then `extra`."""
    builder = (
        SchemaBuilder.struct()
        .name(name)
        .version(1)
        .field("version", STRING_SCHEMA)
        .field("connector", STRING_SCHEMA)
        .field("name", STRING_SCHEMA)
        .field("ts_ms", INT64_SCHEMA)
        .field(
            "snapshot",
            SchemaBuilder.string()
            .name("io.debezium.data.Enum")
            .version(1)
            .parameter("allowed", SNAPSHOT_MARKS)
            .optional()
            .default("false")
            .build(),
        )
        .field("db", STRING_SCHEMA)
        .field("sequence", OPTIONAL_STRING_SCHEMA)
        .field("ts_us", OPTIONAL_INT64_SCHEMA)
        .field("ts_ns", OPTIONAL_INT64_SCHEMA)
    )
    for field, schema in extra:
        builder.field(field, schema)
    return builder.build()


TRANSACTION_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("event.block")
    .version(1)
    .optional()
    .field("id", STRING_SCHEMA)
    .field("total_order", INT64_SCHEMA)
    .field("data_collection_order", INT64_SCHEMA)
    .build()
)


def envelope_schema(name: str, row: Schema, source: Schema) -> Schema:
    """`row` is the optional struct of before and after."""
    return (
        SchemaBuilder.struct()
        .name(name)
        .version(ENVELOPE_VERSION)
        .field("before", row)
        .field("after", row)
        .field("source", source)
        .field("transaction", TRANSACTION_SCHEMA)
        .field("op", STRING_SCHEMA)
        .field("ts_ms", OPTIONAL_INT64_SCHEMA)
        .field("ts_us", OPTIONAL_INT64_SCHEMA)
        .field("ts_ns", OPTIONAL_INT64_SCHEMA)
        .build()
    )


HEARTBEAT_KEY_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("io.debezium.connector.common.ServerNameKey")
    .version(1)
    .field("serverName", STRING_SCHEMA)
    .build()
)
HEARTBEAT_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("io.debezium.connector.common.Heartbeat")
    .version(1)
    .field("ts_ms", INT64_SCHEMA)
    .build()
)


def logical_message_schemas(connector: str, source: Schema, content: Schema) -> tuple[Schema, Schema, Schema]:
    """(key, value, message) schemas of logical decoding messages; `connector` as in io.debezium.connector.<connector>; `content`: bytes
    or, under binary.handling.mode, text."""
    base = f"io.debezium.connector.{connector}"
    key = SchemaBuilder.struct().name(f"{base}.MessageKey").version(1).field("prefix", OPTIONAL_STRING_SCHEMA).build()
    message = (
        SchemaBuilder.struct()
        .name(f"{base}.Message")
        .version(1)
        .field("prefix", OPTIONAL_STRING_SCHEMA)
        .field("content", content)
        .build()
    )
    value = (
        SchemaBuilder.struct()
        .name(f"{base}.MessageValue")
        .version(1)
        .field("op", STRING_SCHEMA)
        .field("ts_ms", OPTIONAL_INT64_SCHEMA)
        .field("source", source)
        .field("transaction", TRANSACTION_SCHEMA)
        .field("message", message)
        .build()
    )
    return key, value, message


def context_headers(prefix: str, connector: str) -> tuple[Header, ...]:
    """The headers every data record shares when extended.headers.enabled; the run id is new at each call."""
    return (
        Header("__debezium.context.connectorLogicalName", STRING_SCHEMA, prefix),
        Header("__debezium.context.taskId", STRING_SCHEMA, "0"),
        Header("__debezium.context.connectorName", STRING_SCHEMA, connector),
        Header("__debezium.context.runId", STRING_SCHEMA, str(uuid7())),
    )


def uuid7() -> uuid.UUID:
    """A UUID that begins with the time in milliseconds (RFC 9562, version 7)."""
    millis = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = millis << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return uuid.UUID(int=value)
