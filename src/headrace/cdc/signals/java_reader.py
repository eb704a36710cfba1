"""Reads an array of values that Java's ObjectOutputStream wrote: keys in the offsets of a Debezium connector. Pure.

Any stream is read as far as it describes itself; which classes mean what is known for those keys are made of. Nothing is executed and
nothing loaded by name. Source: Java Object Serialization Specification, chapter 6.
"""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from decimal import Decimal
from typing import Any, Final, NamedTuple

from headrace.cdc.signals.java_writer import Float32, Int32, PgObject
from headrace.errors import DataException

_FORMATS: Final = {"B": ">b", "C": ">H", "D": ">d", "F": ">f", "I": ">i", "J": ">q", "S": ">h", "Z": ">?"}
_DEPTH: Final = 32


class _Class(NamedTuple):
    name: str
    flags: int
    fields: list[tuple[str, str]]
    parent: _Class | None


class _End(Exception):
    """An end of block data, where a value was looked for."""


class JavaObject(NamedTuple):
    """An object of a class that means nothing here: its fields, and the bytes its class wrote itself."""

    name: str
    fields: dict[str, Any]
    data: bytes


def read_array(data: bytes) -> list[Any] | None:
    """The elements, as `write_array` takes them; None for null. DataException JAVA_OBJECT_INVALID for anything else."""
    try:
        if data[:4] != b"\xac\xed\x00\x05":
            raise ValueError("no serialized object")
        value = _Reader(data, 4).value(0)
    except (ValueError, IndexError, KeyError, struct.error, UnicodeError, RecursionError, OverflowError, _End) as error:
        raise _invalid(f"The serialized key cannot be read: {error}") from error
    if value is not None and not isinstance(value, list):
        raise _invalid("The serialized key is no array.")
    return value


def _invalid(text: str) -> DataException:
    return DataException(
        text,
        code="JAVA_OBJECT_INVALID",
        remedy="Remove the incremental_snapshot_* keys from the offset and signal the snapshot again.",
    )


class _Reader:
    def __init__(self, data: bytes, pos: int) -> None:
        self._data = data
        self._pos = pos
        self._handles: list[Any] = []

    def _take(self, size: int) -> bytes:
        if size < 0 or self._pos + size > len(self._data):
            raise ValueError("the stream ends early")
        part = self._data[self._pos : self._pos + size]
        self._pos += size
        return part

    def _number(self, code: str) -> Any:
        layout = _FORMATS[code]
        return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]

    def _u16(self) -> int:
        return int.from_bytes(self._take(2), "big")

    def _utf(self, size: int) -> str:
        # Surrogates come in three bytes each, NUL in two: neither is UTF-8.
        text = self._take(size).replace(b"\xc0\x80", b"\0").decode("utf-8", "surrogatepass")
        return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be")

    def _keep(self, value: Any) -> int:
        self._handles.append(value)
        return len(self._handles) - 1

    def value(self, depth: int) -> Any:
        """The next object."""
        if depth > _DEPTH:
            raise ValueError("nested too deeply")
        tag = self._take(1)[0]
        if tag == 0x70:
            return None
        if tag == 0x71:
            return self._handles[int.from_bytes(self._take(4), "big") - 0x7E0000]
        if tag in (0x74, 0x7C):
            size = self._u16() if tag == 0x74 else int.from_bytes(self._take(8), "big")
            text = self._utf(size)
            self._keep(text)
            return text
        if tag == 0x75:
            return self._array(depth)
        if tag == 0x73:
            return self._object(depth)
        if tag == 0x78:
            raise _End
        raise ValueError(f"unexpected tag {tag:#x}")

    def _class(self, depth: int) -> _Class | None:
        tag = self._take(1)[0]
        if tag == 0x70:
            return None
        if tag == 0x71:
            known = self._handles[int.from_bytes(self._take(4), "big") - 0x7E0000]
            if not isinstance(known, _Class):
                raise ValueError("no class where one must be")
            return known
        if tag != 0x72 or depth > _DEPTH:
            raise ValueError(f"unexpected tag {tag:#x} for a class")
        name = self._utf(self._u16())
        self._take(8)
        handle = self._keep(None)
        flags = self._take(1)[0]
        fields: list[tuple[str, str]] = []
        for _ in range(self._u16()):
            code = chr(self._take(1)[0])
            field = self._utf(self._u16())
            if code in "L[":
                self.value(depth + 1)
            fields.append((code, field))
        self._annotations(depth)
        made = _Class(name, flags, fields, self._class(depth + 1))
        self._handles[handle] = made
        return made

    def _annotations(self, depth: int) -> bytes:
        """What a class wrote itself, up to its end: the bytes; objects among them are passed over."""
        data = b""
        while True:
            tag = self._data[self._pos]
            if tag == 0x77:
                self._pos += 1
                data += self._take(self._take(1)[0])
            elif tag == 0x7A:
                self._pos += 1
                data += self._take(int.from_bytes(self._take(4), "big"))
            else:
                try:
                    self.value(depth + 1)
                except _End:
                    return data

    def _array(self, depth: int) -> Any:
        cls = self._class(depth)
        if cls is None:
            raise ValueError("an array without class")
        result: list[Any] = []
        handle = self._keep(result)
        count = self._number("I")
        code = cls.name[1:2]
        if code == "B":
            data = self._take(count)
            self._handles[handle] = data
            return data
        if count > len(self._data):
            raise ValueError("the stream ends early")
        result.extend(self.value(depth + 1) if code in "L[" else self._number(code) for _ in range(count))
        return result

    def _object(self, depth: int) -> Any:
        cls = self._class(depth)
        handle = self._keep(None)
        lineage: list[_Class] = []
        one = cls
        while one is not None:
            lineage.insert(0, one)
            one = one.parent
        fields: dict[str, Any] = {}
        data = b""
        for part in lineage:
            if part.flags & 0x02:
                for code, field in part.fields:
                    fields[field] = self.value(depth + 1) if code in "L[" else self._number(code)
                if part.flags & 0x01:
                    data += self._annotations(depth)
            elif part.flags & 0x04:
                data += self._annotations(depth)
        made = _meaning(cls.name if cls else "", fields, data)
        self._handles[handle] = made
        return made


def _meaning(name: str, fields: dict[str, Any], data: bytes) -> Any:
    if name in ("java.lang.Integer", "java.lang.Short", "java.lang.Byte"):
        return Int32(fields["value"])
    if name == "java.lang.Float":
        return Float32(fields["value"])
    if name in ("java.lang.Long", "java.lang.Double", "java.lang.Boolean"):
        return fields["value"]
    if name == "java.math.BigInteger":
        number = int.from_bytes(fields["magnitude"], "big")
        return -number if fields["signum"] < 0 else number
    if name == "java.math.BigDecimal":
        return _decimal(fields["intVal"], fields["scale"])
    if name == "java.util.UUID":
        return uuid.UUID(bytes=struct.pack(">qq", fields["mostSigBits"], fields["leastSigBits"]))
    if name == "java.sql.Date":
        return dt.date(1970, 1, 1) + dt.timedelta(milliseconds=struct.unpack(">q", data[:8])[0])
    if name in ("java.util.Date", "java.sql.Timestamp"):
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=struct.unpack(">q", data[:8])[0])
        return moment.replace(microsecond=fields["nanos"] // 1000) if "nanos" in fields else moment
    if name == "org.postgresql.util.PGobject":
        return PgObject(fields["type"], fields["value"])
    return JavaObject(name, fields, data)


def _decimal(number: int, scale: int) -> Decimal:
    digits = tuple(int(digit) for digit in str(abs(number)))
    return Decimal((int(number < 0), digits, -scale))
