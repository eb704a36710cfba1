"""The connections of one run: for catalogs, for the snapshot's transaction, for replication; all to one server."""

from __future__ import annotations

import logging

from headrace.sources.postgres.config import PostgresConfig
from headrace.systems.postgres import (
    DatabaseError,
    PgTarget,
    ReplicationConnection,
    introspect,
    map_error,
    slots,
)
from headrace.systems.postgres.connect import connect_and_tell
from headrace.systems.postgres.introspect import Conn

logger = logging.getLogger(__name__)


class Connections:
    """Opened when first wanted, the first one to whichever server of the target suits, the others to the same. `replication`: the one that streams, None before and after."""

    def __init__(self, config: PostgresConfig, target: PgTarget) -> None:
        self._config = config
        self.target = target
        """Once a connection has been opened, the server that it leads to."""
        self._sql: Conn | None = None
        self._snapshot: Conn | None = None
        self.replication: ReplicationConnection | None = None
        self.exporting: ReplicationConnection | None = None
        """The one that makes a slot for its snapshot, which lasts as long as transactions that write are open."""

    @property
    def sql(self) -> Conn:
        """The connection for catalogs."""
        if self._sql is None:
            self._sql = self._connect()
        return self._sql

    def open_snapshot(self) -> Conn:
        """The connection for the snapshot's transaction, made anew."""
        self._snapshot = self._connect()
        return self._snapshot

    def close_snapshot(self) -> None:
        """End the snapshot's transaction, if there is one."""
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None

    def open_replication(self) -> ReplicationConnection:
        """A further replication connection; the caller closes it."""
        timeout = float(self._config["create.slot.command.timeout"])
        replication = ReplicationConnection(self.target, command_timeout_s=max(timeout, 1.0))
        self.target = replication.target
        return replication

    def end_export(self) -> None:
        """Let the server give up the slot that is being made; called from any thread. Nothing happens where it cannot be told."""
        exporting, sql = self.exporting, self._sql
        if exporting is None or sql is None:
            return
        try:
            slots.end_backend(sql, exporting.backend_pid)
        except DatabaseError as error:
            logger.debug("The server could not be told to give up a slot: %s", error)

    def close(self) -> None:
        """Close all; a running stream or snapshot ends."""
        for connection in (self.replication, self._snapshot, self._sql):
            if connection is not None:
                connection.close()
        self.replication = self._snapshot = self._sql = None

    def _connect(self) -> Conn:
        """A SQL connection with database.initial.statements and query timeout applied."""
        connection, self.target = connect_and_tell(self.target)
        try:
            timeout_ms = int(self._config["database.query.timeout.ms"])
            # Row security would hide rows from the snapshot that the stream sends changes of: let the server refuse instead.
            connection.execute(f"SET statement_timeout = {timeout_ms}; SET row_security = off")
            for statement in self._config.initial_statements():
                connection.execute(statement)
        except Exception as error:
            connection.close()
            raise map_error(error, self.target) from error
        return connection


def sender_timeout_s(sql: Conn) -> float:
    """The server's wal_sender_timeout, 0 for none."""
    return _milliseconds(introspect.setting(sql, "wal_sender_timeout")) / 1000


def _milliseconds(text: str | None) -> float:
    """A duration setting as the server shows it: `1min`, `60s`, `0`."""
    if not text:
        return 60_000.0
    digits = "".join(char for char in text if char.isdigit())
    unit = text[len(digits) :].strip()
    scale = {"": 1.0, "ms": 1.0, "s": 1000.0, "min": 60_000.0, "h": 3_600_000.0, "d": 86_400_000.0}
    return float(digits or 0) * scale.get(unit, 1.0)
