"""Topics a source writes to: how many partitions they have, and how missing ones are created.

topic.creation.* groups: the first group in list order whose include patterns match, and exclude patterns do not, gives partitions
and topic settings, else the group `default`. Without topic.creation.default.partitions and .replication.factor, or with
topic.creation.enable=false in the worker, topics are left to the log's own creation. Source: KIP-158.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headrace.errors import ConfigException, RetriableException
from headrace.log.spi import Log, TopicSpec
from headrace.runtime.task_settings import read_bool, read_int, read_list, with_prefix

_PREFIX = "topic.creation."
_OWN_KEYS = frozenset({"include", "exclude", "partitions", "replication.factor"})


@dataclass(frozen=True, slots=True)
class TopicGroup:
    """How topics of a group are made. `partitions`, `replication_factor` -1 = the log's default."""

    name: str
    partitions: int
    replication_factor: int
    configs: dict[str, str] = field(default_factory=dict)
    include: tuple[re.Pattern[str], ...] = ()
    exclude: tuple[re.Pattern[str], ...] = ()

    def matches(self, topic: str) -> bool:
        return any(p.fullmatch(topic) for p in self.include) and not any(p.fullmatch(topic) for p in self.exclude)


def _patterns(config: Mapping[str, str], key: str) -> tuple[re.Pattern[str], ...]:
    patterns = []
    for text in read_list(config, key):
        try:
            patterns.append(re.compile(text))
        except re.error as error:
            raise ConfigException(
                f"Invalid value {text} for configuration {key}: not a regular expression: {error}", field=key
            ) from None
    return tuple(patterns)


def topic_groups(config: Mapping[str, str], worker: Mapping[str, str]) -> list[TopicGroup] | None:
    """The groups in order, `default` last; None when topics are left to the log. ConfigException for refused settings."""
    if not read_bool(worker, "topic.creation.enable", True):
        return None
    default_keys = (f"{_PREFIX}default.partitions", f"{_PREFIX}default.replication.factor")
    given = [key for key in default_keys if key in config]
    if not given:
        return None
    if len(given) == 1:
        missing = next(key for key in default_keys if key not in config)
        raise ConfigException(
            f"{missing} is required when {given[0]} is set.", code="CONFIG_MISSING", field=missing, remedy="Set both."
        )
    default_partitions = read_int(config, default_keys[0], -1)
    default_copies = read_int(config, default_keys[1], -1)
    groups = []
    for name in [*read_list(config, f"{_PREFIX}groups"), "default"]:
        prefix = f"{_PREFIX}{name}."
        own = with_prefix(config, prefix)
        groups.append(
            TopicGroup(
                name,
                read_int(config, f"{prefix}partitions", default_partitions),
                read_int(config, f"{prefix}replication.factor", default_copies),
                {key: value for key, value in own.items() if key not in _OWN_KEYS},
                _patterns(config, f"{prefix}include"),
                _patterns(config, f"{prefix}exclude"),
            )
        )
    return groups


class TopicDirectory:
    """Number of partitions by topic, creating what is missing."""

    def __init__(self, log: Log, groups: list[TopicGroup] | None) -> None:
        self._log = log
        self._groups = groups
        self._known: dict[str, int] = {}

    def partitions(self, topic: str) -> int:
        """Of a topic that is there, or will be once something is appended. RetriableException when the log cannot create now,
        NotFoundException (TOPIC_UNKNOWN) when nobody creates it."""
        count = self._known.get(topic)
        if count is None:
            count = self._known[topic] = self._find(topic)
        return count

    def _find(self, topic: str) -> int:
        existing = self._log.topics().get(topic)
        if existing is not None:
            return existing
        if self._groups is None:
            return self._log.own_partitions(topic)
        group = next((g for g in self._groups[:-1] if g.matches(topic)), self._groups[-1])
        self._log.create_topics([TopicSpec(topic, group.partitions, group.configs, group.replication_factor)])
        # The log's default; or another task was first, with settings of its own.
        made = self._log.topics().get(topic)
        if made is None:
            raise RetriableException(f"Topic {topic} is not there although it was made.", code="TOPIC_UNKNOWN")
        return made

    def forget(self, topics: Iterable[str]) -> None:
        """Look these up again: they may have been deleted."""
        for topic in topics:
            self._known.pop(topic, None)
