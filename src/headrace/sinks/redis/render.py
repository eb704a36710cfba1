"""Values as text (bytes, for hashes, streams and keys) and as JSON, by their schema's logical type. Pure.

| type | text | JSON |
|---|---|---|
| boolean | true, false | boolean |
| integers, floats | digits; NaN, Infinity | number; NaN and infinities as text |
| Decimal, VariableScaleDecimal | all digits, no exponent | text, so that no reader rounds it |
| dates, times, timestamps (Connect's and Debezium's) | ISO 8601 | the same text |
| bytes | as they are | base64 |
| arrays, maps, structs | their JSON | JSON |
"""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from headrace.data import Schema, Struct, Type
from headrace.data.logical import DATE_NAME, DECIMAL_NAME, TIME_NAME, TIMESTAMP_NAME, bytes_to_decimal

ToText = Callable[[Any], bytes]
ToJson = Callable[[Any], Any]

_EPOCH: Final = dt.datetime(1970, 1, 1)
_EPOCH_ORDINAL: Final = dt.date(1970, 1, 1).toordinal()


def _plain(value: Any) -> str:
    """A text of a class of its own, such as one that stands for an unchanged value."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


_encode_json = msgspec.json.Encoder(decimal_format="string", enc_hook=_plain).encode
_VARIABLE_DECIMAL: Final = "io.debezium.data.VariableScaleDecimal"


def _days(value: int) -> str:
    try:
        return dt.date.fromordinal(value + _EPOCH_ORDINAL).isoformat()
    except (ValueError, OverflowError):
        return str(value)  # beyond the years 1 to 9999, as for infinity


def _timestamp(units_per_s: int, digits: int) -> Callable[[int], str]:
    def render(value: int) -> str:
        seconds, fraction = divmod(value, units_per_s)
        try:
            moment = (_EPOCH + dt.timedelta(seconds=seconds)).isoformat()
        except OverflowError:
            return str(value)
        return f"{moment}.{fraction:0{digits}d}"

    return render


def _time(units_per_s: int, digits: int) -> Callable[[int], str]:
    def render(value: int) -> str:
        seconds, fraction = divmod(value, units_per_s)
        minutes, second = divmod(seconds, 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{fraction:0{digits}d}"

    return render


def _instant(value: dt.datetime) -> str:
    if value.tzinfo is not None:
        value = value.astimezone(dt.UTC).replace(tzinfo=None)
    return value.isoformat(timespec="milliseconds") + "Z"


def _decimal(value: Decimal) -> str:
    return format(value, "f")


def _variable_decimal(value: Struct) -> str:
    return _decimal(bytes_to_decimal(value.get("value"), value.get("scale")))


_AS_STRING: Final[dict[str, Callable[[Any], str]]] = {
    DECIMAL_NAME: _decimal,
    DATE_NAME: lambda v: v.isoformat(),
    TIME_NAME: lambda v: v.isoformat(timespec="milliseconds"),
    TIMESTAMP_NAME: _instant,
    _VARIABLE_DECIMAL: _variable_decimal,
    "io.debezium.time.Date": _days,
    "io.debezium.time.Time": _time(1_000, 3),
    "io.debezium.time.MicroTime": _time(1_000_000, 6),
    "io.debezium.time.NanoTime": _time(1_000_000_000, 9),
    "io.debezium.time.Timestamp": _timestamp(1_000, 3),
    "io.debezium.time.MicroTimestamp": _timestamp(1_000_000, 6),
    "io.debezium.time.NanoTimestamp": _timestamp(1_000_000_000, 9),
}


def _float_text(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _float_json(value: float) -> float | str:
    return value if math.isfinite(value) else _float_text(value)


def string_renderer(schema: Schema) -> Callable[[Any], str] | None:
    """How a logical value becomes text, None when the schema's name says nothing special."""
    return _AS_STRING.get(schema.name or "")


def text_renderer(schema: Schema) -> ToText:
    """Renders non-null values of `schema` as bytes."""
    as_string = string_renderer(schema)
    if as_string is not None:
        render = as_string
        return lambda v: render(v).encode()
    match schema.type:
        case Type.STRING:
            return str.encode
        case Type.BYTES:
            return bytes
        case Type.BOOLEAN:
            return lambda v: b"true" if v else b"false"
        case Type.FLOAT32 | Type.FLOAT64:
            return lambda v: _float_text(v).encode()
        case Type.ARRAY | Type.MAP | Type.STRUCT:
            to_json = json_renderer(schema)
            return lambda v: _encode_json(to_json(v))
        case _:
            return lambda v: b"%d" % v


def json_renderer(schema: Schema) -> ToJson:
    """Renders non-null values of `schema` as something whose JSON is right."""
    as_string = string_renderer(schema)
    if as_string is not None:
        return as_string
    match schema.type:
        case Type.BYTES:
            return lambda v: base64.b64encode(v).decode()
        case Type.FLOAT32 | Type.FLOAT64:
            return _float_json
        case Type.ARRAY if schema.value_schema is not None:
            item = nullable(json_renderer(schema.value_schema))
            return lambda v: [item(i) for i in v]
        case Type.MAP if schema.value_schema is not None:
            entry = nullable(json_renderer(schema.value_schema))
            return lambda v: {str(k): entry(i) for k, i in v.items()}
        case Type.STRUCT:
            fields = [(f.name, f.index, nullable(json_renderer(f.schema))) for f in schema.fields]
            return lambda v: {name: render(v.values[index]) for name, index, render in fields}
        case _:
            return lambda v: v


def nullable(render: ToJson) -> ToJson:
    """The same, None for None."""
    return lambda v: None if v is None else render(v)


def plain_json(value: Any) -> Any:
    """A schemaless value as something whose JSON is right."""
    if isinstance(value, dict):
        return {str(k): plain_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain_json(v) for v in value]
    if isinstance(value, float):
        return _float_json(value)
    if isinstance(value, Struct):
        return json_renderer(value.schema)(value)
    return value


def plain_text(value: Any) -> bytes:
    """A schemaless value as text, by its Python type."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, float):
        return _float_text(value).encode()
    if isinstance(value, Decimal):
        return _decimal(value).encode()
    if isinstance(value, dt.datetime):
        return _instant(value).encode()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat().encode()
    return _encode_json(plain_json(value))


def json_bytes(value: Any) -> bytes:
    """JSON text of what the renderers above gave."""
    return _encode_json(value)
