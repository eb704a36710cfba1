"""source.xmin: the oldest transaction the slot keeps the catalogs for, read at most once per xmin.fetch.interval.ms."""

from __future__ import annotations

import time
from collections.abc import Callable

from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.failures import raise_as_ours
from headrace.systems.postgres import PgTarget, slots
from headrace.systems.postgres.introspect import Conn


def slot_xmin_reader(config: PostgresConfig, sql: Conn, target: PgTarget) -> Callable[[], int | None] | None:
    """A function that answers the slot's catalog_xmin, None while the slot has none; None when the interval is 0. The stream asks
    it at the beginning of each transaction. It raises the product's errors."""
    interval_s = config["xmin.fetch.interval.ms"] / 1000
    if not interval_s:
        return None
    last: int | None = None
    due = 0.0

    def read() -> int | None:
        nonlocal last, due
        now = time.monotonic()
        if last is None or now >= due:
            try:
                last = slots.catalog_xmin(sql, config["slot.name"])
            except Exception as error:
                raise_as_ours(error, target)
            due = now + interval_s
        return last

    return read
