"""The sink task: every `put` is a target transaction of each connection that has records in it, with the positions in it.

A target that is away makes `put` raise RetriableException, and the same records come again. See `positions` for why nothing is
written twice, `lanes` for who writes what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from headrace.data import SinkRecord
from headrace.errors import ConnectException, HeadraceError, RetriableException, RetryClass
from headrace.sinks.postgres.config import confluent_config, debezium_config, read_settings
from headrace.sinks.postgres.lanes import Lanes
from headrace.spi.context import TopicPartition
from headrace.spi.sink import SinkTask
from headrace.systems.postgres import DatabaseError, map_error

OUTAGES = frozenset(
    ("PG_CONNECT_REFUSED", "PG_CONNECTION_LOST", "PG_SHUTDOWN", "PG_STARTING", "PG_TIMEOUT", "PG_TOO_MANY_CONNECTIONS")
)
"""Conditions that end by themselves: waited for without limit. Other retriable ones are tried max.retries times."""
POLL_RECORDS = 5000
"""A transaction of 500 rows costs both sides twice as much for each row as one of 5,000, and a larger one little less."""


class PostgresSinkTask(SinkTask):
    """Base of the task classes; `dialect` chooses the keys."""

    dialect = staticmethod(debezium_config)

    def start(self, props: Mapping[str, str]) -> None:
        self._settings = read_settings(self.dialect(), props)
        self.poll_records = POLL_RECORDS * self._settings.connections
        self._lanes = Lanes(self._settings, self.context)
        self._failures = 0
        self._pending = False
        self._count = self.context.metrics.counter("headrace_postgres_sink_records_total")
        self._counted = 0

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        """Read the stored positions."""
        found = self._lanes.open(partitions)
        if found:
            self.context.offset(found)

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        self._lanes.close(partitions)

    def stop(self) -> None:
        if getattr(self, "_lanes", None) is not None:
            self._lanes.stop()

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """All that `put` took is in the target; after a failed `put` only what the stored positions vouch for."""
        if not self._pending:
            return offsets
        known = {p: self._lanes.stored(p) for p in offsets}
        return {p: min(known_offset, offsets[p]) for p, known_offset in known.items() if known_offset is not None}

    def put(self, records: Sequence[SinkRecord]) -> None:
        if not records:
            return
        self._pending = True
        try:
            self._lanes.write(records)
        except (HeadraceError, DatabaseError) as error:
            self._failed(map_error(error, self._settings.target))
        except BaseException:
            self._lanes.disconnect()
            raise
        finally:
            written = self._lanes.written
            self._count(written - self._counted)
            self._counted = written
        self._failures = 0
        self._pending = False

    def _failed(self, error: HeadraceError) -> NoReturn:
        """Raise what the framework is to see."""
        if error.retry_class is not RetryClass.RETRY:
            raise error
        if error.code not in OUTAGES:
            self._failures += 1
            if self._failures > self._settings.max_retries:
                raise ConnectException(
                    f"Given up after {self._settings.max_retries} retries: {error.message}",
                    code=error.code,
                    field=error.field,
                    remedy=error.remedy,
                )
        self.context.timeout(self._settings.retry_backoff_ms)
        if isinstance(error, RetriableException):
            raise error
        raise RetriableException(error.message, code=error.code, field=error.field, remedy=error.remedy)


class DebeziumSinkTask(PostgresSinkTask):
    """Task of the Debezium dialect."""


class ConfluentSinkTask(PostgresSinkTask):
    """Task of the Confluent dialect."""

    dialect = staticmethod(confluent_config)
