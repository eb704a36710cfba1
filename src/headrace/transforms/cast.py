"""Cast: fields, or the whole key or value, to another primitive type. Source: org.apache.kafka.connect.transforms.Cast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.keys import invalid_value
from headrace.data import Schema, Struct, Type
from headrace.data.batch import Block
from headrace.data.columns import layout_of
from headrace.data.logical import LOGICAL_NAMES
from headrace.errors import ConfigException
from headrace.spi.transform import R
from headrace.transforms.base import (
    NULL_DEFAULTS,
    Reader,
    SchemaCache,
    SidedTransform,
    compile_reader,
    derived,
    require_map,
    require_struct,
    struct_like,
)
from headrace.transforms.blocks import structs_of
from headrace.transforms.casting import cast_value

_PURPOSE: Final = "cast types"
_TARGETS: Final = {
    "int8": Type.INT8,
    "int16": Type.INT16,
    "int32": Type.INT32,
    "int64": Type.INT64,
    "float32": Type.FLOAT32,
    "float64": Type.FLOAT64,
    "boolean": Type.BOOLEAN,
    "string": Type.STRING,
}


_NAMES: Final = {target: name for name, target in _TARGETS.items()}


def _parse_spec(name: str, items: list[str] | None) -> tuple[dict[str, Type], Type | None]:
    """The casts by field, and the cast of the whole value."""
    fields: dict[str, Type] = {}
    whole: Type | None = None
    if not items:
        raise invalid_value(name, items, "Must specify at least one field to cast.")
    for item in items:
        *field, kind = item.strip().rsplit(":", 1)
        target = _TARGETS.get(kind.strip().lower())
        if target is None:
            raise ConfigException(
                f"Invalid value {item} for configuration {name}: Invalid type found in casting spec: {kind}",
                field=name,
                remedy=f"Use one of {', '.join(_TARGETS)}.",
            )
        if field:
            fields[field[0].strip()] = target
        else:
            whole = target
    if whole is not None and len(items) > 1:
        raise invalid_value(
            name,
            items,
            "Cast transformations that specify a type to cast the entire value to may only specify one cast",
        )
    return fields, whole


def _valid_spec(name: str, value: Any) -> None:
    _parse_spec(name, value)


class _Plan(NamedTuple):
    schema: Schema
    casts: list[tuple[int, Schema, Type]]
    read: Reader | None


class Cast(SidedTransform[R]):
    """A null value passes unchanged; a null field stays null. Schema names of cast fields are dropped, defaults are cast."""

    definition = (
        ConfigDef()
        .define(
            "spec",
            ConfigType.LIST,
            validator=_valid_spec,
            importance=Importance.HIGH,
            documentation="Casts as field1:type,field2:type, or one type for the whole value. Types: "
            + ", ".join(_TARGETS)
            + ".",
        )
        .embed(NULL_DEFAULTS)
    )

    def configure(self, props: Mapping[str, str]) -> None:
        settings = self.settings(props)
        self._casts, self._whole = _parse_spec("spec", settings["spec"])
        self._replace: bool = settings["replace.null.with.default"]
        self._plans: SchemaCache[_Plan] = SchemaCache()

    def _plan(self, schema: Schema) -> _Plan:
        if self._whole is not None:
            return _Plan(_cast_whole(schema, self._whole), [], None)
        # A default of the whole struct has no cast: the original refuses the schema.
        cast_value(schema, schema.default, Type.STRING)
        fields: list[tuple[str, Schema]] = []
        casts: list[tuple[int, Schema, Type]] = []
        for field in schema.fields:
            target = self._casts.get(field.name)
            if target is None:
                fields.append((field.name, field.schema))
            else:
                fields.append((field.name, _cast_schema(field.schema, target)))
                casts.append((field.index, field.schema, target))
        read = compile_reader(schema, None, replace_nulls=self._replace)
        return _Plan(struct_like(schema, fields, optional=schema.optional), casts, read)

    def _cast_fields(self, values: list[Any], plan: _Plan) -> list[Any]:
        assert plan.read is not None
        result = plan.read(values)
        for index, schema, target in plan.casts:
            result[index] = cast_value(schema, result[index], target)
        return result

    def apply(self, record: R) -> R | None:
        value, schema = self.value_of(record), self.schema_of(record)
        if value is None:
            return record
        if schema is None:
            if self._whole is not None:
                return self.with_value(record, None, cast_value(None, value, self._whole))
            updated = dict(require_map(value, _PURPOSE))
            for name, target in self._casts.items():
                updated[name] = cast_value(None, updated.get(name), target)
            return self.with_value(record, None, updated)
        if self._whole is not None:
            plan = self._plans.get(schema, self._plan)
            return self.with_value(record, plan.schema, cast_value(schema, value, self._whole))
        struct = require_struct(value, _PURPOSE)
        plan = self._plans.get(schema, self._plan)
        return self.with_value(record, plan.schema, Struct(plan.schema, self._cast_fields(struct.values, plan)))

    def apply_block(self, block: Block) -> list[Block] | None:
        side = self.side_of(block)
        if side.column is None or side.schema is None:
            return [block]
        layout = layout_of(side.schema)
        if layout is None:
            return None
        if self._whole is not None:
            plan = self._plans.get(side.schema, self._plan)
            if plan.schema.name in LOGICAL_NAMES:
                # The name stays, so that the schema speaks of another value than is there.
                return None
            return self.with_side(block, plan.schema, side.column.cast(layout, _NAMES[self._whole]))
        structs = structs_of(side)
        if structs is None:
            return None
        plan = self._plans.get(structs.schema, self._plan)
        fields = structs.read(defaults=self._replace)
        for index, _, target in plan.casts:
            fields[index] = fields[index].cast(layout.fields[index], _NAMES[target])
        return self.with_side(block, plan.schema, structs.column.rebuilt(fields))


def _cast_schema(schema: Schema, target: Type) -> Schema:
    default = cast_value(schema, schema.default, target)
    return Schema(target, optional=schema.optional, default=default)


def _cast_whole(schema: Schema, target: Type) -> Schema:
    """Unlike a field's, the name and what goes with it stay."""
    cast = _cast_schema(schema, target)
    kept = {"name": schema.name, "version": schema.version, "doc": schema.doc, "parameters": schema.parameters}
    return derived(cast, **kept)


class Key(Cast[R]):
    """Cast on the key."""

    is_key = True


class Value(Cast[R]):
    """Cast on the value."""
