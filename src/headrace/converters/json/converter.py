"""JsonConverter: Connect data as JSON, byte for byte as org.apache.kafka.connect.json.JsonConverter (Kafka 4.3) writes it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from headrace.config import ConfigDef
from headrace.converters.json.config import CONFIG
from headrace.converters.json.decoder import Decode, compile_decoder, schemaless_decoder
from headrace.converters.json.encoder import Encode, compile_encoder, encode_schemaless
from headrace.converters.json.loose import convert, parse
from headrace.converters.json.native_decoder import NativeDecoder, Prefixed
from headrace.converters.json.native_encoder import NativeEncoder
from headrace.converters.json.schema_json import schema_from_json, schema_to_json
from headrace.converters.settings import parse_settings
from headrace.data import Schema, SchemaAndValue
from headrace.errors import DataException
from headrace.native import core
from headrace.spi.converter import Column, Converter, DecodedRun, HeaderConverter

if TYPE_CHECKING:
    from headrace.native import _core as native

_OPEN: Final = b'{"schema":'
_MIDDLE: Final = b',"payload":'
_TAIL: Final = b"}"
_UNSET: Final = object()


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    schema: msgspec.Raw
    payload: msgspec.Raw


class _Encoded(NamedTuple):
    """What is kept for a schema object: the text before the payload, and the payload's encoder (with the closing brace)."""

    prefix: bytes
    encode: Encode


class _Decoded(NamedTuple):
    """What is kept for a schema text. `prefix`: the text before the payload as Connect writes it."""

    prefix: bytes
    schema: Schema | None
    decode: Decode


class JsonConverter(Converter, HeaderConverter):
    """See the module. Also usable for headers."""

    def __init__(self) -> None:
        self._fixed: _Decoded | None = None
        self.configure({})

    @classmethod
    def config(cls) -> ConfigDef:
        """The settings of Kafka's converter."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for a value that is refused; DataException for `schema.content` that is no schema."""
        settings = parse_settings(CONFIG, props)
        self._with_schemas: bool = settings["schemas.enable"]
        self._numeric: bool = settings["decimal.format"].upper() == "NUMERIC"
        self._replace: bool = settings["replace.null.with.default"]
        self._capacity: int = max(1, settings["schemas.cache.size"])
        self._cache_key = f"json:{self._with_schemas}:{self._numeric}:{self._replace}"
        self._by_text: OrderedDict[bytes, _Decoded] = OrderedDict()
        self._by_prefix: dict[bytes, _Decoded] = {}
        self._by_schema: dict[Schema, _Encoded] = {}
        self._recent: list[_Decoded] = []
        self._native = NativeEncoder(
            self._cache_key,
            decimal_numeric=self._numeric,
            replace_nulls=self._replace,
            tail=_TAIL if self._with_schemas else b"",
        )
        self._native_reader = NativeDecoder(
            self._cache_key, replace_nulls=self._replace, by_prefix=self._by_column_prefix, by_datum=self._by_datum
        )
        self._fixed = None
        content = settings["schema.content"]
        if content and not content.isspace():
            try:
                fixed = self._compile(content.encode())
            except DataException as error:
                raise DataException(
                    f"Invalid value for configuration schema.content: {error.message}", field="schema.content"
                ) from error
            self._fixed = fixed if self._with_schemas and fixed.schema is not None else None

    # Encoding

    def _encoder(self, schema: Schema) -> _Encoded:
        entry: _Encoded | None = schema.cache.get(self._cache_key)
        if entry is None:
            try:
                entry = schema.cache[self._cache_key] = self._shared_encoder(schema)
            except RecursionError:
                raise DataException("The schema is nested too deeply.") from None
        return entry

    def _shared_encoder(self, schema: Schema) -> _Encoded:
        """One for all equal schemas: there are sources that make a new one for every record."""
        entry = self._by_schema.get(schema)
        if entry is not None:
            return entry
        prefix = tail = b""
        if self._with_schemas:
            text = schema_to_json(schema, decimal_numeric=self._numeric, replace_nulls=self._replace)
            prefix, tail = _OPEN + text + _MIDDLE, _TAIL
        encode = compile_encoder(schema, decimal_numeric=self._numeric, replace_nulls=self._replace, tail=tail)
        if len(self._by_schema) >= self._capacity:
            del self._by_schema[next(iter(self._by_schema))]
        entry = self._by_schema[schema] = _Encoded(prefix, encode)
        return entry

    def _encode_schemaless(self, value: Any) -> bytes | None:
        if value is None:
            return None
        text = encode_schemaless(value)
        return b'{"schema":null,"payload":' + text + b"}" if self._with_schemas else text

    def from_connect_data(self, topic: str, schema: Schema | None, value: Any) -> bytes | None:
        if schema is None:
            return self._encode_schemaless(value)
        entry = self._encoder(schema)
        return entry.prefix + entry.encode(value)

    def encode_batch(self, topic: str, schemas: Sequence[Schema | None], values: Sequence[Any]) -> Column:
        data: list[bytes | None] = []
        prefixes, prefix_of = [b""], []
        positions: dict[bytes, int] = {}
        previous: object = _UNSET
        encode: Any = self._encode_schemaless
        position = 0
        for schema, value in zip(schemas, values, strict=True):
            if schema is not previous:
                previous = schema
                if schema is None:
                    encode, position = self._encode_schemaless, 0
                else:
                    prefix, encode = self._encoder(schema)
                    position = positions.get(prefix, 0) if prefix else 0
                    if prefix and not position:
                        position = positions[prefix] = len(prefixes)
                        prefixes.append(prefix)
            data.append(encode(value))
            prefix_of.append(position)
        return Column(data, prefixes, prefix_of) if len(prefixes) > 1 else Column(data)

    def encode_column(self, topic: str, schema: Schema, values: native.Column) -> Column | None:
        try:
            prefix = self._encoder(schema).prefix
        except DataException:
            return None  # encode_batch says it
        return self._native.encode(schema, prefix, values)

    # Decoding

    def _compile(self, schema_text: bytes) -> _Decoded:
        """The entry for a schema's JSON text, from the cache when it is known."""
        entry = self._by_text.get(schema_text)
        if entry is not None:
            self._by_text.move_to_end(schema_text)
            return entry
        try:
            schema = schema_from_json(parse(schema_text), replace_nulls=self._replace)
            decode = compile_decoder(schema, replace_nulls=self._replace)
        except RecursionError:
            raise DataException("The schema is nested too deeply.") from None
        entry = _Decoded(_OPEN + schema_text + _MIDDLE, schema, decode)
        self._by_text[schema_text] = entry
        self._by_prefix[entry.prefix] = entry
        if len(self._by_text) > self._capacity:
            _, oldest = self._by_text.popitem(last=False)
            del self._by_prefix[oldest.prefix]
            self._recent = [other for other in self._recent if other is not oldest]
        return entry

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        if data is None:
            return SchemaAndValue(None, None)
        if not self._with_schemas:
            return SchemaAndValue(None, schemaless_decoder(data))
        if self._fixed is not None:
            return self._decode_fixed(self._fixed, data)
        if data[-1:] == b"}":
            for entry in self._recent:
                if data.startswith(entry.prefix):
                    try:
                        return SchemaAndValue(entry.schema, entry.decode(data[len(entry.prefix) : -1]))
                    except DataException:
                        break  # let the full parse say what is wrong
        return self._decode_whole(data)

    def _decode_fixed(self, fixed: _Decoded, data: bytes) -> SchemaAndValue:
        """Data that carries no schema of its own."""
        try:
            return SchemaAndValue(fixed.schema, fixed.decode(data))
        except DataException:
            return SchemaAndValue(fixed.schema, convert(fixed.schema, parse(data), replace_nulls=self._replace))

    def _decode_whole(self, data: bytes) -> SchemaAndValue:
        """Any order of the two fields, any white space."""
        try:
            envelope = msgspec.json.decode(data, type=_Envelope)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._decode_node(parse(data))
        entry = self._compile(bytes(envelope.schema))
        if data.startswith(entry.prefix) and all(other is not entry for other in self._recent):
            self._recent = [entry, *self._recent[:7]]
        return SchemaAndValue(entry.schema, entry.decode(bytes(envelope.payload)))

    def _decode_node(self, node: Any) -> SchemaAndValue:
        """What only the definition reads: numbers with leading zeros, text behind the value and the like."""
        if not isinstance(node, dict) or node.keys() != {"schema", "payload"}:
            raise DataException(
                'JsonConverter with schemas.enable requires "schema" and "payload" fields and may not contain additional fields.',
                code="DATA_NO_SCHEMA",
                remedy="Set schemas.enable=false in the converter's configuration if the data is plain JSON.",
            )
        try:
            schema = schema_from_json(node["schema"], replace_nulls=self._replace)
        except RecursionError:
            raise DataException("The schema is nested too deeply.") from None
        return SchemaAndValue(schema, convert(schema, node["payload"], replace_nulls=self._replace))

    def _prefix_entry(self, prefix: bytes) -> _Decoded | None:
        """The entry for a column's prefix; None if it is not of the form this converter writes."""
        entry = self._by_prefix.get(prefix)
        if entry is None and prefix.startswith(_OPEN) and prefix.endswith(_MIDDLE):
            entry = self._compile(prefix[len(_OPEN) : -len(_MIDDLE)])
        return entry

    def decode_batch(self, topic: str, column: Column) -> list[SchemaAndValue]:
        if column.prefix_of is None or not self._with_schemas or self._fixed is not None:
            return [self.to_connect_data(topic, datum) for datum in column]
        entries = [None if not prefix else self._prefix_entry(prefix) for prefix in column.prefixes]
        result: list[SchemaAndValue] = []
        make = tuple.__new__  # what SchemaAndValue(...) does, without a Python call
        for index, (datum, which) in enumerate(zip(column.data, column.prefix_of, strict=True)):
            entry = entries[which]
            if entry is None or not datum or datum[-1] != 125:  # the brace that closes the envelope
                result.append(self.to_connect_data(topic, column[index]))
            else:
                result.append(make(SchemaAndValue, (entry[1], entry[2](datum[:-1]))))
        return result

    def decode_column(self, topic: str, column: Column) -> list[DecodedRun] | None:
        if core is None or not self._with_schemas:
            return None
        try:
            return self._native_reader.decode(column.packed())
        except DataException:
            return None  # decode_batch says it

    def _by_column_prefix(self, prefix: bytes) -> Prefixed | None:
        if self._fixed is not None:
            return None  # the prefix is part of the data
        entry = self._prefix_entry(prefix)
        return None if entry is None else Prefixed(entry.schema, entry.prefix, _TAIL)

    def _by_datum(self, data: bytes) -> Prefixed | None:
        if self._fixed is not None:
            return Prefixed(self._fixed.schema, b"", b"")
        entry = next((entry for entry in self._recent if data.startswith(entry.prefix)), None)
        if entry is None:
            try:
                envelope = msgspec.json.decode(data, type=_Envelope)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return None
            entry = self._compile(bytes(envelope.schema))
            if not data.startswith(entry.prefix):
                return None
            self._recent = [entry, *self._recent[:7]]
        return Prefixed(entry.schema, entry.prefix, _TAIL)

    # Headers

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: Any) -> bytes | None:
        return self.from_connect_data(topic, schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        return self.to_connect_data(topic, data)
