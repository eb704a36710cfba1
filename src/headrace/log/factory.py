"""Opens the log and the stores that a worker's configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headrace.errors import ConfigException
from headrace.log.spi import Log
from headrace.log.stores import OffsetStore, StateStore

IMPLEMENTATION_KEY = "log.implementation"


def open_log(config: Mapping[str, str]) -> Log:
    """The log of `log.implementation` (default embedded). Keys: `log.embedded.path` (folder, required),
    `log.embedded.max.bytes` (0 = no limit), `log.embedded.num.partitions` (1), `log.embedded.auto.create` (true),
    `log.embedded.compression.type` (lz4; or none).

    ConfigException: LOG_NOT_AVAILABLE, LOG_PATH_UNUSABLE, LOG_FORMAT_NEWER, or a value that cannot be used."""
    _check_implementation(config)
    from headrace.log.embedded.log import EmbeddedLog

    return EmbeddedLog(
        _folder(config),
        max_bytes=_integer(config, "log.embedded.max.bytes", 0, 0),
        default_partitions=_integer(config, "log.embedded.num.partitions", 1, 1),
        auto_create=_boolean(config, "log.embedded.auto.create", True),
        compress=_compress(config),
    )


def open_stores(config: Mapping[str, str]) -> tuple[OffsetStore, StateStore]:
    """The stores beside that log; they share one connection and live as long as the process. Keys and errors as `open_log`."""
    _check_implementation(config)
    from headrace.log.embedded.database import Database
    from headrace.log.embedded.stores import EmbeddedOffsetStore, EmbeddedStateStore

    database = Database(_folder(config), _integer(config, "log.embedded.max.bytes", 0, 0))
    return EmbeddedOffsetStore(database), EmbeddedStateStore(database)


def _check_implementation(config: Mapping[str, str]) -> None:
    name = config.get(IMPLEMENTATION_KEY, "embedded")
    if name != "embedded":
        raise ConfigException(
            f"The log implementation {name!r} is not available.",
            code="LOG_NOT_AVAILABLE",
            field=IMPLEMENTATION_KEY,
            remedy="Set log.implementation=embedded.",
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
