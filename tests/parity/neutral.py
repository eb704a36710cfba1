"""The neutral JSON form of records, and headrace's objects. The form is told in README.md; Java's side is oracle/codec.py."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import struct
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from headrace.data import ConnectRecord, Field, Header, Headers, Schema, SinkRecord, SourceRecord, Struct, Type
from headrace.data.logical import DATE_NAME, TIME_NAME, datetime_to_millis, millis_to_datetime, millis_to_time

Form = dict[str, Any]
_TYPES = {type.name.lower(): type for type in Type}
_WIDTHS = {Type.INT8: "i8", Type.INT16: "i16", Type.INT32: "i32", Type.INT64: "i64"}
_EPOCH = dt.date(1970, 1, 1)
_DAY_MS = 86_400_000


class Reader:
    """Neutral form to headrace. Equal schemas become one object, as a source's records share theirs."""

    def __init__(self) -> None:
        self._schemas: dict[str, Schema] = {}

    def schema(self, form: Form | None) -> Schema | None:
        """The schema; None for none."""
        return None if form is None else self._schema(form)

    def _schema(self, form: Form) -> Schema:
        text = json.dumps(form, sort_keys=True)
        if text not in self._schemas:
            self._schemas[text] = self._make(form)
        return self._schemas[text]

    def _make(self, form: Form) -> Schema:
        fields = [
            Field(field["name"], index, self._schema(field["schema"]))
            for index, field in enumerate(form.get("fields", ()))
        ]

        def build(default: Any) -> Schema:
            return Schema(
                _TYPES[form["type"]],
                optional=bool(form.get("optional", False)),
                default=default,
                name=form.get("name"),
                version=form.get("version"),
                doc=form.get("doc"),
                parameters=form.get("parameters"),
                fields=fields,
                key_schema=self.schema(form.get("keys")),
                value_schema=self.schema(form.get("values")),
            )

        bare = build(None)
        return build(self.value(form["default"], bare)) if form.get("default") is not None else bare

    def value(self, form: Any, schema: Schema | None = None) -> Any:
        """The value that stands under `schema`."""
        if form is None or isinstance(form, bool | str):
            return form
        kind, content = next(iter(form.items()))
        match kind:
            case "i8" | "i16" | "i32" | "i64":
                return int(content)
            case "f32":
                return single(float(content))
            case "f64":
                return float(content)
            case "bytes" | "buffer":
                return base64.b64decode(content)
            case "decimal":
                return Decimal(content)
            case "date":
                return _from_date(int(content), schema)
            case "list":
                item = schema.value_schema if schema is not None else None
                return [self.value(one, item) for one in content]
            case "map":
                keys, values = (schema.key_schema, schema.value_schema) if schema is not None else (None, None)
                return {self.value(key, keys): self.value(value, values) for key, value in content}
            case "struct":
                own = self._schema(form["of"]) if "of" in form else schema
                assert own is not None, "a struct in a schemaless place must tell its schema in 'of'"
                return Struct(own, [self.value(v, f.schema) for f, v in zip(own.fields, content, strict=True)])
        raise ValueError(f"no such kind of value: {kind}")

    def data(self, form: Form | None) -> tuple[Schema | None, Any]:
        """Schema and value of a key, a value or a header."""
        if form is None:
            return None, None
        schema = self.schema(form.get("schema"))
        return schema, self.value(form.get("value"), schema)

    def record(self, form: Form, record_class: str = "source") -> SourceRecord | SinkRecord:
        """The record, of class `source` or `sink`."""
        key_schema, key = self.data(form.get("key"))
        value_schema, value = self.data(form.get("value"))
        headers = Headers(tuple(Header(name, *self.data(data)) for name, data in form.get("headers", ())))
        topic, partition, timestamp = form["topic"], form.get("partition"), form.get("timestamp")
        if record_class == "sink":
            offset = form.get("offset", 0)
            return SinkRecord(
                topic, partition or 0, key_schema, key, value_schema, value, offset, timestamp, headers=headers
            )
        return SourceRecord({}, {}, topic, partition, key_schema, key, value_schema, value, timestamp, headers)


def single(value: float) -> float:
    """The nearest number of single precision."""
    if math.isnan(value) or math.isinf(value):
        return value
    result: float = struct.unpack("f", struct.pack("f", value))[0]
    return result


def shortest_single(value: float) -> float:
    """The number of fewest digits that means the same in single precision, as Java writes a float."""
    for digits in range(1, 10):
        text = float(f"{value:.{digits}g}")
        try:
            if single(text) == value:
                return text
        except OverflowError:
            continue
    return value


def _from_date(ms: int, schema: Schema | None) -> Any:
    name = schema.name if schema is not None else None
    if name == DATE_NAME:
        return _EPOCH + dt.timedelta(days=ms // _DAY_MS)
    return millis_to_time(ms) if name == TIME_NAME else millis_to_datetime(ms)


def schema_form(schema: Schema | None) -> Form | None:
    """headrace to neutral form."""
    if schema is None:
        return None
    known: Form | None = schema.cache.get("parity.form")
    if known is None:
        known = schema.cache["parity.form"] = _schema_form(schema)
    return known


def _schema_form(schema: Schema) -> Form:
    form: Form = {"type": schema.type.name.lower()}
    if schema.optional:
        form["optional"] = True
    for name in ("name", "doc", "version"):
        value = getattr(schema, name)
        if value is not None:
            form[name] = value
    if schema.parameters:
        form["parameters"] = dict(schema.parameters)
    if schema.default is not None:
        form["default"] = value_form(schema.default, schema)
    if schema.type is Type.STRUCT:
        form["fields"] = [{"name": field.name, "schema": schema_form(field.schema)} for field in schema.fields]
    if schema.type is Type.MAP:
        form["keys"] = schema_form(schema.key_schema)
    if schema.type in (Type.MAP, Type.ARRAY):
        form["values"] = schema_form(schema.value_schema)
    return form


def _number(kind: str, value: float) -> Form:
    if math.isnan(value):
        return {kind: "NaN"}
    if math.isinf(value):
        return {kind: "Infinity" if value > 0 else "-Infinity"}
    return {kind: shortest_single(value) if kind == "f32" and single(value) == value else value}


def value_form(value: Any, schema: Schema | None = None) -> Any:
    """headrace to neutral form. Where no schema says otherwise an int is i64 and a float f64: Python's numbers have no width."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return {_WIDTHS.get(schema.type, "i64") if schema is not None else "i64": value}
    if isinstance(value, float):
        return _number("f32" if schema is not None and schema.type is Type.FLOAT32 else "f64", value)
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, Decimal):
        return {"decimal": _java_decimal(value)}
    if isinstance(value, dt.datetime):
        return {"date": datetime_to_millis(value)}
    if isinstance(value, dt.date):
        return {"date": (value - _EPOCH).days * _DAY_MS}
    if isinstance(value, dt.time):
        return {"date": ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond // 1000}
    if isinstance(value, list | tuple):
        return {"list": [value_form(item, schema.value_schema if schema is not None else None) for item in value]}
    if isinstance(value, Mapping):
        keys, values = (schema.key_schema, schema.value_schema) if schema is not None else (None, None)
        return {"map": [[value_form(k, keys), value_form(v, values)] for k, v in value.items()]}
    if isinstance(value, Struct):
        fields = zip(value.schema.fields, value.values, strict=True)
        form: Form = {"struct": [value_form(item, field.schema) for field, item in fields]}
        if schema is None or value.schema != schema:
            form["of"] = schema_form(value.schema)
        return form
    return {"python": type(value).__name__, "text": str(value)}


def _java_decimal(value: Decimal) -> str:
    """The text of java.math.BigDecimal for the same digits and scale."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int), f"{value} is no number"
    text = "".join(map(str, digits))
    adjusted = exponent + len(text) - 1
    if exponent <= 0 and adjusted >= -6:
        if exponent:
            text = text.rjust(1 - exponent, "0")
            text = f"{text[:exponent]}.{text[exponent:]}"
    else:
        text = f"{text[0]}{'.' + text[1:] if len(text) > 1 else ''}E{adjusted:+d}"
    # BigDecimal knows no negative zero.
    return f"-{text}" if sign and any(digits) else text


def data_form(schema: Schema | None, value: Any) -> Form:
    """headrace to neutral form: a key, a value or a header."""
    return {"schema": schema_form(schema), "value": value_form(value, schema)}


def record_form(record: ConnectRecord | None) -> Form | None:
    """headrace to neutral form; None for a record that was dropped."""
    if record is None:
        return None
    return {
        "topic": record.topic,
        "partition": record.partition,
        "timestamp": record.timestamp,
        "key": data_form(record.key_schema, record.key),
        "value": data_form(record.value_schema, record.value),
        "headers": [[header.key, data_form(header.schema, header.value)] for header in record.header_items],
    }
