"""The neutral JSON form of records, and Java's objects. The other side's codec is tests/parity/neutral.py; the form is told in README.md."""

from __future__ import annotations

import base64
import json
from typing import Any

from jpype import JArray, JByte, JClass, JDouble, JFloat, JInt, JLong, JShort

Byte, Short, Integer, Long = (JClass(f"java.lang.{n}") for n in ("Byte", "Short", "Integer", "Long"))
Float, Double, Boolean, String = (JClass(f"java.lang.{n}") for n in ("Float", "Double", "Boolean", "String"))
ArrayList, HashMap, LinkedHashMap, Date = (
    JClass(f"java.util.{n}") for n in ("ArrayList", "HashMap", "LinkedHashMap", "Date")
)
BigDecimal, ByteBuffer = JClass("java.math.BigDecimal"), JClass("java.nio.ByteBuffer")
JavaList, JavaMap = JClass("java.util.List"), JClass("java.util.Map")
_DATA = "org.apache.kafka.connect.data."
ConnectSchema, Field, Schema, Struct = (JClass(_DATA + n) for n in ("ConnectSchema", "Field", "Schema", "Struct"))
SchemaType = JClass(_DATA + "Schema$Type")
ConnectHeaders = JClass("org.apache.kafka.connect.header.ConnectHeaders")
SchemaAndValue = JClass(_DATA + "SchemaAndValue")
SourceRecord = JClass("org.apache.kafka.connect.source.SourceRecord")
SinkRecord = JClass("org.apache.kafka.connect.sink.SinkRecord")
TimestampType = JClass("org.apache.kafka.common.record.TimestampType")
_BYTES = JArray(JByte)

_NUMBERS = {
    "i8": lambda n: Byte.valueOf(JByte(n)),
    "i16": lambda n: Short.valueOf(JShort(n)),
    "i32": lambda n: Integer.valueOf(JInt(n)),
    "i64": lambda n: Long.valueOf(JLong(n)),
    "f32": lambda x: Float.valueOf(JFloat(float(x))),
    "f64": lambda x: Double.valueOf(JDouble(float(x))),
}


class Reader:
    """Neutral form to Java. Equal schemas become one object, as a source's records share theirs."""

    def __init__(self) -> None:
        self._schemas: dict[str, Any] = {}

    def schema(self, form: dict[str, Any] | None) -> Any:
        if form is None:
            return None
        text = json.dumps(form, sort_keys=True)
        if text not in self._schemas:
            self._schemas[text] = self._make(form)
        return self._schemas[text]

    def _make(self, form: dict[str, Any]) -> Any:
        parameters = fields = None
        if form.get("parameters"):
            parameters = LinkedHashMap()
            for name, value in form["parameters"].items():
                parameters.put(name, value)
        if form["type"] == "struct":
            fields = ArrayList()
            for index, field in enumerate(form.get("fields", ())):
                fields.add(Field(field["name"], JInt(index), self.schema(field["schema"])))
        version = form.get("version")

        def build(default: Any) -> Any:
            return ConnectSchema(
                SchemaType.valueOf(form["type"].upper()),
                bool(form.get("optional", False)),
                default,
                form.get("name"),
                None if version is None else Integer.valueOf(JInt(version)),
                form.get("doc"),
                parameters,
                fields,
                self.schema(form.get("keys")),
                self.schema(form.get("values")),
            )

        bare = build(None)
        return build(self.value(form["default"], bare)) if form.get("default") is not None else bare

    def value(self, form: Any, schema: Any = None) -> Any:
        if form is None:
            return None
        if isinstance(form, bool):
            return Boolean.valueOf(form)
        if isinstance(form, str):
            return String(form)
        kind = next(iter(form))
        content = form[kind]
        if kind in _NUMBERS:
            return _NUMBERS[kind](content)
        match kind:
            case "bytes":
                return _BYTES(base64.b64decode(content))
            case "buffer":
                return ByteBuffer.wrap(_BYTES(base64.b64decode(content)))
            case "decimal":
                return BigDecimal(content)
            case "date":
                return Date(JLong(content))
            case "list":
                items = ArrayList()
                for item in content:
                    items.add(self.value(item, schema.valueSchema() if _is(schema, "ARRAY") else None))
                return items
            case "map":
                typed = _is(schema, "MAP")
                pairs = LinkedHashMap()
                for key, value in content:
                    pairs.put(
                        self.value(key, schema.keySchema() if typed else None),
                        self.value(value, schema.valueSchema() if typed else None),
                    )
                return pairs
            case "struct":
                return self._struct(content, self.schema(form["of"]) if "of" in form else schema)
        raise ValueError(f"no such kind of value: {kind}")

    def _struct(self, values: list[Any], schema: Any) -> Any:
        struct = Struct(schema)
        for field, value in zip(schema.fields(), values, strict=True):
            if value is not None:
                struct.put(field, self.value(value, field.schema()))
        return struct

    def data(self, form: dict[str, Any] | None) -> tuple[Any, Any]:
        if form is None:
            return None, None
        schema = self.schema(form.get("schema"))
        return schema, self.value(form.get("value"), schema)

    def record(self, form: dict[str, Any], record_class: str) -> Any:
        key_schema, key = self.data(form.get("key"))
        value_schema, value = self.data(form.get("value"))
        headers = ConnectHeaders()
        for name, data in form.get("headers", ()):
            headers.add(name, SchemaAndValue(*self.data(data)))
        timestamp = form.get("timestamp")
        timestamp = None if timestamp is None else Long.valueOf(JLong(timestamp))
        partition = form.get("partition")
        body = (key_schema, key, value_schema, value)
        if record_class == "sink":
            place, kind = JLong(form.get("offset", 0)), TimestampType.CREATE_TIME
            return SinkRecord(form["topic"], JInt(partition or 0), *body, place, timestamp, kind, headers)
        source, offset = HashMap(), HashMap()
        number = None if partition is None else Integer.valueOf(JInt(partition))
        return SourceRecord(source, offset, form["topic"], number, *body, timestamp, headers)


def _is(schema: Any, kind: str) -> bool:
    return schema is not None and str(schema.type().name()) == kind


def schema_form(schema: Any) -> dict[str, Any] | None:
    """Java to neutral form."""
    if schema is None:
        return None
    kind = str(schema.type().name())
    form: dict[str, Any] = {"type": kind.lower()}
    if schema.isOptional():
        form["optional"] = True
    for name, value in (("name", schema.name()), ("doc", schema.doc())):
        if value is not None:
            form[name] = str(value)
    if schema.version() is not None:
        form["version"] = int(schema.version())
    if schema.parameters():
        form["parameters"] = {str(e.getKey()): str(e.getValue()) for e in schema.parameters().entrySet()}
    if schema.defaultValue() is not None:
        form["default"] = value_form(schema.defaultValue(), schema)
    if kind == "STRUCT":
        form["fields"] = [{"name": str(f.name()), "schema": schema_form(f.schema())} for f in schema.fields()]
    if kind == "MAP":
        form["keys"] = schema_form(schema.keySchema())
    if kind in ("MAP", "ARRAY"):
        form["values"] = schema_form(schema.valueSchema())
    return form


def _float(kind: str, value: Any) -> dict[str, Any]:
    # Java's own text is the shortest that means this number; for float it has fewer digits than the double has.
    text = str(value.toString())
    return {kind: text if text[-1] in "yN" else float(text)}


def _bytes(value: Any) -> dict[str, Any]:
    return {"bytes": base64.b64encode(bytes(value)).decode()}


def _buffer(value: Any) -> dict[str, Any]:
    copy = value.duplicate()
    content = _BYTES(int(copy.remaining()))
    copy.get(content)
    return _bytes(content)


_FORMS: dict[str, Any] = {
    "java.lang.String": str,
    "java.lang.Boolean": bool,
    "java.lang.Byte": lambda v: {"i8": int(v)},
    "java.lang.Short": lambda v: {"i16": int(v)},
    "java.lang.Integer": lambda v: {"i32": int(v)},
    "java.lang.Long": lambda v: {"i64": int(v)},
    "java.lang.Float": lambda v: _float("f32", v),
    "java.lang.Double": lambda v: _float("f64", v),
    "java.math.BigDecimal": lambda v: {"decimal": str(v.toString())},
    "[B": _bytes,
}


def value_form(value: Any, schema: Any = None) -> Any:
    """Java to neutral form; `schema` is what stands there, so that a struct need not tell its own."""
    if value is None:
        return None
    name = str(value.getClass().getName()) if hasattr(value, "getClass") else "[B"
    simple = _FORMS.get(name)
    if simple is not None:
        return simple(value)
    if isinstance(value, Struct):
        own = value.schema()
        form = {"struct": [value_form(value.getWithoutDefault(f.name()), f.schema()) for f in own.fields()]}
        if schema is None or not own.equals(schema):
            form["of"] = schema_form(own)
        return form
    if isinstance(value, JavaMap):
        keys, values = (schema.keySchema(), schema.valueSchema()) if _is(schema, "MAP") else (None, None)
        return {"map": [[value_form(e.getKey(), keys), value_form(e.getValue(), values)] for e in value.entrySet()]}
    if isinstance(value, JavaList):
        return {"list": [value_form(item, schema.valueSchema() if _is(schema, "ARRAY") else None) for item in value]}
    if isinstance(value, Date):
        return {"date": int(value.getTime())}
    if isinstance(value, ByteBuffer):
        return _buffer(value)
    return {"java": name, "text": str(value.toString())}


def data_form(schema: Any, value: Any) -> dict[str, Any]:
    return {"schema": schema_form(schema), "value": value_form(value, schema)}


def record_form(record: Any) -> dict[str, Any] | None:
    """Java to neutral form; None for a record that was dropped."""
    if record is None:
        return None
    partition, timestamp = record.kafkaPartition(), record.timestamp()
    return {
        "topic": None if record.topic() is None else str(record.topic()),
        "partition": None if partition is None else int(partition),
        "timestamp": None if timestamp is None else int(timestamp),
        "key": data_form(record.keySchema(), record.key()),
        "value": data_form(record.valueSchema(), record.value()),
        "headers": [[str(h.key()), data_form(h.schema(), h.value())] for h in record.headers()],
    }
