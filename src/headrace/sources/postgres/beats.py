"""Heartbeats: records that carry an offset and nothing else, and the query that goes with them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from headrace.data import SourceRecord
from headrace.errors import RetryClass
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.events import Clock
from headrace.sources.postgres.session import PgSession
from headrace.sources.postgres.stream.stream import StreamDecoder
from headrace.systems.postgres import map_error

logger = logging.getLogger(__name__)


class Heartbeats:
    """`interval_s`: 0 for none."""

    def __init__(self, config: PostgresConfig) -> None:
        self.interval_s: float = config["heartbeat.interval.ms"] / 1000
        self._query = config.text("heartbeat.action.query")
        self._at = time.monotonic() + self.interval_s

    @property
    def due(self) -> bool:
        return bool(self.interval_s) and time.monotonic() >= self._at

    def record(self, session: PgSession, decoder: StreamDecoder, reached: Callable[[], int | None]) -> SourceRecord:
        """Run the query and make the record. `reached`: the position up to which everything is handed out, None in the midst of
        something."""
        self._at = time.monotonic() + self.interval_s
        if self._query:
            try:
                session.connections.sql.execute(self._query.encode())
            except Exception as error:
                mapped = map_error(error, session.target)
                if mapped.retry_class is RetryClass.RETRY or mapped.code == "PG_TABLE_MISSING":
                    raise mapped from error
                logger.warning("heartbeat.action.query failed: %s", mapped)
        clock = Clock.at(time.time_ns())
        position = reached()
        if position:
            decoder.move_on(position, clock.us)
        return session.maker.heartbeat(clock, decoder.offset)
