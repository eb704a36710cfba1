"""The consumer of a sink task: its group, settings and subscription, as Connect builds it."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.errors import ConfigException
from headrace.log.spi import FETCH_MAX_BYTES, Consumer, Log
from headrace.runtime.task_settings import client_setting, read_int, read_list, read_text

MAX_POLL_RECORDS = "max.poll.records"


def open_consumer(
    log: Log, connector: str, client_id: str, config: Mapping[str, str], worker: Mapping[str, str]
) -> Consumer:
    """A member of group connect-<connector>; consumer.override.* of the connector and consumer.* of the worker apply.

    ConfigException, with the key as its field, for a number that is none or cannot be."""
    group = client_setting(config, worker, "consumer", "group.id") or f"connect-{connector}"
    reset = client_setting(config, worker, "consumer", "auto.offset.reset", "earliest")
    return log.consumer(
        group,
        client_id,
        from_latest=reset == "latest",
        session_timeout_ms=_number(config, worker, "session.timeout.ms", 45_000),
        fetch_max_bytes=_positive(config, worker, "fetch.max.bytes", FETCH_MAX_BYTES),
    )


def max_poll_records(config: Mapping[str, str], worker: Mapping[str, str]) -> int | None:
    """The most records of one `put`, None when the settings leave it to the task. ConfigException when it is no number above 0."""
    if not client_setting(config, worker, "consumer", MAX_POLL_RECORDS):
        return None
    return _positive(config, worker, MAX_POLL_RECORDS, 500)


def _positive(config: Mapping[str, str], worker: Mapping[str, str], key: str, default: int) -> int:
    number = _number(config, worker, key, default)
    if number < 1:
        name = f"consumer.override.{key}"
        raise ConfigException(f"Invalid value {number} for configuration {name}: Value must be at least 1", field=name)
    return number


def _number(config: Mapping[str, str], worker: Mapping[str, str], key: str, default: int) -> int:
    text = client_setting(config, worker, "consumer", key, str(default))
    return read_int({f"consumer.override.{key}": text or str(default)}, f"consumer.override.{key}", default)


def subscription(config: Mapping[str, str]) -> tuple[list[str] | None, str | None]:
    """(topics, None) or (None, pattern). ConfigException unless exactly one of topics and topics.regex is set."""
    topics = read_list(config, "topics")
    pattern = read_text(config, "topics.regex", "")
    if bool(topics) == bool(pattern):
        raise ConfigException(
            "Exactly one of topics and topics.regex must be set.",
            field="topics",
            remedy="Name the topics, or give one regular expression in topics.regex.",
        )
    return (topics, None) if topics else (None, pattern)
