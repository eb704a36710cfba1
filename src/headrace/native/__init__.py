"""Chooses the implementation of the work per row once: the Rust core, or the readable Python twins.

`core` is the compiled module, None where the twins do it all. `HEADRACE_IMPL` forces one, `rust` or `python`; a choice that
cannot be had fails with the list of what was tried, so that a wrong one is never a slow surprise. Unset takes the best there is.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any, Final

from headrace.errors import ConfigException

_VARIABLE: Final = "HEADRACE_IMPL"
_MODULE: Final = "headrace.native._core"


def choose(wanted: str | None) -> tuple[str, ModuleType | None]:
    """(name, compiled module or None) of the implementation asked for; None or "" takes the best there is.

    ConfigException NATIVE_UNAVAILABLE for a name that cannot be had."""
    if wanted == "python":
        return "python", None
    if wanted not in (None, "", "rust"):
        raise _unavailable(wanted, "not part of this package")
    try:
        return "rust", importlib.import_module(_MODULE)
    except ImportError as error:
        if wanted:
            raise _unavailable(wanted, str(error)) from error
        return "python", None


def _unavailable(wanted: str | None, why: str) -> ConfigException:
    return ConfigException(
        f"No implementation {wanted!r} of the work per row: tried {_MODULE if wanted == 'rust' else wanted} ({why}); python is available.",
        code="NATIVE_UNAVAILABLE",
        field=_VARIABLE,
        remedy=f"Unset {_VARIABLE} or set it to python; rust needs a package built where cargo was found.",
    )


core: Any
"""The compiled module (its contents: `_core.pyi`), None where the Python twins do all of it."""
IMPLEMENTATION, core = choose(os.environ.get(_VARIABLE))

__all__ = ["IMPLEMENTATION", "choose", "core"]
