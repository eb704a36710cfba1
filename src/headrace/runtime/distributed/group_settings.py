"""A distributed worker's settings of its group, from Connect's keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import at_least, non_empty, one_of
from headrace.errors import ConfigException
from headrace.runtime.distributed.protocol import SubProtocol, offered

_T = ConfigType
_LOW, _MEDIUM, _HIGH = Importance.LOW, Importance.MEDIUM, Importance.HIGH
_ROWS: Final[tuple[tuple[str, ConfigType, Any, Any, Importance, str], ...]] = (
    ("session.timeout.ms", _T.INT, 10000, at_least(1), _HIGH,
     "A worker of which the coordinator has not heard for so long is no member any more."),
    ("heartbeat.interval.ms", _T.INT, 3000, at_least(1), _HIGH, "How often a worker lets the coordinator hear of it."),
    ("rebalance.timeout.ms", _T.INT, 60000, at_least(1), _HIGH, "How long a rebalance waits for a worker."),
    ("connect.protocol", _T.STRING, "sessioned", one_of("eager", "compatible", "sessioned", ignore_case=True), _LOW,
     "The protocols that the worker offers to the group."),
    ("scheduled.rebalance.max.delay.ms", _T.INT, 300000, at_least(0), _LOW,
     "How long the work of a worker that left waits for it to return."),
    ("worker.sync.timeout.ms", _T.INT, 3000, at_least(0), _MEDIUM, "How long catching up with the config topic may take."),
    ("worker.unsync.backoff.ms", _T.INT, 300000, at_least(0), _MEDIUM,
     "How long a worker that could not catch up stays away from an eager group."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """`offers`: best first. Times in milliseconds, as the protocol has them."""

    group: str
    offers: tuple[SubProtocol, ...]
    session_timeout_ms: int
    heartbeat_interval_ms: int
    rebalance_timeout_ms: int
    max_delay_ms: int
    sync_timeout_ms: int
    unsync_backoff_ms: int

    @property
    def patience_s(self) -> float:
        """Without a heartbeat's answer for so long the worker stops its work: an interval before the coordinator gives it up, so that
        nobody else has begun with it."""
        return (self.session_timeout_ms - self.heartbeat_interval_ms) / 1000


def group_def() -> ConfigDef:
    """The keys that are looked at."""
    definition = ConfigDef()
    definition.define(
        "group.id",
        _T.STRING,
        validator=non_empty,
        importance=_HIGH,
        documentation="The group of workers this one is of.",
    )
    for name, type, default, validator, importance, text in _ROWS:
        definition.define(name, type, default, validator, importance, text)
    return definition


def group_settings(properties: Mapping[str, str]) -> GroupSettings:
    """From a worker's properties (references resolved). ConfigException for values that are missing or wrong."""
    values = group_def().parse(properties)
    if values["heartbeat.interval.ms"] >= values["session.timeout.ms"]:
        raise ConfigException(
            "heartbeat.interval.ms is not below session.timeout.ms.",
            field="heartbeat.interval.ms",
            remedy="Set it to a third of session.timeout.ms.",
        )
    return GroupSettings(
        values["group.id"],
        offered(values["connect.protocol"]),
        values["session.timeout.ms"],
        values["heartbeat.interval.ms"],
        values["rebalance.timeout.ms"],
        values["scheduled.rebalance.max.delay.ms"],
        values["worker.sync.timeout.ms"],
        values["worker.unsync.backoff.ms"],
    )
