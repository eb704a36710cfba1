"""The door to the kit (`headrace.testing`), which brings servers of its own for demo and benchmarks.

Command line and kit do not depend on each other: the kit's functions are named by text and loaded when a command needs them, so
that the command line works without it and starts no slower for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from headrace.errors import ConnectException


def kit_function(module: str, name: str) -> Callable[..., Any]:
    """`headrace.testing.<module>.<name>`. ConnectException KIT_NOT_INSTALLED when something the kit needs is missing."""
    try:
        found = importlib.import_module(f"headrace.testing.{module}")
    except ModuleNotFoundError as error:
        raise ConnectException(
            f"The command needs {error.name}, which is not installed.",
            code="KIT_NOT_INSTALLED",
            remedy="In a checkout, make setup installs all that demo and benchmarks need.",
        ) from error
    function = getattr(found, name)
    assert callable(function)
    return function  # type: ignore[no-any-return]
