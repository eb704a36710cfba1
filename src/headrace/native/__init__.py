"""Chooses the implementation of the hot decoders once.

`HEADRACE_IMPL` forces one: `python` (the readable twin) is what there is. Anything else fails with the list of what was
tried, so that a wrong choice is never a slow surprise.
"""

from __future__ import annotations

import os
from types import ModuleType
from typing import TYPE_CHECKING, Final

from headrace.errors import ConfigException

_VARIABLE: Final = "HEADRACE_IMPL"


def choose(wanted: str | None) -> tuple[str, ModuleType]:
    """(name, decoder module) of the implementation asked for; None takes the best there is.

    ConfigException NATIVE_UNAVAILABLE for a name that cannot be had."""
    name = wanted or "python"
    if name == "python":
        from headrace.native import pgoutput as module

        return name, module
    raise ConfigException(
        f"No implementation {name!r} of the decoders: tried {name} (not part of this package); python is available.",
        code="NATIVE_UNAVAILABLE",
        field=_VARIABLE,
        remedy=f"Unset {_VARIABLE} or set it to python.",
    )


IMPLEMENTATION, _module = choose(os.environ.get(_VARIABLE))

if TYPE_CHECKING:
    from headrace.native import pgoutput
else:
    pgoutput = _module

__all__ = ["IMPLEMENTATION", "choose", "pgoutput"]
