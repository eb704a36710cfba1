"""HeaderFrom: fields of the key or value moved or copied into headers. Source: org.apache.kafka.connect.transforms.HeaderFrom."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.native._core import Column
from collections.abc import Mapping
from typing import Final, NamedTuple

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import one_of
from headrace.data import Header, Schema, Struct
from headrace.data.batch import Block
from headrace.errors import ConfigException, DataException
from headrace.spi.transform import R
from headrace.transforms.base import (
    NULL_DEFAULTS,
    Reader,
    SchemaCache,
    SidedTransform,
    compile_reader,
    require_map,
    require_struct,
    struct_like,
)
from headrace.transforms.blocks import one_value, pieces, structs_of
from headrace.transforms.lists import some_list

_FIELDS: Final = "Names of the fields to move or copy."
_HEADERS: Final = "Names of the headers, in the order of `fields`."
_OPERATION: Final = "move: the fields leave the key or value; copy: they stay."


class _Plan(NamedTuple):
    schema: Schema
    read: Reader | None
    sources: list[tuple[str, int, Schema]]
    """Header name, position and schema of each field that becomes a header."""
    kept: list[int]
    """Positions of the fields that stay, where some leave."""


class HeaderFrom(SidedTransform[R]):
    """The value must be a struct or a map. A field that is not there: DataException with a schema, a null header without."""

    definition = (
        ConfigDef()
        .define("fields", ConfigType.LIST, validator=some_list, importance=Importance.HIGH, documentation=_FIELDS)
        .define("headers", ConfigType.LIST, validator=some_list, importance=Importance.HIGH, documentation=_HEADERS)
        .define(
            "operation",
            ConfigType.STRING,
            validator=one_of("move", "copy"),
            importance=Importance.HIGH,
            documentation=_OPERATION,
        )
        .embed(NULL_DEFAULTS)
    )

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException when there are not as many headers as fields."""
        settings = self.settings(props)
        self._pairs: list[tuple[str, str]] = list(zip(settings["fields"], settings["headers"], strict=False))
        if len(settings["fields"]) != len(settings["headers"]):
            raise ConfigException(
                "'fields' config must have the same number of elements as 'headers' config.", field="headers"
            )
        self._move = settings["operation"] == "move"
        self._purpose = f"header {settings['operation']}"
        self._replace: bool = settings["replace.null.with.default"]
        self._plans: SchemaCache[_Plan] = SchemaCache()

    def _plan(self, schema: Schema) -> _Plan:
        sources = []
        for name, header in self._pairs:
            field = schema.field(name)
            if field is None:
                raise DataException(f"Unknown field: {name}", field="fields")
            sources.append((header, field.index, field.schema))
        if not self._move:
            return _Plan(schema, None, sources, [])
        moved = {name for name, _ in self._pairs}
        kept = [field for field in schema.fields if field.name not in moved]
        indexes = [field.index for field in kept]
        updated = struct_like(schema, [(field.name, field.schema) for field in kept])
        read = compile_reader(schema, indexes, replace_nulls=self._replace)
        return _Plan(updated, read, sources, indexes)

    def apply(self, record: R) -> R | None:
        value, schema = self.value_of(record), self.schema_of(record)
        if schema is None:
            fields = require_map(value, self._purpose)
            headers = [Header(header, None, fields.get(name)) for name, header in self._pairs]
            if self._move:
                moved = {name for name, _ in self._pairs}
                fields = {name: item for name, item in fields.items() if name not in moved}
            copied = self.with_value(record, None, fields)
        else:
            values = require_struct(value, self._purpose).values
            plan = self._plans.get(schema, self._plan)
            headers = []
            for header, index, field in plan.sources:
                item = values[index]
                if item is None:
                    item = field.default if self._replace else None
                    if item is None and not field.optional:
                        raise DataException(f"A null value requires an optional schema but was {field!r}")
                headers.append(Header(header, field, item))
            if plan.read is None:
                copied = self.with_value(record, schema, value)
            else:
                copied = self.with_value(record, plan.schema, Struct(plan.schema, plan.read(values)))
        copied._headers = (*record.header_items, *headers)
        return copied

    def apply_block(self, block: Block) -> list[Block] | None:
        structs = structs_of(self.side_of(block))
        if structs is None or structs.column.has_nulls:
            return None
        plan = self._plans.get(structs.schema, self._plan)
        columns = structs.read([index for _, index, _ in plan.sources], defaults=self._replace)
        made: list[Block] | None = [block]
        if plan.read is not None:
            fields = structs.read(plan.kept, defaults=self._replace)
            made = self.with_side(block, plan.schema, structs.column.rebuilt(fields))
        split = None if made is None else pieces(made[0], columns)
        if split is None:
            return None
        return [piece.replace(headers=(*piece.headers, *_headers_of(plan, columns, first))) for first, piece in split]


def _headers_of(plan: _Plan, columns: list[Column], row: int) -> list[Header]:
    return [
        Header(header, field, one_value(field, column, row))
        for (header, _, field), column in zip(plan.sources, columns, strict=True)
    ]


class Key(HeaderFrom[R]):
    """HeaderFrom on the key."""

    is_key = True


class Value(HeaderFrom[R]):
    """HeaderFrom on the value."""
