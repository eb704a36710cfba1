"""Opens the log and the stores that a worker's configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.errors import ConfigException
from headrace.log.spi import Log
from headrace.log.stores import OffsetStore, StateStore

if TYPE_CHECKING:
    from headrace.log.embedded.database import Database
    from headrace.log.embedded.stores import EmbeddedOffsetStore

IMPLEMENTATION_KEY = "log.implementation"


def is_kafka(config: Mapping[str, str]) -> bool:
    """Whether the log is on Kafka."""
    return config.get(IMPLEMENTATION_KEY) == "kafka"


def open_log(
    config: Mapping[str, str], connector: Mapping[str, str] | None = None, admin_id: str = "headrace-admin"
) -> Log:
    """The log of `log.implementation` (default embedded). Keys: `log.embedded.path` (folder, required),
    `log.embedded.max.bytes` (0 = no limit), `log.embedded.num.partitions` (1), `log.embedded.auto.create` (true),
    `log.embedded.compression.type` (lz4; or none). For kafka: those of its clients, see `KafkaLog`, `connector` and `admin_id` too;
    source offsets are then kept in the store of `open_stores`.

    ConfigException: LOG_NOT_AVAILABLE, LOG_PATH_UNUSABLE, LOG_FORMAT_NEWER, or a value that cannot be used."""
    _check_implementation(config)
    if is_kafka(config):
        from headrace.log.kafka.log import KafkaLog

        # Topics are made by who knows with how many partitions, before anything is appended.
        return KafkaLog(config, connector, admin_id=admin_id, offsets=_open_offsets(config).write, auto_create=False)
    from headrace.log.embedded.log import EmbeddedLog

    return EmbeddedLog(
        _folder(config),
        max_bytes=_integer(config, "log.embedded.max.bytes", 0, 0),
        default_partitions=_integer(config, "log.embedded.num.partitions", 1, 1),
        auto_create=_boolean(config, "log.embedded.auto.create", True),
        compress=_compress(config),
    )


def open_stores(config: Mapping[str, str], log: Log | None = None) -> tuple[OffsetStore, StateStore]:
    """The stores beside that log; they share one connection and live as long as the process. With `log`, which `open_log` has given,
    they live as long as that, and share its connection. Keys and errors as `open_log`."""
    _check_implementation(config)
    from headrace.log.embedded.log import EmbeddedLog
    from headrace.log.embedded.stores import EmbeddedOffsetStore, EmbeddedStateStore

    database = log.database if isinstance(log, EmbeddedLog) else _open_database(config)
    return EmbeddedOffsetStore(database), EmbeddedStateStore(database)


def _open_offsets(config: Mapping[str, str]) -> EmbeddedOffsetStore:
    from headrace.log.embedded.stores import EmbeddedOffsetStore

    return EmbeddedOffsetStore(_open_database(config))


def _open_database(config: Mapping[str, str]) -> Database:
    from headrace.log.embedded.database import Database

    # The quota is the topics'.
    return Database(_folder(config), 0 if is_kafka(config) else _integer(config, "log.embedded.max.bytes", 0, 0))


def _check_implementation(config: Mapping[str, str]) -> None:
    name = config.get(IMPLEMENTATION_KEY, "embedded")
    if name not in ("embedded", "kafka"):
        raise ConfigException(
            f"The log implementation {name!r} is not available.",
            code="LOG_NOT_AVAILABLE",
            field=IMPLEMENTATION_KEY,
            remedy="Set log.implementation to embedded or kafka.",
        )


def _folder(config: Mapping[str, str]) -> Path:
    text = config.get("log.embedded.path", "").strip()
    if not text:
        raise ConfigException(
            "The embedded log needs a folder.",
            code="CONFIG_MISSING",
            field="log.embedded.path",
            remedy="Set log.embedded.path to a folder on a local disk.",
        )
    return Path(text)


def _integer(config: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = config.get(name, str(default))
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise ConfigException(f"{name} cannot be {text!r}.", field=name, remedy=f"Use an integer of at least {least}.")
    return value


def _compress(config: Mapping[str, str]) -> bool:
    name = "log.embedded.compression.type"
    text = config.get(name, "lz4").strip().lower()
    if text not in {"none", "lz4"}:
        raise ConfigException(f"{name} cannot be {text!r}.", field=name, remedy="Use lz4 or none.")
    return text == "lz4"


def _boolean(config: Mapping[str, str], name: str, default: bool) -> bool:
    text = config.get(name, str(default)).strip().lower()
    if text not in {"true", "false"}:
        raise ConfigException(f"{name} cannot be {text!r}.", field=name, remedy="Use true or false.")
    return text == "true"
