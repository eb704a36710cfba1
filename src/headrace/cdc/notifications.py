"""Notifications: what a source tells of its snapshots, and the channels it tells it through.

Keys, types, schemas and wording are Debezium's (io.debezium.pipeline.notification): the aggregate of a blocking snapshot is that of an
initial one, incremental snapshots bear the id of their signal.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from headrace.data import INT64_SCHEMA, STRING_SCHEMA, SchemaBuilder, SourceRecord, Struct

logger = logging.getLogger(__name__)

INITIAL, INCREMENTAL = "Initial Snapshot", "Incremental Snapshot"
CHANNELS: Final = ("sink", "log", "jmx")
"""What notification.enabled.channels takes; jmx is the worker's REST interface here."""

KEY_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("io.debezium.connector.common.NotificationKey")
    .version(1)
    .field("id", STRING_SCHEMA)
    .build()
)
VALUE_SCHEMA: Final = (
    SchemaBuilder.struct()
    .name("io.debezium.connector.common.Notification")
    .version(1)
    .field("id", STRING_SCHEMA)
    .field("type", STRING_SCHEMA)
    .field("aggregate_type", STRING_SCHEMA)
    .field("additional_data", SchemaBuilder.map(STRING_SCHEMA, STRING_SCHEMA).optional().build())
    .field("timestamp", INT64_SCHEMA)
    .build()
)


class Notification(NamedTuple):
    """`timestamp`: milliseconds since the epoch."""

    id: str
    aggregate_type: str
    type: str
    additional_data: dict[str, str]
    timestamp: int

    def plain(self) -> dict[str, Any]:
        """As JSON shows it."""
        return self._asdict()


Place = Callable[[], tuple[Mapping[str, Any], Mapping[str, Any]]]
"""The source partition and offset that a notification's record carries: where the source stands."""


class Notifier:
    """Sends notifications through the channels that are on. `out` collects the records of the sink channel, which the source hands
    over in their place among its other records; `tell` is the channel to the worker. With no channel on, all methods return at
    once."""

    def __init__(
        self,
        channels: Iterable[str],
        server: str,
        *,
        topic: str | None = None,
        tell: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        self.channels = frozenset(channel.strip().lower() for channel in channels)
        self._server = server
        self._topic = topic
        self._tell = tell
        self.place: Place = lambda: ({"server": server}, {})
        self.out: list[SourceRecord] = []

    def send(
        self,
        aggregate: str,
        type: str,
        data: Mapping[str, str] | None = None,
        *,
        id: str | None = None,
        offset: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell one. `id`: None for a random one. `offset`: None for where `place` says that the source stands."""
        if not self.channels:
            return
        notification = Notification(
            id or str(uuid.uuid4()),
            aggregate,
            type,
            {**(data or {}), "connector_name": self._server},
            time.time_ns() // 1_000_000,
        )
        if "log" in self.channels:
            logger.info("[Notification Service] %s", notification.plain())
        if "jmx" in self.channels and self._tell is not None:
            self._tell(notification.plain())
        if "sink" in self.channels and self._topic is not None:
            partition, here = self.place()
            self.out.append(_record(notification, self._topic, partition, here if offset is None else offset))

    def take(self) -> list[SourceRecord]:
        """The records collected since the last call."""
        taken, self.out = self.out, []
        return taken


def _record(
    notification: Notification, topic: str, partition: Mapping[str, Any], offset: Mapping[str, Any]
) -> SourceRecord:
    value = Struct(
        VALUE_SCHEMA,
        [
            notification.id,
            notification.type,
            notification.aggregate_type,
            notification.additional_data,
            notification.timestamp,
        ],
    )
    key = Struct(KEY_SCHEMA, [notification.id])
    return SourceRecord(partition, offset, topic, None, KEY_SCHEMA, key, VALUE_SCHEMA, value)


class InitialNotices:
    """The notifications of an initial or blocking snapshot."""

    def __init__(self, notifier: Notifier) -> None:
        self.notifier = notifier

    def _send(self, type: str, offset: Mapping[str, Any] | None = None, **data: str) -> None:
        self.notifier.send(INITIAL, type, data, offset=offset)

    def started(self) -> None:
        self._send("STARTED")

    def skipped(self) -> None:
        self._send("SKIPPED")

    def completed(self, offset: Mapping[str, Any] | None = None) -> None:
        self._send("COMPLETED", offset)

    def aborted(self, offset: Mapping[str, Any] | None = None) -> None:
        self._send("ABORTED", offset)

    def table_in_progress(self, table: str, tables: Sequence[str]) -> None:
        self._send("IN_PROGRESS", current_collection_in_progress=table, data_collections=",".join(tables))

    def table_completed(self, table: str, rows: int, tables: Sequence[str]) -> None:
        self._send(
            "TABLE_SCAN_COMPLETED",
            scanned_collection=table,
            total_rows_scanned=str(rows),
            data_collections=",".join(tables),
            status="SUCCEEDED",
        )

    def chunk_in_progress(self, table: str, index: int, chunks: int, rows: int) -> None:
        """`index`: of the chunk, from 1. `rows`: of the table read so far."""
        self._send(
            "TABLE_CHUNK_IN_PROGRESS",
            current_collection_in_progress=table,
            chunk_index=str(index),
            total_chunks=str(chunks),
            total_rows_scanned=str(rows),
        )

    def chunk_completed(self, table: str, index: int, chunks: int, tables: Sequence[str]) -> None:
        self._send(
            "TABLE_CHUNK_COMPLETED",
            scanned_collection=table,
            data_collections=",".join(tables),
            chunk_index=str(index),
            total_chunks=str(chunks),
            status="SUCCEEDED",
        )


class TableNotices:
    """What a snapshot tells while it reads `tables`. `also`: named besides where a table is done, as Debezium does with the signalling
    tables of an initial snapshot."""

    def __init__(self, notices: InitialNotices, tables: Sequence[str], also: Sequence[str] = ()) -> None:
        self._notices = notices
        self._tables = list(tables)
        self._all = sorted({*tables, *also})

    def begun(self, table: str) -> None:
        self._notices.table_in_progress(table, self._tables)

    def chunk_begun(self, table: str, number: int, chunks: int, rows: int) -> None:
        self._notices.chunk_in_progress(table, number, chunks, rows)

    def chunk_ended(self, table: str, number: int, chunks: int) -> None:
        self._notices.chunk_completed(table, number, chunks, self._all)

    def ended(self, table: str, rows: int) -> None:
        self._notices.table_completed(table, rows, self._all)

    def take(self) -> list[SourceRecord]:
        """The records of what was told since the last call."""
        return self._notices.notifier.take()


class IncrementalNotices:
    """The notifications of incremental snapshots. `id`: of the signal that asked last."""

    def __init__(self, notifier: Notifier) -> None:
        self.notifier = notifier
        self.id: str | None = None

    def _send(self, type: str, **data: str) -> None:
        self.notifier.send(INCREMENTAL, type, data, id=self.id)

    def started(self, tables: Sequence[str]) -> None:
        self._send("STARTED", data_collections=",".join(tables))

    def paused(self, tables: Sequence[str]) -> None:
        self._send("PAUSED", data_collections=",".join(tables))

    def resumed(self, tables: Sequence[str]) -> None:
        self._send("RESUMED", data_collections=",".join(tables))

    def aborted(self, tables: Sequence[str]) -> None:
        self._send("ABORTED", data_collections=",".join(tables))

    def completed(self) -> None:
        self._send("COMPLETED")

    def in_progress(
        self, table: str, tables: Sequence[str], last: Sequence[str | None], most: Sequence[str | None]
    ) -> None:
        """`last`: the key that the chunk read ends with; `most`: the one that the table ends with."""
        self._send(
            "IN_PROGRESS",
            data_collections=",".join(tables),
            current_collection_in_progress=table,
            maximum_key=_key(most),
            last_processed_key=_key(last),
        )

    def table_completed(self, table: str, rows: int, tables: Sequence[str], status: str) -> None:
        """`status`: EMPTY, NO_PRIMARY_KEY, SKIPPED, SQL_EXCEPTION, SUCCEEDED, UNKNOWN_SCHEMA."""
        self._send(
            "TABLE_SCAN_COMPLETED",
            data_collections=",".join(tables),
            scanned_collection=table,
            total_rows_scanned=str(rows),
            status=status,
        )


def _key(values: Sequence[str | None]) -> str:
    return ",".join("<null>" if value is None else value for value in values)
