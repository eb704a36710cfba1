"""Values to PostgreSQL's binary and text forms: the functions the generated row encoders call.

A "piece" is a field of a binary COPY row: its 4-byte length and its bytes. Source: the *_recv functions of PostgreSQL.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from decimal import MAX_PREC, Context, Decimal
from struct import Struct as Packer
from typing import Any, Final

from headrace.data.logical import bytes_to_decimal
from headrace.data.struct import Struct

NULL: Final = b"\xff\xff\xff\xff"
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_US: Final = dt.timedelta(microseconds=1)
PG_EPOCH_US: Final = 946_684_800_000_000
PG_EPOCH_DAYS: Final = 10_957
_TS_MIN: Final = -211_813_488_000_000_000
_TS_MAX: Final = 9_223_372_036_825_200_000 - PG_EPOCH_US  # from here on capture means infinity
_DAY_US: Final = 86_400_000_000

pack_len: Final = Packer("!i").pack
_pack_q: Final = Packer("!iq").pack
_pack_date: Final = Packer("!ii").pack
_pack_numeric4: Final = Packer("!ihhHHHHHH").pack
_numeric_head: Final = Packer("!ihhHH").pack
_pack_interval: Final = Packer("!iqii").pack
_pack_point: Final = Packer("!idd").pack
_pack_timetz: Final = Packer("!iqi").pack
_INFINITY: Final = _pack_q(8, 2**63 - 1)
_MINUS_INFINITY: Final = _pack_q(8, -(2**63))
_EXACT: Final = Context(prec=MAX_PREC if MAX_PREC < 10**9 else 200_000)
_scale: Final = _EXACT.scaleb


def timestamp_piece(us: int) -> bytes:
    """Microseconds since 1970; beyond PostgreSQL's range it is infinity, as capture writes infinity."""
    shifted = us - PG_EPOCH_US
    if _TS_MIN <= shifted < _TS_MAX:
        return _pack_q(8, shifted)
    return _INFINITY if shifted > 0 else _MINUS_INFINITY


def date_piece(days: int) -> bytes:
    """Days since 1970; the ends of 32 bits are infinity."""
    if -2_462_000 <= days < 2_145_042_905:
        return _pack_date(4, days - PG_EPOCH_DAYS)
    return _pack_date(4, 2**31 - 1 if days > 0 else -(2**31))


def datetime_us(value: dt.datetime) -> int:
    """Microseconds since 1970; a naive value is UTC."""
    return ((value if value.tzinfo else value.replace(tzinfo=dt.UTC)) - _EPOCH) // _US


_ISO: Final = re.compile(
    r"([+-]?\d{4,})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?)?\s*(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?"
)
_TIME: Final = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?\s*(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?")


def iso_us(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 timestamp, any year; without zone UTC. ValueError if it is none."""
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        return _wide_us(text)
    return ((value if value.tzinfo else value.replace(tzinfo=dt.UTC)) - _EPOCH) // _US


def _wide_us(text: str) -> int:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"not an ISO 8601 timestamp: {text!r}")
    year = int(match[1])
    # 400 years are a whole number of days, so a year outside Python's range is shifted into it.
    cycles = (year - 2000) // 400
    day = dt.date(year - cycles * 400, int(match[2]), int(match[3]))
    days = day.toordinal() - 719_163 + cycles * 146_097
    return days * _DAY_US + _clock_us(match[4], match[5], match[6], match[7]) - _zone_s(match[8]) * 1_000_000


def _clock_us(hour: str | None, minute: str | None, second: str | None, fraction: str | None) -> int:
    seconds = int(hour or 0) * 3600 + int(minute or 0) * 60 + int(second or 0)
    return seconds * 1_000_000 + int((fraction or "0").ljust(9, "0")[:6])


def _zone_s(zone: str | None) -> int:
    if not zone or zone == "Z":
        return 0
    digits = zone[1:].replace(":", "").ljust(6, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:6])
    return -seconds if zone[0] == "-" else seconds


def iso_days(text: str) -> int:
    """Days since 1970 of an ISO date, with or without a zone behind it."""
    return _wide_us(text) // _DAY_US


def time_us(text: str) -> int:
    """Microseconds of the day of an ISO time."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"not an ISO 8601 time: {text!r}")
    return _clock_us(match[1], match[2], match[3], match[4])


def timetz_piece(text: str) -> bytes:
    """timetz of an ISO time with zone."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"not an ISO 8601 time: {text!r}")
    return _pack_timetz(12, _clock_us(match[1], match[2], match[3], match[4]), -_zone_s(match[5]))


def clock_us(value: dt.time) -> int:
    """Microseconds of the day."""
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond


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
    text = str(whole)
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


def us_text(us: int) -> str:
    """ISO timestamp of microseconds since 1970, within Python's years."""
    return (_EPOCH + us * _US).isoformat()


def day_text(days: int) -> str:
    """ISO date of days since 1970, within Python's years."""
    return dt.date.fromordinal(days + 719_163).isoformat()


def clock_text(us: int) -> str:
    """ISO time of microseconds of the day."""
    seconds, fraction = divmod(us, 1_000_000)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}.{fraction:06}"


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
