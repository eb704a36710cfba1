"""The Redis key of a record, from keyspace and separator or from a pattern. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from headrace.data import Schema, Struct, Type
from headrace.errors import ConfigException, DataException
from headrace.sinks.redis.render import ToText, plain_text, text_renderer

_TOKEN = re.compile(r"\$\{([^}]*)\}")


class KeyPiece(NamedTuple):
    """A literal, or the field of the record's key at `field` (-1: the key itself). `required`: an error where that is null, else empty."""

    literal: bytes | None
    field: int = -1
    required: bool = False


class KeyMaker:
    """Makes keys for one configuration. `uses_value`: the pattern names fields of the row."""

    def __init__(self, keyspace: str, separator: str, pattern: str) -> None:
        self._keyspace = keyspace
        self._separator = separator.encode()
        self._pattern = _parse(pattern) if pattern else []
        self._prefixes: dict[str, bytes] = {}
        self._renderers: dict[int, tuple[Schema, ToText]] = {}
        self.uses_value = any(kind == "value" for kind, _ in self._pattern)

    def of_collection(
        self, topic: str, key_schema: Schema | None, key: Any, row_schema: Schema | None, row: Any
    ) -> bytes:
        """The key of the collection a record goes to: the keyspace, or the pattern."""
        if self._pattern:
            return self.of(topic, key_schema, key, row_schema, row)
        return self._keyspace.replace("${topic}", topic).encode()

    def of(self, topic: str, key_schema: Schema | None, key: Any, row_schema: Schema | None, row: Any) -> bytes:
        """The key of a record; `row` is the Struct or map that ${value.…} reads. DataException when a part is missing."""
        if self._pattern:
            return b"".join(
                self._part(kind, name, topic, key_schema, key, row_schema, row) for kind, name in self._pattern
            )
        prefix = self._prefixes.get(topic)
        if prefix is None:
            space = self._keyspace.replace("${topic}", topic).encode()
            prefix = self._prefixes[topic] = space + self._separator if space else b""
        return prefix + self.text(key_schema, key)

    def pieces(self, topic: str, schema: Schema | None, *, collection: bool = False) -> list[KeyPiece] | None:
        """Of what the keys of records with this key schema (None: without a key) consist, or the key of their collection, for code that
        makes many at once; None when not of that alone."""
        if not self._pattern:
            space = self._keyspace.replace("${topic}", topic).encode()
            if collection:
                return [KeyPiece(space)]
            if schema is None:
                return None
            prefix = [KeyPiece(space + self._separator)] if space else []
            return [*prefix, *self.member(schema)]
        pieces: list[KeyPiece] = []
        for kind, name in self._pattern:
            if kind == "literal":
                pieces.append(KeyPiece(name.encode()))
            elif kind == "topic":
                pieces.append(KeyPiece(topic.encode()))
            elif kind == "key" and not name and schema is not None:
                pieces += self.member(schema)
            else:
                field = schema.field(name) if kind == "key" and schema and schema.type is Type.STRUCT else None
                if field is None:
                    return None
                pieces.append(KeyPiece(None, field.index, True))
        return pieces

    def member(self, schema: Schema) -> list[KeyPiece]:
        """Of what the text of a record's key consists."""
        if schema.type is not Type.STRUCT:
            return [KeyPiece(None)]
        pieces: list[KeyPiece] = []
        for field in schema.fields:
            if pieces:
                pieces.append(KeyPiece(self._separator))
            pieces.append(KeyPiece(None, field.index))
        return pieces

    def text(self, schema: Schema | None, key: Any) -> bytes:
        """A record key as text: a struct's fields joined by the separator."""
        if key is None:
            raise DataException(
                "The record has no key.",
                remedy="Give it one (for a table without key, message.key.columns of the source), or use a key pattern.",
            )
        if schema is None:
            if isinstance(key, dict):
                return self._separator.join(plain_text(v) for v in key.values())
            return plain_text(key)
        known = self._renderers.get(id(schema))
        if known is None:
            if len(self._renderers) > 1000:
                self._renderers.clear()
            known = self._renderers[id(schema)] = (schema, self._renderer(schema))
        return known[1](key)

    def _renderer(self, schema: Schema) -> ToText:
        if schema.type is not Type.STRUCT:
            return text_renderer(schema)
        parts = [text_renderer(f.schema) for f in schema.fields]
        if len(parts) == 1:
            only = parts[0]
            return lambda key: b"" if key.values[0] is None else only(key.values[0])
        separator = self._separator

        def render(key: Struct) -> bytes:
            return separator.join(b"" if v is None else p(v) for p, v in zip(parts, key.values, strict=True))

        return render

    def _part(
        self, kind: str, name: str, topic: str, key_schema: Schema | None, key: Any, row_schema: Schema | None, row: Any
    ) -> bytes:
        if kind == "literal":
            return name.encode()
        if kind == "topic":
            return topic.encode()
        if kind == "key" and not name:
            return self.text(key_schema, key)
        return _field(kind, name, key if kind == "key" else row)


def _field(kind: str, name: str, holder: Any) -> bytes:
    value, render = None, None
    if isinstance(holder, Struct):
        field = holder.schema.field(name)
        if field is not None:
            value, render = holder.values[field.index], _cached_renderer(field.schema)
    elif isinstance(holder, dict):
        value, render = holder.get(name), plain_text
    if value is None or render is None:
        raise DataException(
            f"The record has no {kind} field {name!r}, which redis.key.pattern names.",
            remedy="Correct redis.key.pattern, or set the field with a transform.",
        )
    return render(value)


def _cached_renderer(schema: Schema) -> Callable[[Any], bytes]:
    render = schema.cache.get("redis.text")
    if render is None:
        render = schema.cache["redis.text"] = text_renderer(schema)
    found: ToText = render
    return found


def _parse(pattern: str) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    position = 0
    for token in _TOKEN.finditer(pattern):
        if token.start() > position:
            parts.append(("literal", pattern[position : token.start()]))
        kind, _, name = token.group(1).partition(".")
        if kind not in ("topic", "key", "value") or (kind == "value") > bool(name) or ((kind == "topic") and name):
            raise ConfigException(
                f"Invalid value {pattern} for configuration redis.key.pattern: {token.group(0)} is not known.",
                field="redis.key.pattern",
                remedy="Use ${topic}, ${key}, ${key.field} or ${value.field}.",
            )
        parts.append((kind, name))
        position = token.end()
    if position < len(pattern):
        parts.append(("literal", pattern[position:]))
    return parts
