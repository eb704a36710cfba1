"""Connector files: JSON ({"name", "config"} or flat) or properties; `-` is standard input."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.config.properties import parse_properties
from headrace.errors import ConfigException

CONNECTOR_CLASS = "connector.class"
_WRAPPED = {"name", "config", "initial_state"}


@dataclass(frozen=True, slots=True)
class ConnectorFile:
    """A connector as a file states it; `name` None when it is not said."""

    path: str
    name: str | None
    config: dict[str, str | None]
    initial_state: str | None = None

    def required_name(self) -> str:
        """ConfigException without one."""
        if not self.name:
            raise ConfigException(f"{self.path} names no connector.", field="name", remedy="Add the key name.")
        return self.name


def read_connector(path: str) -> ConnectorFile:
    """ConfigException (code FILE_UNREADABLE or FILE_MALFORMED) when the file holds no connector."""
    text = read_text(path)
    if text.lstrip()[:1] in ("{", "["):
        return _from_json(path, text)
    config: dict[str, str | None] = dict(parse_properties(text))
    return ConnectorFile(path, config.get("name"), config)


def read_text(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigException(
            f"Cannot read {path}: {error}.", code="FILE_UNREADABLE", remedy="Give a readable UTF-8 file."
        ) from error


def _from_json(path: str, text: str) -> ConnectorFile:
    try:
        found = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise _malformed(path, f"it is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise _malformed(path, "an object is expected")
    if isinstance(found.get("config"), dict):
        if unknown := sorted(set(found) - _WRAPPED):
            raise _malformed(path, f"besides name, config and initial_state it has {', '.join(unknown)}")
        config = _flat(path, found["config"])
        return ConnectorFile(
            path, _flat(path, {"n": found.get("name")})["n"] or config.get("name"), config, found.get("initial_state")
        )
    config = _flat(path, found)
    return ConnectorFile(path, config.get("name"), config)


def _flat(path: str, config: Mapping[str, Any]) -> dict[str, str | None]:
    return {key: _text(path, key, value) for key, value in config.items()}


def _text(path: str, key: str, value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str):
        return value
    raise _malformed(path, f"the value of {key} is no text, number or boolean")


def _malformed(path: str, reason: str) -> ConfigException:
    return ConfigException(
        f"{path} holds no connector: {reason}.",
        code="FILE_MALFORMED",
        remedy='Use {"name": …, "config": {…}}, a flat JSON object, or key=value lines.',
    )
