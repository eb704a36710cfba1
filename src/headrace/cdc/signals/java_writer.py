"""Writes an array of values as Java's ObjectOutputStream would, for Debezium to read from an offset. Pure.

Source: Java Object Serialization Specification, chapter 6 (the stream protocol).
"""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from headrace.cdc.signals.java_classes import CLASSES, SC_WRITE_METHOD, JavaClass

_NULL, _REFERENCE, _CLASSDESC, _OBJECT, _STRING, _ARRAY = b"\x70", b"\x71", b"\x72", b"\x73", b"\x74", b"\x75"
_BLOCKDATA, _ENDBLOCKDATA, _LONGSTRING = b"\x77", b"\x78", b"\x7c"
_FIRST_HANDLE: Final = 0x7E0000
_PRIMITIVES: Final = {"I": ">i", "J": ">q", "D": ">d", "F": ">f", "Z": ">?"}


class Int32(int):
    """Written as java.lang.Integer; a plain int is a java.lang.Long."""


class Float32(float):
    """Written as java.lang.Float; a plain float is a java.lang.Double."""


class PgObject(NamedTuple):
    """Written as the JDBC driver's holder of a value that has no Java type: the type's name and the value's text."""

    type: str
    value: str


def write_array(values: Sequence[Any] | None) -> bytes:
    """The stream of an `Object[]`, or of null. Values: None, Int32, int, Float32, float, bool, str, bytes, Decimal (finite), UUID,
    date, PgObject. TypeError for others."""
    writer = _Writer()
    writer.out += b"\xac\xed\x00\x05"
    if values is None:
        writer.out += _NULL
    else:
        writer.array(values)
    return bytes(writer.out)


def modified_utf8(text: str) -> bytes:
    """Java's own UTF-8: NUL in two bytes, characters beyond the basic plane as surrogates."""
    if "\0" not in text and text.isascii():
        return text.encode()
    units = struct.unpack(f">{len(text.encode('utf-16-be')) // 2}H", text.encode("utf-16-be"))
    out = bytearray()
    for unit in units:
        if 0 < unit < 0x80:
            out.append(unit)
        elif unit < 0x800:
            out += bytes((0xC0 | unit >> 6, 0x80 | unit & 0x3F))
        else:
            out += bytes((0xE0 | unit >> 12, 0x80 | unit >> 6 & 0x3F, 0x80 | unit & 0x3F))
    return bytes(out)


class _Writer:
    def __init__(self) -> None:
        self.out = bytearray()
        self._handles: dict[Any, int] = {}
        self._next = _FIRST_HANDLE

    def _known(self, key: Any) -> bool:
        handle = self._handles.get(key)
        if handle is None:
            return False
        self.out += _REFERENCE + struct.pack(">I", handle)
        return True

    def _remember(self, key: Any = None) -> None:
        if key is not None:
            self._handles[key] = self._next
        self._next += 1

    def array(self, values: Sequence[Any]) -> None:
        self.out += _ARRAY
        self._class("[Ljava.lang.Object;")
        self._remember()
        self.out += struct.pack(">i", len(values))
        for value in values:
            self.value(value)

    def _class(self, name: str | None) -> None:
        if name is None:
            self.out += _NULL
            return
        if self._known(("class", name)):
            return
        made: JavaClass = CLASSES[name]
        self.out += _CLASSDESC + _utf(name) + struct.pack(">QB", made.serial, made.flags)
        self._remember(("class", name))
        self.out += struct.pack(">H", len(made.fields))
        for kind, field in made.fields:
            self.out += kind[0].encode() + _utf(field)
            if kind[0] in "L[":
                self._string(kind)
        self.out += _ENDBLOCKDATA
        self._class(made.parent)

    def _string(self, text: str) -> None:
        if self._known(("string", text)):
            return
        encoded = modified_utf8(text)
        if len(encoded) < 0x10000:
            self.out += _STRING + struct.pack(">H", len(encoded)) + encoded
        else:
            self.out += _LONGSTRING + struct.pack(">Q", len(encoded)) + encoded
        self._remember(("string", text))

    def _object(self, name: str, **fields: Any) -> None:
        self.out += _OBJECT
        self._class(name)
        self._remember()
        made = CLASSES[name]
        for kind, field in made.fields:
            if kind in _PRIMITIVES:
                self.out += struct.pack(_PRIMITIVES[kind], fields[field])
            else:
                fields[field]()
        if made.flags & SC_WRITE_METHOD:
            self.out += _ENDBLOCKDATA

    def _bytes(self, data: bytes) -> None:
        self.out += _ARRAY
        self._class("[B")
        self._remember()
        self.out += struct.pack(">i", len(data)) + data

    def value(self, value: Any) -> None:
        """One element."""
        if value is None:
            self.out += _NULL
        elif isinstance(value, bool):
            self._object("java.lang.Boolean", value=value)
        elif isinstance(value, int):
            self._object("java.lang.Integer" if isinstance(value, Int32) else "java.lang.Long", value=value)
        elif isinstance(value, float):
            self._object("java.lang.Float" if isinstance(value, Float32) else "java.lang.Double", value=value)
        elif isinstance(value, str):
            self._string(value)
        elif isinstance(value, (bytes, bytearray)):
            self._bytes(bytes(value))
        elif isinstance(value, Decimal):
            self._decimal(value)
        elif isinstance(value, uuid.UUID):
            high, low = struct.unpack(">qq", value.bytes)
            self._object("java.util.UUID", leastSigBits=low, mostSigBits=high)
        elif isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            self._date(value)
        elif isinstance(value, PgObject):
            self._object(
                "org.postgresql.util.PGobject",
                type=lambda: self._string(value.type),
                value=lambda: self._string(value.value),
            )
        else:
            raise TypeError(f"{type(value).__name__} has no counterpart in Java")

    def _decimal(self, value: Decimal) -> None:
        sign, digits, exponent = value.as_tuple()
        if not isinstance(exponent, int):
            raise TypeError(f"{value} has no counterpart in Java")
        magnitude = int("".join(map(str, digits)) or "0")
        number = -magnitude if sign else magnitude
        self._object("java.math.BigDecimal", scale=-exponent, intVal=lambda: self._big_integer(number))

    def _big_integer(self, number: int) -> None:
        size = (abs(number).bit_length() + 7) // 8
        self._object(
            "java.math.BigInteger",
            bitCount=-1,
            bitLength=-1,
            firstNonzeroByteNum=-2,
            lowestSetBit=-2,
            signum=(number > 0) - (number < 0),
            magnitude=lambda: self._bytes(abs(number).to_bytes(size, "big")),
        )

    def _date(self, value: dt.date) -> None:
        millis = (value - dt.date(1970, 1, 1)).days * 86_400_000
        self._object("java.sql.Date")
        self.out += _BLOCKDATA + b"\x08" + struct.pack(">q", millis) + _ENDBLOCKDATA


def _utf(text: str) -> bytes:
    encoded = modified_utf8(text)
    return struct.pack(">H", len(encoded)) + encoded
