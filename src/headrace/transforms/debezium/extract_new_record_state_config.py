"""The settings of ExtractNewRecordState. Source: io.debezium.transforms.ExtractNewRecordStateConfigDefinition."""

from __future__ import annotations

from typing import Final

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.config.validators import one_of

_MODES: Final = ("drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone")

CONFIG: Final = (
    ConfigDef()
    .define(
        "delete.tombstone.handling.mode",
        ConfigType.STRING,
        "tombstone",
        one_of(*_MODES, ignore_case=True),
        Importance.MEDIUM,
        "What becomes of a delete and of the tombstone after it: drop (both go), tombstone (one record with a null value), "
        "rewrite (the old row with __deleted=true), rewrite-with-tombstone (the same, and the tombstone stays), "
        "delete-to-tombstone (a tombstone without value schema).",
        width=Width.MEDIUM,
        display_name="Handle delete and tombstone records",
    )
    .define(
        "route.by.field",
        ConfigType.STRING,
        "",
        importance=Importance.LOW,
        documentation="The column whose value becomes the topic.",
        width=Width.LONG,
        display_name="Route by field name",
    )
    .define(
        "add.fields.prefix",
        ConfigType.STRING,
        "__",
        importance=Importance.LOW,
        documentation="Prefix of every added field.",
        width=Width.SHORT,
        display_name="Field prefix to be added to each field.",
    )
    .define(
        "add.fields",
        ConfigType.LIST,
        "",
        importance=Importance.LOW,
        documentation="Fields of the event to add to the row, as `field`, `struct.field` or either with `:newname`: "
        "op,table,lsn,source.ts_ms:EVENT_TIME.",
        width=Width.LONG,
        display_name="Adds the specified field(s) to the message if they exist.",
    )
    .define(
        "add.headers.prefix",
        ConfigType.STRING,
        "__",
        importance=Importance.LOW,
        documentation="Prefix of every added header.",
        width=Width.SHORT,
        display_name="Header prefix to be added to each header.",
    )
    .define(
        "add.headers",
        ConfigType.LIST,
        "",
        importance=Importance.LOW,
        documentation="Fields of the event to add as headers, written as for add.fields.",
        width=Width.LONG,
        display_name="Adds the specified fields to the header if they exist.",
    )
    .define(
        "drop.fields.header.name",
        ConfigType.STRING,
        None,
        importance=Importance.LOW,
        documentation="The header that lists the names of fields to remove.",
        width=Width.SHORT,
        display_name="Specifies a header that contains a list of field names to be removed",
    )
    .define(
        "drop.fields.from.key",
        ConfigType.BOOLEAN,
        False,
        importance=Importance.LOW,
        documentation="Whether these fields are removed from the key as well.",
        width=Width.SHORT,
        display_name="Specifies whether the fields to be dropped should also be omitted from the key",
    )
    .define(
        "drop.fields.keep.schema.compatible",
        ConfigType.BOOLEAN,
        True,
        importance=Importance.LOW,
        documentation="Whether only optional fields are removed, so that readers of the old schema still can read.",
        width=Width.SHORT,
        display_name="Specifies if fields are dropped, will the event's schemas be compatible",
    )
    .define(
        "replace.null.with.default",
        ConfigType.BOOLEAN,
        True,
        importance=Importance.LOW,
        documentation="Whether a null column is replaced by its default when the row is rewritten.",
        width=Width.SHORT,
    )
)
