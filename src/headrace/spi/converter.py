"""Converters: between Connect data and the bytes in the log.

Batches of encoded data travel as a `Column` (see `headrace.spi.columns`): one datum per record, with common prefixes (such as
the JSON of a schema) kept once, so that a batch of a million equal schemas costs one.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headrace.data import Schema, SchemaAndValue
from headrace.spi.columns import Column, PackedColumn, Repeated
from headrace.spi.component import Component

if TYPE_CHECKING:
    from headrace.native import _core as native

__all__ = ["Column", "Converter", "DecodedRun", "HeaderConverter", "PackedColumn", "Repeated"]

_FORMS: Final = (
    ("from_connect_data", "encode_batch", "encode_column"),
    ("to_connect_data", "decode_batch", "decode_column"),
)
"""The methods that do the same, each faster than the one before."""


class Converter(Component):
    """Encodes and decodes keys and values.

    `configure` gets the settings with the prefix `key.converter.` or `value.converter.` removed and `converter.type` added
    ("key", "value" or "header"). The single-datum methods are the definition; the batch methods must agree with them: a class that
    overrides a single-datum method, or one for batches, does not inherit the faster forms of it, which know nothing of that.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for forms in _FORMS:
            nearest = len(cls.__mro__)
            for name in forms:
                place = next(place for place, base in enumerate(cls.__mro__) if name in vars(base))
                if place > nearest:
                    setattr(cls, name, getattr(Converter, name))
                nearest = min(nearest, place)

    @abstractmethod
    def from_connect_data(self, topic: str, schema: Schema | None, value: Any) -> bytes | None:
        """The bytes for the log, None for a tombstone. DataException if the value does not fit the schema."""

    @abstractmethod
    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        """The schema and value for a datum from the log. DataException if the bytes are not of this format."""

    def encode_batch(self, topic: str, schemas: Sequence[Schema | None], values: Sequence[Any]) -> Column:
        """One datum per value. If it raises, nothing is taken from it: the framework goes record by record."""
        return Column(
            [self.from_connect_data(topic, schema, value) for schema, value in zip(schemas, values, strict=True)]
        )

    def decode_batch(self, topic: str, column: Column) -> list[SchemaAndValue]:
        """One result per datum; raises as `encode_batch` does."""
        return [self.to_connect_data(topic, datum) for datum in column]

    def encode_column(self, topic: str, schema: Schema, values: native.Column) -> Column | None:
        """`encode_batch` for values of one schema that are still a native column; a null row is null without schema. None when
        this converter, or these values, are not for that: they then come as Python values."""
        return None

    def decode_column(self, topic: str, column: Column) -> list[DecodedRun] | None:
        """`decode_batch` into native columns: runs of consecutive data, in order, together all of them; None when that cannot be
        done, in whole or in part."""
        return None


class DecodedRun(NamedTuple):
    """`length` consecutive data of one schema. `values`: as many rows, a null row is null without schema; None = all of them."""

    length: int
    schema: Schema | None
    values: native.Column | None


class HeaderConverter(Component):
    """Encodes and decodes header values."""

    @abstractmethod
    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: Any) -> bytes | None:
        """The bytes of one header's value."""

    @abstractmethod
    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        """The schema and value of one header."""
