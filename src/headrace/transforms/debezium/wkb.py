"""Well-known binary of geometries: between WKB and EWKB, and with x and y exchanged.

Source: io.debezium.spatial.GeometryBytes and what it uses; OGC 06-103r4 (WKB) and PostGIS (EWKB: flags of Z, M and SRID in the type).
"""

from __future__ import annotations

import struct
from typing import Final

from headrace.errors import DataException

SRID_FLAG: Final = 0x20000000
_Z_FLAG: Final = 0x80000000
_M_FLAG: Final = 0x40000000
_TYPE_MASK: Final = 0x000000FF
_POINT, _LINE, _POLYGON, _COLLECTION = 1, 2, 3, 7
_MULTI: Final = {4: _POINT, 5: _LINE, 6: _POLYGON}


def is_extended(wkb: bytes | None) -> bool:
    """Whether the bytes carry their own SRID."""
    return wkb is not None and len(wkb) >= 5 and bool(_type(wkb) & SRID_FLAG)


def _order(wkb: bytes) -> str:
    return "<" if wkb[0] == 1 else ">"


def _type(wkb: bytes) -> int:
    kind: int = struct.unpack_from(_order(wkb) + "I", wkb, 1)[0]
    return kind


def to_extended(wkb: bytes, srid: int) -> bytes:
    """The bytes with the SRID in them; unchanged when they have one. DataException for bytes that are too few."""
    if is_extended(wkb):
        return wkb
    if len(wkb) < 5:
        raise DataException("The geometry has fewer than 5 bytes, it is no WKB.")
    order = _order(wkb)
    return wkb[:1] + struct.pack(order + "Ii", _type(wkb) | SRID_FLAG, srid) + wkb[5:]


def to_plain(wkb: bytes) -> bytes:
    """The bytes without an SRID."""
    if not is_extended(wkb):
        return wkb
    return wkb[:1] + struct.pack(_order(wkb) + "I", _type(wkb) & ~SRID_FLAG) + wkb[9:]


def swap(wkb: bytes) -> bytes:
    """The same geometry with x and y exchanged in every point. DataException for bytes that are no geometry."""
    output = bytearray(wkb)
    try:
        end = _geometry(output, 0)
    except (struct.error, IndexError) as error:
        raise DataException("The geometry ends too early: x and y cannot be exchanged.") from error
    except RecursionError:
        raise DataException("The geometry's collections are nested too deeply.") from None
    return bytes(output[:end])


def _geometry(data: bytearray, at: int) -> int:
    """Swap the geometry whose byte order stands at `at`; the position behind it."""
    order = "<" if data[at] == 1 else ">"
    kind: int = struct.unpack_from(order + "I", data, at + 1)[0]
    at += 5
    if kind & SRID_FLAG:
        at += 4
    base = kind & _TYPE_MASK
    size = _point_size(kind)
    if base in (_POINT, _LINE, _POLYGON):
        return _simple(data, at, base, order, size)
    if base == _COLLECTION:
        count, at = _count(data, at, order)
        for _ in range(count):
            at = _geometry(data, at)
        return at
    if base not in _MULTI:
        raise DataException(f"Invalid geometry type: {base}")
    count, at = _count(data, at, order)
    for _ in range(count):
        inner = "<" if data[at] == 1 else ">"
        at = _simple(data, at + 5, _MULTI[base], inner, size)
    return at


def _point_size(kind: int) -> int:
    return 16 + (8 if kind & _Z_FLAG else 0) + (8 if kind & _M_FLAG else 0)


def _count(data: bytearray, at: int, order: str) -> tuple[int, int]:
    count: int = struct.unpack_from(order + "i", data, at)[0]
    return count, at + 4


def _simple(data: bytearray, at: int, base: int, order: str, size: int) -> int:
    if base == _POINT:
        return _points(data, at, 1, size)
    rings = 1
    if base == _POLYGON:
        rings, at = _count(data, at, order)
    for _ in range(rings):
        count, at = _count(data, at, order)
        at = _points(data, at, count, size)
    return at


def _points(data: bytearray, at: int, count: int, size: int) -> int:
    if at + count * size > len(data):
        raise IndexError("point beyond the end")
    for _ in range(count):
        data[at : at + 8], data[at + 8 : at + 16] = data[at + 8 : at + 16], data[at : at + 8]
        at += size
    return at
