"""Row encoders: the fields of a row as the tail of a command, compiled once per schema.

HSET and XADD take `name value` pairs. For a row whose fields are all there, one format operation makes the whole
command; a row with nulls or unchanged values goes field by field.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from headrace.data import Schema, Struct, Type
from headrace.data.unchanged import Unchanged
from headrace.sinks.redis.render import json_renderer, nullable, plain_json, plain_text, string_renderer, text_renderer
from headrace.systems.redis import encode_command


class Pairs(NamedTuple):
    """The fields of one row: `present` = name, value, name, value …; `nulls` = names of null fields."""

    present: list[bytes]
    nulls: list[bytes]


class Placeholder:
    """Recognises values that an update left unchanged: typed ones, and placeholders that went through a log as data."""

    def __init__(self, text: str) -> None:
        data = text.encode()
        self.text = text
        self.data = data
        self.uuid = str(uuid.uuid3(_NO_NAMESPACE, text))
        self._list_forms: list[list[Any]] = [
            [text],
            [data],
            list(data),
            [bool(byte >> bit & 1) for byte in data for bit in range(7, -1, -1)],
            [self.uuid],
        ]
        self.digits = tuple(map(int, str(int.from_bytes(data, "big", signed=True)).lstrip("-")))
        self._map = {text: text}

    def matches(self, value: Any) -> bool:
        if isinstance(value, Unchanged):
            return True
        if isinstance(value, str):
            return value == self.text
        if isinstance(value, bytes):
            return value == self.data
        if isinstance(value, Decimal):
            return value.as_tuple().digits == self.digits
        if isinstance(value, Struct):
            return value.values == [0, self.data]
        if isinstance(value, list):
            if len(value) == 1 and isinstance(value[0], Decimal | Struct):
                return self.matches(value[0])
            return value in self._list_forms
        return isinstance(value, dict) and value == self._map


class _NoNamespace(uuid.UUID):
    """UUID.nameUUIDFromBytes hashes the name without a namespace."""

    def __init__(self) -> None:
        super().__init__(int=0)

    @property
    def bytes(self) -> bytes:
        return b""


_NO_NAMESPACE = _NoNamespace()

RowCommand = Callable[[list[Any], bytes], "bytes | None"]


class RowEncoder:
    """Encodes the rows of one struct schema.

    `command(values, key)` gives the whole command `WORD key [fixed] name value …` for a row that is complete, None for one that has nulls or
    unchanged values; `pairs` and `document` take any row."""

    def __init__(self, schema: Schema, placeholder: Placeholder, word: bytes, fixed: tuple[bytes, ...] = ()) -> None:
        self._placeholder = placeholder
        self._fields = [(f.name, f.name.encode(), f.schema) for f in schema.fields]
        self._text = [text_renderer(f.schema) for f in schema.fields]
        self._json = [nullable(json_renderer(f.schema)) for f in schema.fields]
        self.command: RowCommand = _compile(schema, placeholder, word, fixed)

    def pairs(self, values: list[Any]) -> Pairs:
        """Present and null fields; unchanged ones are in neither."""
        present: list[bytes] = []
        nulls: list[bytes] = []
        unchanged = self._placeholder.matches
        for (_, name, schema), render, value in zip(self._fields, self._text, values, strict=True):
            if value is None:
                value = None if schema.optional else schema.default
                if value is None:
                    nulls.append(name)
                    continue
            elif unchanged(value):
                continue
            present.append(name)
            present.append(render(value))
        return Pairs(present, nulls)

    def document(self, values: list[Any]) -> tuple[dict[str, Any], bool]:
        """The row for JSON without its unchanged fields, and whether there are any."""
        unchanged = self._placeholder.matches
        document: dict[str, Any] = {}
        for (name, _, schema), render, value in zip(self._fields, self._json, values, strict=True):
            if value is None and not schema.optional:
                value = schema.default
            if not unchanged(value):
                document[name] = render(value)
        return document, len(document) < len(self._fields)


def map_pairs(row: dict[str, Any], placeholder: Placeholder) -> Pairs:
    """The fields of a schemaless row."""
    present: list[bytes] = []
    nulls: list[bytes] = []
    for name, value in row.items():
        if value is None:
            nulls.append(str(name).encode())
        elif not placeholder.matches(value):
            present.append(str(name).encode())
            present.append(plain_text(value))
    return Pairs(present, nulls)


def map_document(row: dict[str, Any], placeholder: Placeholder) -> tuple[dict[str, Any], bool]:
    """As `RowEncoder.document`, for a schemaless row."""
    document = {str(k): plain_json(v) for k, v in row.items() if not placeholder.matches(v)}
    return document, len(document) < len(row)


def _compile(schema: Schema, placeholder: Placeholder, word: bytes, fixed: tuple[bytes, ...]) -> RowCommand:
    count = len(schema.fields)
    if count == 0:
        return lambda values, key: None
    form = encode_command(word).replace(b"*1\r\n", b"*%d\r\n" % (2 + len(fixed) + 2 * count), 1).replace(b"%", b"%%")
    form += b"$%d\r\n%b\r\n"
    form += b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in fixed).replace(b"%", b"%%")
    lines = ["def command(values, key):", "    if None in values: return None"]
    scope: dict[str, Any] = {"PLACEHOLDER": placeholder.text, "DATA": placeholder.data, "matches": placeholder.matches}
    types = {f.schema.type for f in schema.fields}
    if Type.STRING in types:
        lines.append("    if PLACEHOLDER in values: return None")
    if Type.BYTES in types:
        lines.append("    if DATA in values: return None")
    names = [f"v{i}" for i in range(count)]
    lines.append(f"    {', '.join(names)}, = values")
    arguments = ["len(key), key"]
    for field, name in zip(schema.fields, names, strict=True):
        column = field.name.encode()
        form += (b"$%d\r\n%b\r\n" % (len(column), column)).replace(b"%", b"%%") + b"$%d\r\n%b\r\n"
        kind = field.schema.type
        if kind in (Type.ARRAY, Type.MAP):
            lines.append(f"    if matches({name}): return None")
        if string_renderer(field.schema) is None and kind is Type.STRING:
            lines.append(f"    {name} = {name}.encode()")
        elif string_renderer(field.schema) is None and kind in _INTEGERS:
            lines.append(f"    {name} = b'%d' % {name}")
        else:
            scope[f"r{field.index}"] = text_renderer(field.schema)
            lines.append(f"    {name} = r{field.index}({name})")
        arguments.append(f"len({name}), {name}")
    lines.append(f"    return FORM % ({', '.join(arguments)})")
    scope["FORM"] = form
    exec("\n".join(lines), scope)
    compiled: RowCommand = scope["command"]
    return compiled


_INTEGERS = frozenset({Type.INT8, Type.INT16, Type.INT32, Type.INT64})
