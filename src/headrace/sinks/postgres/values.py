"""Values to PostgreSQL's binary and text forms: the functions the generated row encoders call.

A "piece" is a field of a binary COPY row: its 4-byte length and its bytes. Source: the *_recv functions of PostgreSQL.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from decimal import MAX_PREC, Context, Decimal
from struct import Struct as Packer
from typing import Any, Final

from headrace.data.logical import bytes_to_decimal
from headrace.data.struct import Struct

NULL: Final = b"\xff\xff\xff\xff"

pack_len: Final = Packer("!i").pack
_pack_numeric4: Final = Packer("!ihhHHHHHH").pack
_numeric_head: Final = Packer("!ihhHH").pack
_pack_interval: Final = Packer("!iqii").pack
_pack_point: Final = Packer("!idd").pack
_EXACT: Final = Context(prec=MAX_PREC if MAX_PREC < 10**9 else 200_000)
_scale: Final = _EXACT.scaleb


def interval_piece(us: int) -> bytes:
    """An interval of microseconds alone."""
    return _pack_interval(16, us, 0, 0)


def numeric_piece(value: Decimal, scale: int) -> bytes:
    """numeric with `scale` digits behind the point, more if the value has more; NaN and infinities as they are."""
    pad = -scale % 4
    try:
        scaled = _scale(value, scale + pad)
        whole = int(scaled)
    except (ValueError, OverflowError, ArithmeticError):
        return _special_numeric(value)
    if whole != scaled:
        exponent = value.as_tuple().exponent
        return numeric_piece(value, -exponent if isinstance(exponent, int) else scale)
    sign = 0
    if whole < 0:
        sign, whole = 0x4000, -whole
    if whole < 10_000_000_000_000_000:
        rest, d3 = divmod(whole, 10_000)
        rest, d2 = divmod(rest, 10_000)
        d0, d1 = divmod(rest, 10_000)
        return _pack_numeric4(16, 4, 3 - (scale + pad) // 4, sign, scale, d0, d1, d2, d3)
    # Not by str(int): Python bounds the digits it converts that way, the database does not.
    text = format(scaled.copy_abs(), "f").partition(".")[0]
    text = text.zfill(len(text) + -len(text) % 4)
    count = len(text) // 4
    digits = b"".join(int(text[at : at + 4]).to_bytes(2, "big") for at in range(0, len(text), 4))
    return _numeric_head(8 + 2 * count, count, count - 1 - (scale + pad) // 4, sign, scale) + digits


def _special_numeric(value: Decimal) -> bytes:
    if value.is_nan():
        return _numeric_head(8, 0, 0, 0xC000, 0)
    if value.is_infinite():
        return _numeric_head(8, 0, 0, 0xF000 if value < 0 else 0xD000, 0)
    raise ValueError(f"not a number PostgreSQL can hold: {value}")


def variable_decimal(value: Struct) -> Decimal:
    """The number in an io.debezium.data.VariableScaleDecimal."""
    return bytes_to_decimal(bytes(value.get("value")), value.get("scale"))


def loose_numeric_piece(value: Decimal) -> bytes:
    """numeric with the value's own scale."""
    exponent = value.as_tuple().exponent
    return numeric_piece(value, max(0, -exponent) if isinstance(exponent, int) else 0)


def bits_text(data: bytes, length: int) -> str:
    """The bits of a little-endian io.debezium.data.Bits, most significant first."""
    return format(int.from_bytes(data, "little"), "b").zfill(length)[-length:] if length else ""


def bits_piece(data: bytes, length: int) -> bytes:
    """bit or varbit of `length` bits."""
    size = (length + 7) // 8
    number = (int.from_bytes(data, "little") & ((1 << length) - 1)) << (size * 8 - length)
    return pack_len(4 + size) + pack_len(length) + number.to_bytes(size, "big")


def point_piece(value: Struct) -> bytes:
    """point of an io.debezium.data.geometry.Point."""
    return _pack_point(16, value.get("x"), value.get("y"))


def uuid_bytes(text: str) -> bytes:
    """The 16 bytes of a UUID. ValueError if it is none."""
    data = bytes.fromhex(text.replace("-", ""))
    if len(data) != 16:
        raise ValueError(f"not a UUID: {text!r}")
    return data


def text_bytes(text: str) -> bytes:
    """UTF-8. ValueError for a NUL character, which PostgreSQL cannot hold."""
    if "\x00" in text:
        raise ValueError("text holds a NUL character, which PostgreSQL cannot store")
    return text.encode()


def to_json(value: Any) -> str:
    """JSON text of structs, maps and lists; bytes as base64, decimals and times as text."""
    return json.dumps(_json_plain(value), ensure_ascii=False, separators=(",", ":"))


def _json_plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return {f.name: _json_plain(v) for f, v in zip(value.schema.fields, value.values, strict=True)}
    if isinstance(value, dict):
        return {str(key): _json_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_plain(item) for item in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal | dt.date | dt.time):
        return str(value)
    return value


def hstore_text(value: dict[Any, Any]) -> str:
    """hstore literal of a map."""

    def quoted(item: Any) -> str:
        return "NULL" if item is None else '"' + str(item).replace("\\", "\\\\").replace('"', '\\"') + '"'

    return ",".join(f"{quoted(str(key))}=>{quoted(item)}" for key, item in value.items())


def ewkb_hex(value: Struct) -> str:
    """Hexadecimal EWKB of a Debezium geometry; PostGIS reads it from text."""
    wkb, srid = bytes(value.get("wkb")), value.get("srid") if value.schema.field("srid") else None
    if srid is None:
        return wkb.hex()
    order = "little" if wkb[:1] == b"\x01" else "big"
    kind = int.from_bytes(wkb[1:5], order) | 0x20000000  # type: ignore[arg-type]
    return (wkb[:1] + kind.to_bytes(4, order) + int(srid).to_bytes(4, order) + wkb[5:]).hex()  # type: ignore[arg-type]


def array_text(items: list[Any], render: Any) -> str:
    """Array literal; `render` gives an element's text."""
    parts = []
    for item in items:
        if item is None:
            parts.append("NULL")
        else:
            parts.append('"' + render(item).replace("\\", "\\\\").replace('"', '\\"') + '"')
    return "{" + ",".join(parts) + "}"


_array_head: Final = Packer("!iiiIii").pack
_array_empty: Final = Packer("!iiiI").pack


def array_piece(items: list[Any], element_oid: int, piece: Any) -> bytes:
    """A one-dimensional array; `piece` gives an element's field."""
    if not items:
        return _array_empty(12, 0, 0, element_oid)
    has_null = None in items
    body = b"".join([NULL if item is None else piece(item) for item in items])
    return _array_head(20 + len(body), 1, int(has_null), element_oid, len(items), 1) + body


def vector_text(items: list[float]) -> str:
    """pgvector's text of a dense vector."""
    return "[" + ",".join(map(repr, items)) + "]"
