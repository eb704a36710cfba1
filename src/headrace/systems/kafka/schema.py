"""Messages from a one-line description: `error:int16 leader:string members:[id:string tasks:[int32]]? delay:int32=0`.

Types: bool, int8, int16, int32, int64, string, bytes, `[type]` and `[fields]` for arrays. `?` behind a type: may be null. `=value`: a field that
may be missing at the end of the bytes, and what it is then. A message is a dict of its fields. Bytes are those of Kafka's protocol,
big-endian: strings after an int16 length, bytes and arrays after an int32, −1 for null; in its flexible versions (KIP-482) after an unsigned
varint of the length plus one, 0 for null, and every struct ends with tagged fields, of which none is written and all are skipped.
Source: Kafka protocol guide, "Protocol Primitive Types".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from headrace.errors import DataException

Message = dict[str, Any]
_TOKEN: Final = re.compile(r"\s*([a-z_][a-z0-9_]*:|\[|\]\??|=\S+|[a-z]+[0-9]*\??)")
_NUMBERS: Final = {
    name: struct.Struct(f">{code}")
    for name, code in zip(("bool", "int8", "int16", "int32", "int64"), "?bhiq", strict=True)
}
_INT16, _INT32 = _NUMBERS["int16"], _NUMBERS["int32"]
_MISSING: Final = object()
_LITERALS: Final[Mapping[str, Any]] = {"null": None, "false": False, "true": True}
_LONGEST_TEXT: Final = 0x7FFF


def malformed(text: str) -> DataException:
    """The error for bytes that are no message of the kind that was expected."""
    return DataException(f"Malformed message: {text}.", code="KAFKA_MALFORMED")


@dataclass(frozen=True, slots=True)
class _Type:
    """`name`: a primitive's, `array` or `struct`; `of`: the elements of an array; `fields`: those of a struct."""

    name: str
    nullable: bool = False
    of: _Type | None = None
    fields: tuple[tuple[str, _Type, Any], ...] = ()


class Schema:
    """The layout of one kind of message, from its description (see the module). ValueError for a description that is none."""

    def __init__(self, description: str, *, flexible: bool = False) -> None:
        tokens = _TOKEN.findall(description)
        if "".join(tokens) != re.sub(r"\s+", "", description):
            raise ValueError(f"no description of a message: {description}")
        self._root, rest = _fields(tokens, 0)
        if rest != len(tokens):
            raise ValueError(f"unbalanced description: {description}")
        self._flexible = flexible

    def encode(self, message: Mapping[str, Any]) -> bytes:
        """The bytes of `message`; a field that is not in it is null, or what its description says for missing ones.

        DataException KAFKA_UNENCODABLE for a value that does not fit its type.
        """
        out = bytearray()
        _write(out, self._root, message, "message", self._flexible)
        return bytes(out)

    def decode(self, data: bytes) -> Message:
        """The message in `data`; bytes behind it are ignored, as the protocol demands. DataException KAFKA_MALFORMED."""
        message: Message = _read(data, 0, self._root, self._flexible)[0]
        return message


def _fields(tokens: list[str], at: int) -> tuple[_Type, int]:
    fields = []
    while at < len(tokens) and tokens[at].endswith(":"):
        name = tokens[at][:-1]
        kind, at = _type(tokens, at + 1)
        missing = _MISSING
        if at < len(tokens) and tokens[at].startswith("="):
            text = tokens[at][1:]
            missing = _LITERALS[text] if text in _LITERALS else int(text)
            at += 1
        fields.append((name, kind, missing))
    return _Type("struct", fields=tuple(fields)), at


def _type(tokens: list[str], at: int) -> tuple[_Type, int]:
    if at >= len(tokens):
        raise ValueError("a description ends without a type")
    token = tokens[at]
    if token == "[":
        inner = tokens[at + 1] if at + 1 < len(tokens) else ""
        element, at = _fields(tokens, at + 1) if inner.endswith(":") else _type(tokens, at + 1)
        if at >= len(tokens) or not tokens[at].startswith("]"):
            raise ValueError("an array without its end")
        return _Type("array", tokens[at].endswith("?"), element), at + 1
    name = token.rstrip("?")
    if name not in _NUMBERS and name not in ("string", "bytes"):
        raise ValueError(f"no type: {token}")
    return _Type(name, token.endswith("?")), at + 1


def _unencodable(path: str, value: Any, name: str) -> DataException:
    return DataException(f"{path} cannot be {value!r:.200} as {name}.", code="KAFKA_UNENCODABLE")


def _write(out: bytearray, kind: _Type, value: Any, path: str, flexible: bool) -> None:
    if kind.name == "struct":
        if not isinstance(value, Mapping):
            raise _unencodable(path, value, "fields")
        for name, field, missing in kind.fields:
            given = value.get(name, None if missing is _MISSING else missing)
            _write(out, field, given, f"{path}.{name}", flexible)
        if flexible:
            out.append(0)  # no tagged fields
    elif number := _NUMBERS.get(kind.name):
        if not isinstance(value, int) or (kind.name == "bool" and not isinstance(value, bool)):
            raise _unencodable(path, value, kind.name)
        try:
            out += number.pack(value)
        except struct.error as error:
            raise _unencodable(path, value, kind.name) from error
    elif value is None:
        if not kind.nullable:
            raise _unencodable(path, value, kind.name)
        _write_length(out, kind, -1, flexible)
    elif kind.of is not None:
        if not isinstance(value, (list, tuple)):
            raise _unencodable(path, value, kind.name)
        _write_length(out, kind, len(value), flexible)
        for item in value:
            _write(out, kind.of, item, path, flexible)
    else:
        raw = _raw(kind, value, path)
        _write_length(out, kind, len(raw), flexible)
        out += raw


def _raw(kind: _Type, value: Any, path: str) -> bytes:
    """A text's or bytes' content."""
    if kind.name == "bytes" and isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if kind.name == "bytes" or not isinstance(value, str):
        raise _unencodable(path, value, kind.name)
    try:
        raw = value.encode()
    except UnicodeEncodeError as error:
        raise _unencodable(path, value, "UTF-8") from error
    if len(raw) > _LONGEST_TEXT:
        raise _unencodable(path, value, f"a text of at most {_LONGEST_TEXT} bytes")
    return raw


def _write_length(out: bytearray, kind: _Type, length: int, flexible: bool) -> None:
    if not flexible:
        out += (_INT16 if kind.name == "string" else _INT32).pack(length)
        return
    left = length + 1
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)


def _read(data: bytes, at: int, kind: _Type, flexible: bool) -> tuple[Any, int]:
    if kind.name == "struct":
        message: Message = {}
        for name, field, missing in kind.fields:
            if at >= len(data) and missing is not _MISSING:
                message[name] = missing
            else:
                message[name], at = _read(data, at, field, flexible)
        return message, _skip_tagged(data, at) if flexible else at
    if number := _NUMBERS.get(kind.name):
        end = at + number.size
        if end > len(data):
            raise malformed(f"{kind.name} at {at} ends behind {len(data)} bytes")
        return number.unpack_from(data, at)[0], end
    length, at = _read_length(data, at, kind, flexible)
    if length == -1 and kind.nullable:
        return None, at
    # An element has a byte at least, so this bounds an array as well.
    if length < 0 or length > len(data) - at:
        raise malformed(f"{kind.name} of length {length} at {at} of {len(data)} bytes")
    if kind.of is not None:
        items = []
        for _ in range(length):
            item, at = _read(data, at, kind.of, flexible)
            items.append(item)
        return items, at
    raw = bytes(data[at : at + length])
    if kind.name == "bytes":
        return raw, at + length
    try:
        return raw.decode(), at + length
    except UnicodeDecodeError as error:
        raise malformed(f"text at {at} is not UTF-8: {error}") from error


def _read_length(data: bytes, at: int, kind: _Type, flexible: bool) -> tuple[int, int]:
    if flexible:
        length, at = _varint(data, at)
        return length - 1, at
    number = _INT16 if kind.name == "string" else _INT32
    if at + number.size > len(data):
        raise malformed(f"length at {at} ends behind {len(data)} bytes")
    length = number.unpack_from(data, at)[0]
    return length, at + number.size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(data):
            raise malformed(f"number at {at} ends behind {len(data)} bytes")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise malformed(f"number before {at} has more than 32 bits")


def _skip_tagged(data: bytes, at: int) -> int:
    count, at = _varint(data, at)
    for _ in range(count):
        _, at = _varint(data, at)
        size, at = _varint(data, at)
        if size > len(data) - at:
            raise malformed(f"tagged field of {size} bytes at {at} of {len(data)}")
        at += size
    return at
