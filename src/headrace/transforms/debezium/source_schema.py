"""ExtractSchemaToNewRecord: the columns' names and types as a part of the event.

Source: io.debezium.transforms.ExtractSchemaToNewRecord (Debezium 3.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headrace.config import ConfigDef
from headrace.data import (
    STRING_SCHEMA,
    Field,
    Schema,
    SchemaBuilder,
    Struct,
    Type,
)
from headrace.data.schema import OPTIONAL_INT32_SCHEMA, OPTIONAL_STRING_SCHEMA
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import SchemaCache, copy_record, derived
from headrace.transforms.debezium.envelope import event_of, find, struct_of

_NOTHING: Final = ConfigDef()
_FIELD: Final = "sourceSchema"
_NAME: Final = "io.debezium.connector.source."
_PARAMETER: Final = "__debezium.source.column."
_COLUMN: Final = (
    SchemaBuilder.struct()
    .name(_NAME + "schema.Column")
    .version(1)
    .field("name", STRING_SCHEMA)
    .field("typeName", STRING_SCHEMA)
    .field("length", OPTIONAL_INT32_SCHEMA)
    .field("scale", OPTIONAL_INT32_SCHEMA)
    .field("comment", OPTIONAL_STRING_SCHEMA)
    .build()
)
_TABLE: Final = (
    SchemaBuilder.struct()
    .name(_NAME + "schema.Table")
    .version(1)
    .field("columns", SchemaBuilder.array(_COLUMN).build())
    .build()
)
_BLOCK: Final = (
    SchemaBuilder.struct().name(_NAME + "Schema").version(1).field("id", STRING_SCHEMA).field("table", _TABLE).build()
)


class ExtractSchemaToNewRecord(Transform[R]):
    """Change events of rows get the field `sourceSchema`. It needs the connector's `column.propagate.source.type` or
    `datatype.propagate.source.type`. Truncates, and what is no change event, pass unchanged."""

    @classmethod
    def config(cls) -> ConfigDef:
        """No settings."""
        return _NOTHING

    def configure(self, props: Mapping[str, str]) -> None:
        self._made: SchemaCache[dict[str, tuple[Schema, Struct]]] = SchemaCache()

    def apply(self, record: R) -> R | None:
        event = event_of(record, "adding the source's schema")
        if event is None or (find(event, "after") is None and find(event, "before") is None):
            return record
        source = struct_of(event, "source")
        if source is None:
            raise DataException("The event has no source.")
        table = source.get("table")
        # The block is the same for all events of one schema, so it is made once for each table.
        made = self._made.get(event.schema, lambda _: {})
        if table not in made:
            made[table] = _described(event.schema, table)
        schema, block = made[table]
        values = [
            field.schema.default if value is None else value
            for field, value in zip(event.schema.fields, event.values, strict=True)
        ]
        copied = copy_record(record)
        copied.value_schema, copied.value = schema, Struct(schema, [*values, block])
        return copied


def _described(schema: Schema, table: str) -> tuple[Schema, Struct]:
    after = schema.field("after")
    if after is None or after.schema.type is not Type.STRUCT:
        raise DataException(f"The event of schema {schema.name} has no row in 'after'.")
    columns = [_column(field) for field in after.schema.fields]
    fields = [*schema.fields, Field(_FIELD, len(schema.fields), _BLOCK)]
    return derived(schema, fields=fields, default=None), Struct(_BLOCK, [table, Struct(_TABLE, [columns])])


def _column(field: Field) -> Struct:
    told = {
        name.removeprefix(_PARAMETER): value
        for name, value in (field.schema.parameters or {}).items()
        if name.startswith(_PARAMETER)
    }
    if "name" not in told or "type" not in told:
        raise DataException(
            f"The schema of column '{field.name}' does not tell the column's type.",
            remedy="Set column.propagate.source.type or datatype.propagate.source.type of the connector to .*",
        )
    length, scale = (int(told[name]) if name in told else None for name in ("length", "scale"))
    return Struct(_COLUMN, [told["name"], told["type"], length, scale, told.get("comment")])
