"""DecodeLogicalDecodingMessageContent: a logical message with JSON content becomes an insert, as of an outbox table.

Source: io.debezium.connector.postgresql.transforms.DecodeLogicalDecodingMessageContent (Debezium 3.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.cdc.topics import FIELD_ADJUSTERS
from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.data import Schema, Struct, Type
from headrace.data.batch import Block
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record, require_struct, struct_like
from headrace.transforms.debezium.json_data import JsonData, parse_document

_VALUE: Final = "io.debezium.connector.postgresql.MessageValue"
_LIMIT: Final = 10_000
CONFIG: Final = ConfigDef().define(
    "fields.null.include",
    ConfigType.BOOLEAN,
    False,
    importance=Importance.MEDIUM,
    documentation="Whether fields that are null in the content get a field, of optional BYTES.",
    width=Width.MEDIUM,
    display_name="Defines whether to include fields with null values to the decoded structure",
)


class DecodeLogicalDecodingMessageContent(Transform[R]):
    """The content of a logical message (a JSON object) becomes `after`, the operation `c`, the key null; EventRouter can go on from there.
    All other records pass unchanged. DataException for content that is no JSON object."""

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        self._json = JsonData(CONFIG.parse(props)["fields.null.include"], FIELD_ADJUSTERS["none"])
        self._made: dict[tuple[Schema, Schema], Schema] = {}

    def apply(self, record: R) -> R | None:
        schema = record.value_schema
        if schema is None or schema.name != _VALUE:
            return record
        event = require_struct(record.value, "Retrieve a record value")
        after_schema, after = self._content(event)
        made = self._schema(schema, after_schema)
        values: list[Any] = ["c" if field.name == "op" else event.get(field.name) for field in made.fields[:-1]]
        copied = copy_record(record)
        copied.key_schema = copied.key = None
        copied.value_schema, copied.value = made, Struct(made, [*values, after])
        return copied

    def apply_block(self, block: Block) -> list[Block] | None:
        schema = block.value_schema
        return [block] if schema is None or schema.name != _VALUE else None

    def _content(self, event: Struct) -> tuple[Schema, Struct]:
        message = require_struct(event.get("message"), "Retrieve content of a logical decoding message")
        field = message.schema.field("content")
        if field is None or field.schema.type is not Type.BYTES:
            raise DataException(
                "The content of a logical decoding message is non-binary", remedy="Set binary.handling.mode=bytes."
            )
        content = message.get("content")
        try:
            text = bytes(content if content is not None else b"").decode()
        except UnicodeDecodeError:
            raise DataException("The content of a logical decoding message is no UTF-8 text") from None
        document = parse_document(text)
        if not isinstance(document, dict):
            raise DataException("The content of a logical decoding message is no JSON object")
        schema, value = self._json.convert(None, document)
        return schema, value

    def _schema(self, event: Schema, after: Schema) -> Schema:
        made = self._made.get((event, after))
        if made is None:
            fields = [(field.name, field.schema) for field in event.fields if field.name != "message"]
            plain = struct_like(event, [*fields, ("after", after)])
            # EventRouter knows its events by the end of the schema's name.
            made = Schema(Type.STRUCT, name=f"{event.name}.Envelope", fields=plain.fields)
            if len(self._made) >= _LIMIT:
                self._made.clear()
            self._made[event, after] = made
        return made
