"""The declaration of single settings and of patterns of such: what `ConfigDef` is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Protocol

from headrace.config.parsing import ParseError, parse_value
from headrace.config.types import ConfigType, Password
from headrace.errors import ConfigException


class Importance(Enum):
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Width(Enum):
    """How wide a form field should be."""

    NONE = "NONE"
    SHORT = "SHORT"
    MEDIUM = "MEDIUM"
    LONG = "LONG"


class _NoDefault:
    def __repr__(self) -> str:
        return "NO_DEFAULT"


NO_DEFAULT: Final = _NoDefault()
"""Default of a key that must be given."""

Validator = Callable[[str, Any], None]
"""(name, parsed value) -> None; raises ConfigException when the value is refused. Called for None values as well."""


class Recommender(Protocol):
    """Suggests values for a key and says whether it applies, given the other parsed values."""

    def valid_values(self, name: str, parsed: Mapping[str, Any]) -> Sequence[Any]: ...

    def visible(self, name: str, parsed: Mapping[str, Any]) -> bool: ...


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """The declaration of one key; see `ConfigDef.define`."""

    name: str
    type: ConfigType
    default: Any = NO_DEFAULT
    validator: Validator | None = None
    importance: Importance = Importance.MEDIUM
    documentation: str = ""
    group: str | None = None
    order_in_group: int = -1
    width: Width = Width.NONE
    display_name: str = ""
    dependents: tuple[str, ...] = ()
    recommender: Recommender | None = None
    internal: bool = False
    no_effect: str = ""

    @property
    def required(self) -> bool:
        """True when there is no default, so that a value must be given."""
        return self.default is NO_DEFAULT


@dataclass(frozen=True, slots=True)
class KeyPattern:
    """Keys whose names hold a value, or that are passed on; see `ConfigDef.define_pattern`."""

    name: str
    regex: re.Pattern[str]
    documentation: str
    no_effect: str = ""
    listed_in: str = ""

    def matches(self, key: str, props: Mapping[str, str | None]) -> bool:
        """Whether a key is of this pattern. Where the pattern begins with an alias, the alias must be listed."""
        found = self.regex.fullmatch(key)
        return found is not None and (not self.name.startswith("<") or self._listed(found[1], props))

    def ignored(self, key: str, props: Mapping[str, str | None]) -> str:
        """Why a key of this pattern has no effect; empty when it has one."""
        found = self.regex.fullmatch(key)
        if not self.no_effect and self.listed_in and found and not self._listed(found[1], props):
            return f"{found[1]} is not listed in {self.listed_in}"
        return self.no_effect

    def _listed(self, item: str, props: Mapping[str, str | None]) -> bool:
        return item in [listed.strip() for listed in (props.get(self.listed_in) or "").split(",")]


def parse_default(key: ConfigKey) -> Any:
    """The parsed default of an optional key."""
    try:
        return parse_value(key.type, key.default)
    except ParseError as error:
        raise invalid_value(key.name, key.default, str(error)) from None


def invalid_value(name: str, value: Any, reason: str, *, secret: bool = False) -> ConfigException:
    """The error for a refused value, in the words clients of Connect parse; a secret's value is left out."""
    shown = "[hidden]" if secret or isinstance(value, Password) else value
    return ConfigException(f"Invalid value {shown} for configuration {name}: {reason}", field=name)
