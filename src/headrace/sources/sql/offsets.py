"""Offsets in Confluent's form, so that a connector can be taken over: partition {"protocol":"1","table":"schema.table"},
offset {"incrementing":…, "timestamp": ms, "timestamp_nanos": nanoseconds of the second}."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from headrace.errors import ConnectException
from headrace.systems.sql import TableName

QUERY_PARTITION: Final = {"query": "query"}
_KEYS: Final = ("incrementing", "timestamp", "timestamp_nanos")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Position(NamedTuple):
    """How far a table was read; None where the mode does not use it, or nothing was read."""

    timestamp: dt.datetime | None = None
    incrementing: int | None = None

    def as_offset(self) -> dict[str, Any]:
        offset: dict[str, Any] = {}
        if self.incrementing is not None:
            offset["incrementing"] = self.incrementing
        if self.timestamp is not None:
            micros = (self.timestamp - _EPOCH) // dt.timedelta(microseconds=1)
            offset["timestamp"] = micros // 1000
            offset["timestamp_nanos"] = micros % 1_000_000 * 1000
        return offset

    @classmethod
    def of(cls, offset: Mapping[str, Any] | None) -> Position:
        """From a stored offset. ConnectException (OFFSET_INVALID) if it is none."""
        if not offset:
            return cls()
        for key, value in offset.items():
            if key not in _KEYS:
                raise _invalid(f"{key} is none of {', '.join(_KEYS)}.")
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise _invalid(f"{key} must be a whole number, not {value!r}.")
        millis, nanos = offset.get("timestamp"), offset.get("timestamp_nanos")
        try:
            moment = None if millis is None else from_millis(millis)
            if moment is not None and nanos is not None:
                moment = moment.replace(microsecond=nanos // 1000)
        except (OverflowError, ValueError):
            raise _invalid(f"timestamp {millis} with timestamp_nanos {nanos} is no point in time.") from None
        return cls(moment, offset.get("incrementing"))


def _invalid(reason: str) -> ConnectException:
    return ConnectException(
        reason,
        code="OFFSET_INVALID",
        remedy='Use an offset as {"incrementing": 5, "timestamp": 1714972089123, "timestamp_nanos": 123456000}, or null.',
    )


def from_millis(millis: int) -> dt.datetime:
    """Milliseconds since 1970 as a moment."""
    return _EPOCH + dt.timedelta(milliseconds=millis)


def partitions_of(table: TableName, catalog: str | None) -> list[dict[str, str]]:
    """The source partitions a table's offset may be stored under, the one to use for a new one first."""
    names = [table.full, *([f"{catalog}.{table.full}"] if catalog else [])]
    return [*({"protocol": "1", "table": name} for name in names), {"table": table.name}]
