"""Flatten: nested structs or maps become fields with joined names. Source: org.apache.kafka.connect.transforms.Flatten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data import Schema, Struct, Type
from headrace.data.batch import Block
from headrace.data.validation import validate_value
from headrace.errors import DataException, SchemaBuilderException
from headrace.spi.transform import R
from headrace.transforms.base import SchemaCache, SidedTransform, derived, require_map, require_struct, struct_like
from headrace.transforms.blocks import structs_of

_PURPOSE: Final = "flattening"
_PLAIN: Final = (bool, int, float, str, bytes, bytearray, memoryview, list, tuple)


class _Plan(NamedTuple):
    schema: Schema
    read: Callable[[list[Any]], list[Any]]
    leaves: list[_Leaf]


class _Leaf(NamedTuple):
    """A field of the flat struct: where it was, and whether a null is refused there if its own struct is not null."""

    path: tuple[int, ...]
    required: bool


class Flatten(SidedTransform[R]):
    """A null value passes unchanged. Arrays stay as they are; a map under a schema is a DataException.

    A field is optional when it or one of its parents is; a parent's default gives its fields theirs.
    """

    definition = ConfigDef().define(
        "delimiter",
        ConfigType.STRING,
        ".",
        importance=Importance.MEDIUM,
        documentation="Put between the names of the fields that are joined.",
    )

    def configure(self, props: Mapping[str, str]) -> None:
        self._delimiter: str = self.settings(props)["delimiter"]
        self._plans: SchemaCache[_Plan] = SchemaCache()

    def apply(self, record: R) -> R | None:
        value = self.value_of(record)
        if value is None:
            return record
        schema = self.schema_of(record)
        if schema is None:
            flat: dict[str, Any] = {}
            self._flatten_map(require_map(value, _PURPOSE), "", flat)
            return self.with_value(record, None, flat)
        values = require_struct(value, _PURPOSE).values
        plan = self._plans.get(schema, self._plan)
        return self.with_value(record, plan.schema, Struct(plan.schema, plan.read(values)))

    def _name(self, prefix: str, name: str) -> str:
        return prefix + self._delimiter + name if prefix else name

    def _flatten_map(self, source: dict[Any, Any], prefix: str, flat: dict[str, Any]) -> None:
        for key, value in source.items():
            name = self._name(prefix, key)
            if isinstance(value, dict):
                self._flatten_map(value, name, flat)
            elif value is None or isinstance(value, _PLAIN):
                flat[name] = value
            else:
                raise DataException(
                    f"Flatten transformation does not support {type(value).__name__} for record without schemas "
                    f"(for field {name})."
                )

    def _plan(self, schema: Schema) -> _Plan:
        made = _Flattening(self._name)
        made.struct(schema, "", "v", schema.optional, schema.default, ())
        lines = ["def read(v):", *made.lines, f"    return [{', '.join(made.parts)}]"]
        exec("\n".join(lines), made.scope)
        return _Plan(struct_like(schema, made.fields), made.scope["read"], made.leaves)

    def apply_block(self, block: Block) -> list[Block] | None:
        side = self.side_of(block)
        if side.column is None:
            return [block]
        structs = structs_of(side)
        if structs is None:
            return None
        plan = self._plans.get(structs.schema, self._plan)
        fields = []
        for leaf in plan.leaves:
            column, layout = structs.column, structs.layout
            for index in leaf.path[:-1]:
                column, layout = column.field(index), layout.fields[index]
            fields += column.read(layout, leaf.path[-1:], defaults=True, check=leaf.required)
        return self.with_side(block, plan.schema, structs.column.rebuilt(fields))


class _Flattening:
    """Walks one schema: the fields of the flat one, and the code that reads their values."""

    def __init__(self, name: Callable[[str, str], str]) -> None:
        self._name = name
        self.fields: list[tuple[str, Schema]] = []
        self.leaves: list[_Leaf] = []
        self.parts: list[str] = []
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {"missing": _missing}

    def struct(
        self, schema: Schema, prefix: str, values: str, optional: bool, default: Struct | None, path: tuple[int, ...]
    ) -> None:
        """The fields of a struct whose values are in the variable `values`, which is None for a null struct."""
        for field in schema.fields:
            name = self._name(prefix, field.name)
            inner = field.schema
            inherited = inner.default
            if inherited is None and default is not None:
                inherited = default.get(field.name)
            nullable = optional or inner.optional
            if inner.type is Type.STRUCT:
                nested = f"s{len(self.lines)}"
                self.lines.append(f"    {nested} = {self._at(values, field.index)}")
                self.lines.append(f"    if {nested} is not None: {nested} = {nested}.values")
                self.struct(inner, name, nested, nullable, inherited, (*path, field.index))
            elif inner.type is Type.MAP:
                raise DataException(
                    f"Flatten transformation does not support MAP for record with schemas (for field {name})."
                )
            else:
                self._leaf(name, inner, values, field.index, nullable, inherited)
                self.leaves.append(_Leaf((*path, field.index), not nullable))

    def _at(self, values: str, index: int) -> str:
        return f"v[{index}]" if values == "v" else f"None if {values} is None else {values}[{index}]"

    def _leaf(self, name: str, schema: Schema, values: str, index: int, optional: bool, default: Any) -> None:
        flat = derived(schema, optional=optional, default=default)
        if default is not None:
            try:
                validate_value(flat, default, name)
            except DataException as error:
                raise SchemaBuilderException(f"Invalid default value: {error.message}") from error
        self.fields.append((name, flat))
        at = len(self.parts)
        leaf = f"x{at}"
        self.lines.append(f"    {leaf} = {self._at(values, index)}")
        # A null struct leaves its fields unset; the field of a struct that is there is read with its own default and checked.
        there = "" if values == "v" else f"{values} is not None and "
        if schema.default is not None:
            self.scope[f"d{at}"] = schema.default
            self.lines.append(f"    if {there}{leaf} is None: {leaf} = d{at}")
        elif not optional:
            self.scope[f"n{at}"] = name
            self.lines.append(f"    if {there}{leaf} is None: missing(n{at})")
        self.parts.append(leaf)


def _missing(name: str) -> None:
    raise DataException(f'Invalid value: null used for required field: "{name}"')


class Key(Flatten[R]):
    """Flatten on the key."""

    is_key = True


class Value(Flatten[R]):
    """Flatten on the value."""
