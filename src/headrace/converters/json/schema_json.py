"""Schemas as JSON and back, in the field order of Connect's JsonConverter."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from headrace.converters.json.encoder import to_plain
from headrace.converters.json.leaves import jackson_escapes
from headrace.converters.json.loose import convert, wrapped
from headrace.data import Field, Schema, Struct, Type
from headrace.data.validation import validate_value
from headrace.errors import DataException, SchemaBuilderException

_TYPES: Final = {type.value: type for type in Type}


def schema_to_json(schema: Schema, *, decimal_numeric: bool = False, replace_nulls: bool = True) -> bytes:
    """The schema's JSON text, without white space."""
    return jackson_escapes(msgspec.json.encode(_plain(schema, decimal_numeric, replace_nulls)))


def _plain(schema: Schema, numeric: bool, replace: bool) -> dict[str, Any]:
    node: dict[str, Any] = {"type": schema.type.value}
    match schema.type:
        case Type.ARRAY if schema.value_schema is not None:
            node["items"] = _plain(schema.value_schema, numeric, replace)
        case Type.MAP if schema.key_schema is not None and schema.value_schema is not None:
            node["keys"] = _plain(schema.key_schema, numeric, replace)
            node["values"] = _plain(schema.value_schema, numeric, replace)
        case Type.STRUCT:
            node["fields"] = [{**_plain(f.schema, numeric, replace), "field": f.name} for f in schema.fields]
        case _:
            pass
    node["optional"] = schema.optional
    for name in ("name", "version", "doc", "parameters"):
        value = getattr(schema, name)
        if value is not None:
            node[name] = value
    if schema.default is not None:
        node["default"] = to_plain(schema, schema.default, decimal_numeric=numeric, replace_nulls=replace)
    return node


def schema_from_json(node: Any, *, replace_nulls: bool = True) -> Schema | None:
    """The schema a JSON document describes; None for null. DataException when it describes none."""
    if node is None:
        return None
    kind = node.get("type") if isinstance(node, dict) else None
    if not isinstance(kind, str):
        raise DataException("Schema must contain 'type' field")
    type = _TYPES.get(kind)
    if type is None:
        raise DataException(f"Unknown schema type: {kind}")
    base: dict[str, Any] = {}
    if type is Type.ARRAY:
        base["value_schema"] = _child(node, replace_nulls, "items", "Array schema did not specify the element type")
    elif type is Type.MAP:
        base["key_schema"] = _child(node, replace_nulls, "keys", "Map schema did not specify the key type")
        base["value_schema"] = _child(node, replace_nulls, "values", "Map schema did not specify the value type")
    elif type is Type.STRUCT:
        base["fields"] = _fields(node, replace_nulls)
    base["optional"] = node.get("optional") is True
    base["name"] = _text(node.get("name"))
    version = node.get("version")
    base["version"] = wrapped(version, 32) if isinstance(version, int) and not isinstance(version, bool) else None
    base["doc"] = _text(node.get("doc"))
    base["parameters"] = _parameters(node.get("parameters"))
    if "default" in node:
        base["default"] = _default(Schema(type, **base), node["default"], replace_nulls)
    return Schema(type, **base)


def _default(schema: Schema, node: Any, replace_nulls: bool) -> Any:
    """SchemaBuilderException for a default that the schema has no room for; a struct's never has: its schema would have to be
    the very one that is being built."""
    default = convert(schema, node, replace_nulls=replace_nulls)
    try:
        if isinstance(default, Struct):
            raise DataException("Struct schemas do not match.")
        validate_value(schema, default)
    except DataException as error:
        raise SchemaBuilderException(f"Invalid default value: {error.message}") from error
    return default


def _child(node: dict[str, Any], replace_nulls: bool, key: str, message: str) -> Schema:
    schema = schema_from_json(node.get(key), replace_nulls=replace_nulls)
    if schema is None:
        raise DataException(message)
    return schema


def _fields(node: dict[str, Any], replace_nulls: bool) -> list[Field]:
    entries = node.get("fields")
    if not isinstance(entries, list):
        raise DataException('Struct schema\'s "fields" argument is not an array.')
    fields: dict[str, Field] = {}
    for entry in entries:
        name = entry.get("field") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise DataException("Struct schema's field name not specified properly")
        if not name:
            raise SchemaBuilderException("fieldName cannot be null.")
        if name in fields:
            raise DataException(f"Cannot create field because of field name duplication {name}")
        schema = schema_from_json(entry, replace_nulls=replace_nulls)
        assert schema is not None
        fields[name] = Field(name, len(fields), schema)
    return list(fields.values())


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _parameters(value: Any) -> dict[str, str] | None:
    if not isinstance(value, dict):
        return None
    if not all(isinstance(item, str) for item in value.values()):
        raise DataException("Schema parameters must have string values.")
    return value
