"""The task: takes turns among its tables, and waits when none is due."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from headrace import __version__
from headrace.data import SourceRecord
from headrace.errors import ConfigException, ConnectException, RetriableException
from headrace.foundation.backoff import Backoff
from headrace.sources.sql.config import BULK, TABLES, config_def, query_of
from headrace.sources.sql.connecting import open_database
from headrace.sources.sql.offsets import QUERY_PARTITION, Position, from_millis, partitions_of
from headrace.sources.sql.reader import Reader
from headrace.sources.sql.selection import checked_columns, columns_for
from headrace.spi import SourceTask
from headrace.systems.sql import Database, TableName

logger = logging.getLogger(__name__)

_MAX_WAIT_S: Final = 1.0
_RETRY: Final = Backoff(0.2, 10.0)


class SqlSourceTask(SourceTask):
    """Reads its tables, or the query, over one connection."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._database: Database | None = None
        self._readers: list[Reader] = []
        self._busy: Reader | None = None

    @classmethod
    def version(cls) -> str:
        return __version__

    def start(self, props: Mapping[str, str]) -> None:
        config = self._config = config_def().parse(props)
        self._interval_s: float = config["poll.interval.ms"] / 1000
        self._limit: int = config["batch.max.rows"]
        self._attempts: int = config["query.retry.attempts"]
        self._database = open_database(config)
        self._connect(config["connection.attempts"], config["connection.backoff.ms"] / 1000)
        query = query_of(config)
        tables = [TableName(*parts) for parts in json.loads(props.get(TABLES, "[]"))]
        if query:
            self._readers = [self._query_reader(query)]
        else:
            self._readers = [self._table_reader(table) for table in tables]

    def _connect(self, attempts: int, backoff_s: float) -> None:
        assert self._database is not None
        for attempt in range(1, attempts + 1):
            try:
                self._database.connect()
            except RetriableException as error:
                if attempt == attempts or self._stopped.wait(backoff_s):
                    raise
                logger.warning("Attempt %d of %d to connect failed: %s", attempt, attempts, error)
            else:
                return

    def _query_reader(self, query: str) -> Reader:
        assert self._database is not None
        columns = columns_for(TableName(None, ""), self._config)
        if columns[0] == "":
            raise ConfigException(
                "With a query the growing column must be named.",
                code="CONFIG_MISSING",
                field="incrementing.column.name",
            )
        stored = self.context.offset_reader.offset(QUERY_PARTITION)
        position = self._initial(stored)
        return Reader(self._database, self._config, None, query, columns, QUERY_PARTITION, position)

    def _table_reader(self, table: TableName) -> Reader:
        assert self._database is not None
        config = self._config
        if config["mode"] == BULK:
            return Reader(self._database, config, table, "", (None, []), {"table": table.name}, Position())
        columns = checked_columns(table, self._database.columns(table), config)
        candidates = partitions_of(table, self._database.target.url.database)
        offsets = self.context.offset_reader.offsets(candidates)
        partition, stored = next(
            ((p, offset) for p, offset in zip(candidates, offsets, strict=True) if offset), (candidates[0], None)
        )
        if "protocol" not in partition:
            # The old form names the table alone; from now on the offset is kept under the new one.
            partition = candidates[0]
        return Reader(self._database, config, table, "", columns, partition, self._initial(stored))

    def _initial(self, stored: Mapping[str, Any] | None) -> Position:
        if stored:
            return Position.of(stored)
        initial = self._config["timestamp.initial"]
        if initial is None or "timestamp" not in self._config["mode"]:
            return Position()
        assert self._database is not None
        return Position(
            self._database.now(ZoneInfo(self._config["db.timezone"])) if initial == -1 else from_millis(initial), None
        )

    def poll(self) -> Sequence[SourceRecord] | None:
        if not self._readers:
            self._stopped.wait(_MAX_WAIT_S)
            return None
        reader = self._busy or min(self._readers, key=lambda candidate: candidate.due)
        wait_s = 0.0 if self._busy else reader.due - time.monotonic()
        if wait_s > 0:
            self._stopped.wait(min(wait_s, _MAX_WAIT_S))
            return None
        try:
            records, done = reader.read(self._limit)
        except RetriableException as error:
            self._restart(reader)
            if self._stopped.is_set():
                return None
            reader.failures += 1
            if 0 <= self._attempts < reader.failures:
                raise ConnectException(
                    f"The query failed {reader.failures} times in a row: {error.message}",
                    code="SQL_RETRIES_EXHAUSTED",
                    field="query.retry.attempts",
                    remedy=error.remedy,
                ) from error
            reader.due = time.monotonic() + _RETRY.delay(reader.failures - 1)
            if reader.failures == 1:
                logger.warning("The database cannot be read now; trying again: %s", error)
            return None
        except BaseException:
            self._restart(reader)
            raise
        if reader.failures:
            logger.info("%s can be read again.", reader.table.full if reader.table else "The query")
            reader.failures = 0
        self._busy = None if done else reader
        if done:
            reader.due = time.monotonic() + self._interval_s
        return records

    def _restart(self, reader: Reader) -> None:
        """After a failure: whatever the query had left is asked for again, from what was handed over."""
        self._busy = None
        try:
            reader.reset()
        except Exception:
            logger.debug("Could not close the failed query.", exc_info=True)
        assert self._database is not None
        self._database.close()

    def paused(self) -> None:
        """No query stays open while nobody reads."""
        if self._busy is not None:
            self._restart(self._busy)

    def stop(self) -> None:
        """A query that runs is cut short."""
        self._stopped.set()
        database = self._database
        if database is not None:
            database.interrupt()

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
