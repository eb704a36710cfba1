"""Text to typed value and back, as Kafka's ConfigDef does it."""

from __future__ import annotations

import re
from typing import Any, Final

from headrace.config.types import HIDDEN, ConfigType, Password

_BOUNDS: Final = {
    ConfigType.INT: (-(2**31), 2**31 - 1, "integer"),
    ConfigType.SHORT: (-(2**15), 2**15 - 1, "short"),
    ConfigType.LONG: (-(2**63), 2**63 - 1, "long"),
}
_COMMA: Final = re.compile(r"\s*,\s*", re.ASCII)
_TRIMMED: Final = "".join(map(chr, range(33)))
"""What java.lang.String.trim takes for white space."""
_INTEGER: Final = re.compile(r"[+-]?\d+")


class ParseError(ValueError):
    """The text is no value of the type; its message is the reason alone."""


def parse_value(type: ConfigType, value: Any) -> Any:
    """`value` (text or already typed, None stays None) as a value of `type`.

    STRING, CLASS → str; LIST → list[str]; PASSWORD → Password; INT, SHORT, LONG → int; DOUBLE → float. ParseError if it is none.
    """
    if value is None:
        return None
    trimmed = value.strip(_TRIMMED) if isinstance(value, str) else value
    match type:
        case ConfigType.BOOLEAN:
            return _boolean(trimmed)
        case ConfigType.PASSWORD:
            return trimmed if isinstance(trimmed, Password) else Password(_text(trimmed, "password"))
        case ConfigType.STRING | ConfigType.CLASS:
            return _text(trimmed, "string")
        case ConfigType.DOUBLE:
            return _double(trimmed)
        case ConfigType.LIST:
            if isinstance(trimmed, list | tuple):
                return [str(item) for item in trimmed]
            text = _text(trimmed, "list")
            return _COMMA.split(text) if text else []
        case _:
            return _integer(type, trimmed)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ParseError("Expected value to be either true or false")


def _text(value: Any, kind: str) -> str:
    if isinstance(value, str):
        return value
    raise ParseError(f"Expected value to be a {kind}, but it was a {type(value).__name__}")


def _double(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        return float(_text(value, "double"))
    except ValueError:
        raise ParseError("Not a number of type DOUBLE") from None


def _integer(type: ConfigType, value: Any) -> int:
    low, high, _ = _BOUNDS[type]
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ParseError(f"Not a number of type {type.value}")
    return value


def render_value(type: ConfigType, value: Any) -> str | None:
    """The text REST answers show for a typed value: lists joined by commas, secrets hidden, None stays None."""
    if value is None:
        return None
    if type is ConfigType.PASSWORD or isinstance(value, Password):
        return HIDDEN
    if type is ConfigType.BOOLEAN and isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    return str(value)
