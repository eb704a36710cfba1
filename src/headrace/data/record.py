"""Records as connectors and transforms see them. Source: Connect API ConnectRecord, SourceRecord, SinkRecord, Headers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

from headrace.data.schema import Schema

TIMESTAMP_NONE = "NoTimestampType"
TIMESTAMP_CREATE = "CreateTime"
TIMESTAMP_APPEND = "LogAppendTime"


class SchemaAndValue(NamedTuple):
    """A value with its schema; schema None means schemaless."""

    schema: Schema | None
    value: Any


class Header(NamedTuple):
    """One header: names may repeat."""

    key: str
    schema: Schema | None
    value: Any


class Headers:
    """The ordered multimap of a record's headers; changing it never changes another record's."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Header, ...] = ()) -> None:
        self.items = items
        """The present headers; a new tuple at every change."""

    def add(self, key: str, value: Any, schema: Schema | None = None) -> Headers:
        """Append a header; returns self."""
        self.items = (*self.items, Header(key, schema, value))
        return self

    def remove(self, key: str) -> Headers:
        """Remove every header of that name; returns self."""
        self.items = tuple(h for h in self.items if h.key != key)
        return self

    def last_with_name(self, key: str) -> Header | None:
        return next((h for h in reversed(self.items) if h.key == key), None)

    def all_with_name(self, key: str) -> list[Header]:
        return [h for h in self.items if h.key == key]

    def retain_latest(self) -> Headers:
        """Keep only the last header of each name; returns self."""
        last = {h.key: position for position, h in enumerate(self.items)}
        self.items = tuple(h for position, h in enumerate(self.items) if last[h.key] == position)
        return self

    def __iter__(self) -> Iterator[Header]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.items == other.items

    def __hash__(self) -> int:
        return hash(tuple(h.key for h in self.items))

    def __repr__(self) -> str:
        return f"Headers({list(self.items)!r})"


class ConnectRecord:
    """What a source and a sink record share.

    `timestamp`: milliseconds since the epoch, or None. `partition`: the log partition, None = chosen by the key.
    `headers` may be given as a tuple of `Header` that many records share: it is copied on the first change.
    """

    __slots__ = ("_headers", "key", "key_schema", "partition", "timestamp", "topic", "value", "value_schema")

    def __init__(
        self,
        topic: str,
        partition: int | None,
        key_schema: Schema | None,
        key: Any,
        value_schema: Schema | None,
        value: Any,
        timestamp: int | None = None,
        headers: Headers | tuple[Header, ...] = (),
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.key_schema = key_schema
        self.key = key
        self.value_schema = value_schema
        self.value = value
        self.timestamp = timestamp
        self._headers = headers

    @property
    def headers(self) -> Headers:
        """This record's headers; changes stay in this record."""
        if isinstance(self._headers, tuple):
            self._headers = Headers(self._headers)
        return self._headers

    @property
    def header_items(self) -> tuple[Header, ...]:
        """The headers for reading only, without a copy; the same tuple object where records share it."""
        return self._headers if isinstance(self._headers, tuple) else self._headers.items

    def new_record(self, **changes: Any) -> Self:
        """A copy with the named attributes replaced: topic, partition, key_schema, key, value_schema, value, timestamp,
        headers. What belongs to the record's place (source offset, log offset) stays."""
        copy = self.__class__.__new__(self.__class__)
        for slot in self._copied_slots():
            setattr(copy, slot, getattr(self, slot))
        if "headers" in changes:
            copy._headers = changes.pop("headers")
        else:
            copy._headers = self.header_items
        for name, value in changes.items():
            setattr(copy, name, value)
        return copy

    @classmethod
    def _copied_slots(cls) -> tuple[str, ...]:
        return ("topic", "partition", "key_schema", "key", "value_schema", "value", "timestamp")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(topic={self.topic!r}, partition={self.partition}, key={self.key!r}, value={self.value!r})"


class SourceRecord(ConnectRecord):
    """A record a source task hands over, with the place it came from.

    `source_partition` and `source_offset` are flat maps of JSON scalars; the offset says where to go on *after* this record.
    """

    __slots__ = ("source_offset", "source_partition")

    def __init__(
        self,
        source_partition: Mapping[str, Any],
        source_offset: Mapping[str, Any],
        topic: str,
        partition: int | None = None,
        key_schema: Schema | None = None,
        key: Any = None,
        value_schema: Schema | None = None,
        value: Any = None,
        timestamp: int | None = None,
        headers: Headers | tuple[Header, ...] = (),
    ) -> None:
        super().__init__(topic, partition, key_schema, key, value_schema, value, timestamp, headers)
        self.source_partition = source_partition
        self.source_offset = source_offset

    @classmethod
    def _copied_slots(cls) -> tuple[str, ...]:
        return (*super()._copied_slots(), "source_partition", "source_offset")


class SinkRecord(ConnectRecord):
    """A record read from the log.

    `offset`: its log offset. `original_topic/partition/offset`: the log coordinates whatever transforms did to
    `topic` and `partition`; offsets are always committed by these (KIP-793).
    """

    __slots__ = ("offset", "original_offset", "original_partition", "original_topic", "timestamp_type")

    def __init__(
        self,
        topic: str,
        partition: int,
        key_schema: Schema | None,
        key: Any,
        value_schema: Schema | None,
        value: Any,
        offset: int,
        timestamp: int | None = None,
        timestamp_type: str = TIMESTAMP_CREATE,
        headers: Headers | tuple[Header, ...] = (),
    ) -> None:
        super().__init__(topic, partition, key_schema, key, value_schema, value, timestamp, headers)
        self.offset = offset
        self.timestamp_type = timestamp_type
        self.original_topic = topic
        self.original_partition = partition
        self.original_offset = offset

    @classmethod
    def _copied_slots(cls) -> tuple[str, ...]:
        return (
            *super()._copied_slots(),
            "offset",
            "timestamp_type",
            "original_topic",
            "original_partition",
            "original_offset",
        )
