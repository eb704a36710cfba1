"""The connector: checks the settings, divides the tables, and looks for new ones now and then."""

from __future__ import annotations

import importlib.util
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from headrace import __version__
from headrace.config import ConfigDef, ConfigValue
from headrace.errors import ConfigException, ConnectException, RetriableException
from headrace.sources.sql.config import BULK, TABLES, TIMESTAMP, config_def, query_of
from headrace.spi import ExactlyOnceSupport, SourceConnector, SourceTask
from headrace.spi.context import SourceOffset, SourcePartition

logger = logging.getLogger(__name__)


def require_sqlalchemy() -> None:
    """ConfigException (SQL_NOT_INSTALLED) unless SQLAlchemy, an optional part of the installation, is there."""
    if importlib.util.find_spec("sqlalchemy") is None:
        raise ConfigException(
            "This connector needs SQLAlchemy, which is not installed.",
            code="SQL_NOT_INSTALLED",
            field="connection.url",
            remedy="Run: pip install 'headrace[sql]', and install the database's own driver unless it is PostgreSQL or SQLite.",
        )


class SqlSourceConnector(SourceConnector):
    """Polls tables of any SQL database: bulk, incrementing, timestamp, timestamp+incrementing; Confluent's JDBC source's settings."""

    def __init__(self) -> None:
        self._props: dict[str, str] = {}
        self._stopped = threading.Event()
        self._monitor: threading.Thread | None = None
        self._lock = threading.Lock()
        self._database: Any = None
        self._planned: list[Any] | None = None

    @classmethod
    def version(cls) -> str:
        return __version__

    @classmethod
    def config(cls) -> ConfigDef:
        return config_def()

    def validate(self, props: Mapping[str, str]) -> list[ConfigValue]:
        values = super().validate(props)
        try:
            require_sqlalchemy()
        except ConfigException as error:
            next(value for value in values if value.name == "connection.url").add_error(str(error))
            return values
        from headrace.sources.sql.validation import validate

        validate(props, values)
        return values

    def start(self, props: Mapping[str, str]) -> None:
        require_sqlalchemy()
        from headrace.sources.sql.connecting import open_database

        self._props = dict(props)
        config = self._config = config_def().parse(props)
        if query_of(config):
            return
        self._database = open_database(config)
        self._planned = self._tables()
        self._monitor = threading.Thread(target=self._watch, name="headrace-sql-tables", daemon=True)
        self._monitor.start()

    def _tables(self) -> list[Any]:
        from headrace.sources.sql.selection import select_tables

        with self._lock:
            return select_tables(self._database, self._config)

    def _watch(self) -> None:
        interval_s = self._config["table.poll.interval.ms"] / 1000
        while not self._stopped.wait(interval_s):
            try:
                found = self._tables()
            except RetriableException as error:
                logger.warning("Could not look for new tables; trying again: %s", error)
                continue
            except Exception as error:
                if not self._stopped.is_set():
                    self.context.raise_error(error)
                return
            if found != self._planned:
                logger.info("The tables are now %s.", ", ".join(table.full for table in found) or "none")
                self._planned = found
                self.context.request_task_reconfiguration()

    def task_class(self) -> type[SourceTask]:
        from headrace.sources.sql.task import SqlSourceTask

        return SqlSourceTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        from headrace.sources.sql.selection import share

        if self._planned is None:
            return [dict(self._props)]
        if not self._planned:
            logger.warning("There are no tables to read; looking again every table.poll.interval.ms.")
        return [{**self._props, TABLES: json.dumps(group)} for group in share(self._planned, max_tasks)]

    def stop(self) -> None:
        self._stopped.set()
        if self._monitor is not None:
            self._database.interrupt()
            self._monitor.join(5)
        # Where the monitor still waits for the database, its connection is left to it.
        if self._database is not None and self._lock.acquire(timeout=1):
            try:
                self._database.close()
            finally:
                self._lock.release()

    def exactly_once_support(self, props: Mapping[str, str]) -> ExactlyOnceSupport:
        """Where each row has an offset of its own; not where rows of one timestamp cannot be told apart."""
        unsupported = props.get("mode") in (BULK, TIMESTAMP)
        return ExactlyOnceSupport.UNSUPPORTED if unsupported else ExactlyOnceSupport.SUPPORTED

    def alter_offsets(
        self, props: Mapping[str, str], offsets: Sequence[tuple[SourcePartition, SourceOffset | None]]
    ) -> bool:
        """Keys and kinds of values are checked; nothing is kept outside Connect."""
        from headrace.sources.sql.offsets import Position

        for partition, offset in offsets:
            if not ({"query"} == set(partition) or {"table"} <= set(partition) <= {"table", "protocol"}):
                raise ConnectException(
                    f"Source partition {dict(partition)} is not one of this connector.",
                    code="OFFSET_PARTITION_INVALID",
                    remedy='Use {"protocol": "1", "table": "schema.table"}, or {"query": "query"}.',
                )
            if offset is not None:
                Position.of(offset)
        return True
