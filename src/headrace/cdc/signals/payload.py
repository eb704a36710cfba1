"""What a signal says: its record, and the data of those that ask for snapshots.

Source: Debezium's io.debezium.pipeline.signal (SignalRecord, ExecuteSnapshot, StopSnapshot, AbstractSnapshotSignal).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

logger = logging.getLogger(__name__)

EXECUTE, STOP, PAUSE, RESUME = "execute-snapshot", "stop-snapshot", "pause-snapshot", "resume-snapshot"
LOG, SCHEMA_CHANGES = "log", "schema-changes"
WINDOW_OPEN, WINDOW_CLOSE = "snapshot-window-open", "snapshot-window-close"


class Signal(NamedTuple):
    """A signal as it came. `data`: JSON text, None or empty for none. `channel`: the name of the channel it came through."""

    id: str | None
    type: str | None
    data: str | None
    channel: str = "source"

    def document(self) -> dict[str, Any]:
        """The data. ValueError when they are no JSON object."""
        if not self.data:
            return {}
        found = json.loads(self.data)
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
        return found


class SignalRefused(Exception):
    """Why a signal is passed over; logged as a warning."""


class AdditionalCondition(NamedTuple):
    """`collection`: which tables it is about. `filter`: a condition, or for a blocking snapshot a whole SELECT."""

    collection: re.Pattern[str]
    filter: str


class SnapshotRequest(NamedTuple):
    """The data of execute-snapshot. `surrogate_key`: a column to order by, "" for the key of the table."""

    collections: tuple[str, ...]
    blocking: bool = False
    conditions: tuple[AdditionalCondition, ...] = ()
    surrogate_key: str = ""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> SnapshotRequest:
        """SignalRefused when it cannot be meant."""
        collections = collections_of(data)
        if not collections:
            raise SignalRefused("data-collections is missing or empty")
        conditions = data.get("additional-conditions") or []
        if not isinstance(conditions, list):
            raise SignalRefused("additional-conditions is no list")
        if data.get("additional-condition"):
            # As in the original since 2.3.
            logger.warning(
                "additional-condition in a signal is passed over, all rows are read; use additional-conditions."
            )
        surrogate = data.get("surrogate-key")
        return cls(
            collections,
            kind_of(data) == "BLOCKING",
            tuple(_condition(item) for item in conditions),
            surrogate if isinstance(surrogate, str) and surrogate.strip() else "",
        )

    def filter_of(self, table: str) -> str:
        """The first condition about a table, "" for none."""
        return next((one.filter for one in self.conditions if one.collection.fullmatch(table)), "")

    def plain(self) -> dict[str, Any]:
        """The data again, as `of` reads them."""
        conditions = [{"data-collection": one.collection.pattern, "filter": one.filter} for one in self.conditions]
        return {
            "data-collections": list(self.collections),
            "type": "BLOCKING" if self.blocking else "INCREMENTAL",
            **({"additional-conditions": conditions} if conditions else {}),
            **({"surrogate-key": self.surrogate_key} if self.surrogate_key else {}),
        }


def collections_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    """data-collections, () when there are none."""
    found = data.get("data-collections")
    if not isinstance(found, list):
        return ()
    return tuple(str(item).strip() for item in found if isinstance(item, str) and item.strip())


def kind_of(data: Mapping[str, Any]) -> str:
    """INCREMENTAL or BLOCKING. SignalRefused for other types."""
    kind = data.get("type")
    text = kind.upper() if isinstance(kind, str) else "INCREMENTAL"
    if text not in ("INCREMENTAL", "BLOCKING"):
        raise SignalRefused(f"there is no snapshot of type {kind}")
    return text


def _condition(item: Any) -> AdditionalCondition:
    if not isinstance(item, dict) or not isinstance(item.get("data-collection"), str):
        raise SignalRefused("an additional condition names no data-collection")
    text = item.get("filter")
    if not isinstance(text, str):
        raise SignalRefused("an additional condition has no filter")
    return AdditionalCondition(compiled(item["data-collection"], ignore_case=True), text)


def compiled(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A pattern of a signal. SignalRefused when it is no regular expression."""
    try:
        return re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        raise SignalRefused(f"{pattern!r} is no regular expression: {error}") from None
