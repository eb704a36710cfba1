"""Connector files of the command line: Java properties, a flat JSON object, or {"name", "config", "initial_state"}."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.config.properties import parse_properties
from headrace.errors import ConfigException
from headrace.runtime.herder import TargetState

_STATES = {"RUNNING": TargetState.STARTED, "PAUSED": TargetState.PAUSED, "STOPPED": TargetState.STOPPED}


@dataclass(frozen=True, slots=True)
class ConnectorFile:
    """What a file asks for; `initial_state` None for started."""

    name: str
    config: dict[str, str]
    initial_state: TargetState | None = None


def read_connector_file(path: Path) -> ConnectorFile:
    """ConfigException (FILE_UNREADABLE, CONNECTOR_FILE_INVALID) with the path in its message."""
    text = read_text(path)
    if path.suffix.lower() != ".json":
        config = parse_properties(text)
        return ConnectorFile(config.get("name", "").strip(), config)
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _invalid(path, f"is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise _invalid(path, "must hold a JSON object")
    if isinstance(document.get("config"), dict):
        state = document.get("initial_state")
        if state is not None and str(state).upper() not in _STATES:
            raise _invalid(path, f"has the unknown initial_state {state}; use RUNNING, PAUSED or STOPPED")
        config = _texts(path, document["config"])
        name = str(document.get("name") or config.get("name", ""))
        return ConnectorFile(name.strip(), config, _STATES[str(state).upper()] if state is not None else None)
    config = _texts(path, document)
    return ConnectorFile(config.get("name", "").strip(), config)


def read_text(path: Path) -> str:
    """The file's text. ConfigException (FILE_UNREADABLE)."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigException(f"{path} cannot be read: {reason}", code="FILE_UNREADABLE") from error


def _texts(path: Path, document: dict[str, Any]) -> dict[str, str]:
    config: dict[str, str] = {}
    for key, value in document.items():
        if isinstance(value, dict | list) or value is None:
            raise _invalid(path, f"has a value for {key} that is no text")
        config[key] = value if isinstance(value, str) else json.dumps(value)
    return config


def _invalid(path: Path, what: str) -> ConfigException:
    return ConfigException(f"{path} {what}.", code="CONNECTOR_FILE_INVALID")
