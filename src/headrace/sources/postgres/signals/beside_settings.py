"""What can be wrong with the settings of signals and notifications."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.cdc import notifications
from headrace.cdc.signals import channels
from headrace.errors import ConfigException
from headrace.sources.postgres.config import PostgresConfig


def check(config: PostgresConfig) -> None:
    """ConfigException for the first thing that is wrong, naming its setting."""
    for problem in _problems(config):
        raise problem


def _problems(config: PostgresConfig) -> Iterator[ConfigException]:
    for key, known in (
        ("signal.enabled.channels", channels.CHANNELS),
        ("notification.enabled.channels", notifications.CHANNELS),
    ):
        for name in config[key] or ():
            if name.strip().lower() not in known:
                yield _invalid(key, name, f"there is no such channel, only {', '.join(known)}")
    told = {name.strip().lower() for name in config["notification.enabled.channels"] or ()}
    if "sink" in told and not config.text("notification.sink.topic.name"):
        yield _invalid("notification.sink.topic.name", None, "it is required with notification channel sink")
    for name in config.signal_tables():
        schema, dot, table = name.partition(".")
        if not (schema and dot and table):
            yield _invalid("signal.data.collection", name, "write schema.table")


def _invalid(key: str, value: str | None, reason: str) -> ConfigException:
    return ConfigException(
        f"Invalid value {value} for configuration {key}: {reason}.", field=key, remedy="Correct the setting."
    )
