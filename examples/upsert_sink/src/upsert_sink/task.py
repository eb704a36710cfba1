"""The task: collects records, writes them by size and by time, and says what is durable."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

from headrace.spi import (
    ConnectException,
    DataException,
    RetriableException,
    SinkRecord,
    SinkTask,
    Struct,
    TopicPartition,
)
from upsert_sink.database import Change, Database, to_sql
from upsert_sink.settings import SETTINGS, VERSION

logger = logging.getLogger(__name__)


class UpsertSinkTask(SinkTask):
    def __init__(self) -> None:
        self._database: Database | None = None
        self._waiting: list[tuple[SinkRecord, Change]] = []
        self._oldest = 0.0

    @classmethod
    def version(cls) -> str:
        return VERSION

    def start(self, props: Mapping[str, str]) -> None:
        config = SETTINGS.parse(props)
        self._batch_size: int = config["batch.size"]
        self._flush_timeout_s: float = config["flush.timeout.ms"] / 1000
        self._auto_create: bool = config["auto.create"]
        self._delete_enabled: bool = config["delete.enabled"]
        self._database = Database(config)

    def put(self, records: Sequence[SinkRecord]) -> None:
        """Take the records; write when there are enough or the first has waited long enough. Called without records when idle."""
        before = len(self._waiting)
        try:
            for record in records:
                self._take(record)
            old = time.monotonic() - self._oldest >= self._flush_timeout_s
            if len(self._waiting) >= self._batch_size or (self._waiting and old):
                self._write()
        except RetriableException:
            # These records are given again, those from earlier calls are not.
            del self._waiting[before:]
            raise

    def flush(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Called before offsets are committed: what this does not raise for is durable."""
        try:
            self._write()
        except Exception:
            # Nothing is committed now, and all of them are given again.
            self._waiting.clear()
            raise

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        """What was not flushed belongs to the partitions' next owner; writing it later could undo what that one writes."""
        gone = set(partitions)
        self._waiting = [
            (record, change)
            for record, change in self._waiting
            if (record.original_topic, record.original_partition) not in gone
        ]

    def stop(self) -> None:
        if self._database is None:
            return
        try:
            self._write()
        except ConnectException:
            logger.exception("Could not write the last records; they are not committed and come again.")
        self._database.close()
        self._database = None

    def _take(self, record: SinkRecord) -> None:
        try:
            change = self._change(record)
        except DataException as error:
            self._report(record, error)
            return
        if change is not None:
            if not self._waiting:
                self._oldest = time.monotonic()
            self._waiting.append((record, change))

    def _change(self, record: SinkRecord) -> Change | None:
        """What the record does to its table, None for nothing. DataException when it cannot be told."""
        key, value = record.key, record.value
        if not isinstance(key, Struct) or not (value is None or isinstance(value, Struct)):
            raise DataException("Key and value must be structs with a schema.", code="RECORD_UNFIT")
        table = record.topic.rpartition(".")[2]
        row = {field.name: to_sql(key[field.name]) for field in key.schema.fields}
        keys = tuple(row)
        if value is None:
            if not self._delete_enabled or self._columns(table) is None:
                return None
            return Change(table, False, keys, keys, tuple(row.values()))
        row = {field.name: to_sql(value[field.name]) for field in value.schema.fields} | row
        self._check_table(table, key, value, set(row))
        return Change(table, True, keys, tuple(row), tuple(row.values()))

    def _check_table(self, table: str, key: Struct, value: Struct, wanted: set[str]) -> None:
        columns = self._columns(table)
        if columns is not None and wanted <= columns:
            return
        assert self._database is not None
        if columns is None and self._auto_create:
            self._database.create(table, key.schema, value.schema)
        self._database.forget(table)
        columns = self._columns(table)
        if columns is None:
            raise ConnectException(
                f"Table {table} does not exist.",
                code="TABLE_MISSING",
                field="auto.create",
                remedy="Create it, or set auto.create=true.",
            )
        if not wanted <= columns:
            raise DataException(
                f"Table {table} has no column {', '.join(sorted(wanted - columns))}.", code="COLUMN_MISSING"
            )

    def _columns(self, table: str) -> frozenset[str] | None:
        assert self._database is not None
        return self._database.columns_of(table)

    def _write(self) -> None:
        """Write all that waits, grouped by table, in order within each table."""
        if not self._waiting:
            return
        assert self._database is not None
        by_table = sorted(
            self._waiting, key=lambda item: item[1].table
        )  # a stable sort: the order within a table stays
        try:
            self._database.write([change for _, change in by_table])
        except DataException:
            self._write_singly(by_table)
        self._waiting.clear()

    def _write_singly(self, items: Sequence[tuple[SinkRecord, Change]]) -> None:
        """One of them is bad: find it, report it, write the others."""
        assert self._database is not None
        for record, change in items:
            try:
                self._database.write([change])
            except DataException as error:
                self._report(record, error)

    def _report(self, record: SinkRecord, error: DataException) -> None:
        """To the framework, which does what errors.tolerance says; without a reporter the task fails."""
        reporter = self.context.errant_record_reporter()
        if reporter is None:
            raise error
        reporter.report(record, error)
