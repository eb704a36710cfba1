"""Topic configurations the embedded log acts on, with Kafka's names and defaults; others are kept but do nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.errors import ConfigException

_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
_POLICIES = frozenset({"delete", "compact"})
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """`retention_ms`, `retention_bytes`: -1 for no limit. `dirty_ratio`: min.cleanable.dirty.ratio."""

    delete: bool
    compact: bool
    retention_ms: int
    retention_bytes: int
    delete_retention_ms: int
    dirty_ratio: float


def parse_topic_config(configs: Mapping[str, str]) -> TopicConfig:
    """ConfigException (TOPIC_CONFIG_INVALID) with the topic config as field if a value cannot be used."""
    policies = {part.strip() for part in configs.get("cleanup.policy", "delete").split(",") if part.strip()}
    if not policies or policies - _POLICIES:
        raise _invalid("cleanup.policy", configs["cleanup.policy"], "Use delete, compact or compact,delete.")
    return TopicConfig(
        delete="delete" in policies,
        compact="compact" in policies,
        retention_ms=_integer(configs, "retention.ms", 7 * _DAY_MS, -1),
        retention_bytes=_integer(configs, "retention.bytes", -1, -1),
        delete_retention_ms=_integer(configs, "delete.retention.ms", _DAY_MS, 0),
        dirty_ratio=_ratio(configs, "min.cleanable.dirty.ratio", 0.5),
    )


def load_topic_config(text: str) -> TopicConfig:
    """The configuration of a topic from its stored JSON."""
    return parse_topic_config(json.loads(text))


def check_topic_name(name: str) -> None:
    """ConfigException (TOPIC_NAME_INVALID) unless Kafka would take the name too."""
    if not _NAME.fullmatch(name) or name in {".", ".."}:
        raise ConfigException(
            f"{name!r} is no topic name.",
            code="TOPIC_NAME_INVALID",
            remedy="Use 1 to 249 characters of a-z, A-Z, 0-9, '.', '_' and '-'.",
        )


def _integer(configs: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = configs.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise _invalid(name, text, f"Use an integer of at least {least}.")
    return value


def _ratio(configs: Mapping[str, str], name: str, default: float) -> float:
    text = configs.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise _invalid(name, text, "Use a number from 0 to 1.")
    return value


def _invalid(name: str, text: str, remedy: str) -> ConfigException:
    return ConfigException(
        f"Topic configuration {name} cannot be {text!r}.", code="TOPIC_CONFIG_INVALID", field=name, remedy=remedy
    )
