"""Reading single framework settings out of a task's merged configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from headrace.config.keys import invalid_value
from headrace.config.parsing import ParseError, parse_value
from headrace.config.types import ConfigType


def _read(config: Mapping[str, str], key: str, type: ConfigType, default: Any) -> Any:
    text = config.get(key)
    if text is None:
        return default
    try:
        return parse_value(type, text)
    except ParseError as error:
        raise invalid_value(key, text, str(error)) from None


def read_int(config: Mapping[str, str], key: str, default: int) -> int:
    """A whole number. ConfigException with the key as its field when it is none."""
    return cast(int, _read(config, key, ConfigType.LONG, default))


def read_bool(config: Mapping[str, str], key: str, default: bool) -> bool:
    """true or false. ConfigException otherwise."""
    return cast(bool, _read(config, key, ConfigType.BOOLEAN, default))


def read_list(config: Mapping[str, str], key: str) -> list[str]:
    """Comma-separated items, empty when the key is missing."""
    return [item for item in cast("list[str]", _read(config, key, ConfigType.LIST, [])) if item]


def read_text(config: Mapping[str, str], key: str, default: str) -> str:
    """Trimmed text."""
    return config.get(key, default).strip()


def with_prefix(config: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The settings whose key starts with `prefix`, without it."""
    return {key[len(prefix) :]: value for key, value in config.items() if key.startswith(prefix)}


def client_setting(
    connector: Mapping[str, str], worker: Mapping[str, str], client: str, key: str, default: str | None = None
) -> str | None:
    """A setting of a client Connect builds: `<client>.override.<key>` of the connector, else `<client>.<key>` of the worker."""
    return connector.get(f"{client}.override.{key}", worker.get(f"{client}.{key}", default))
