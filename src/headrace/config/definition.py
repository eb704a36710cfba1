"""ConfigDef: a component's settings, declared once.

Parsing, validation, the REST definitions, reference pages and `config check` are all made from the declaration.
Source: org.apache.kafka.common.config.ConfigDef (Kafka 4.3) and the observed behaviour of /validate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, Protocol

from headrace.config.parsing import ParseError, parse_value, render_value
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


@dataclass(slots=True)
class ConfigValue:
    """The outcome of validating one key: parsed value, suggestions, error texts (empty = fine), visibility."""

    name: str
    value: Any = None
    recommended_values: list[Any] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    visible: bool = True

    def add_error(self, text: str) -> None:
        self.errors.append(text)


class ConfigDef:
    """An ordered set of `ConfigKey`s. `define` returns self, so that declarations chain."""

    def __init__(self, keys: Iterable[ConfigKey] = ()) -> None:
        self._keys: dict[str, ConfigKey] = {}
        self._patterns: list[KeyPattern] = []
        for key in keys:
            self.add(key)

    def add(self, key: ConfigKey) -> ConfigDef:
        """Add a declared key. ConfigException if the name is already defined or its default is refused."""
        if key.name in self._keys:
            raise ConfigException(f"Configuration {key.name} is defined twice.", field=key.name)
        if not key.required and key.default is not None:
            parsed = parse_default(key)
            if key.validator is not None:
                key.validator(key.name, parsed)
        self._keys[key.name] = key
        return self

    def define(
        self,
        name: str,
        type: ConfigType,
        default: Any = NO_DEFAULT,
        validator: Validator | None = None,
        importance: Importance = Importance.MEDIUM,
        documentation: str = "",
        *,
        group: str | None = None,
        order_in_group: int = -1,
        width: Width = Width.NONE,
        display_name: str | None = None,
        dependents: Sequence[str] = (),
        recommender: Recommender | None = None,
        internal: bool = False,
        no_effect: str = "",
    ) -> ConfigDef:
        """Declare a key.

        `default`: a value of the type or its text; None = optional without value; NO_DEFAULT = required.
        `validator`: see `Validator`, ready ones in `headrace.config.validators`.
        `group`, `order_in_group`, `width`, `display_name`, `dependents`, `recommender` serve forms.
        `no_effect`: why the key is accepted and does nothing; `config check` says so.
        """
        if order_in_group < 0 and group is not None:
            order_in_group = 1 + sum(1 for key in self._keys.values() if key.group == group)
        return self.add(
            ConfigKey(
                name,
                type,
                default,
                validator,
                importance,
                documentation,
                group,
                order_in_group,
                width,
                display_name or name,
                tuple(dependents),
                recommender,
                internal,
                no_effect,
            )
        )

    def define_pattern(
        self, name: str, documentation: str, *, regex: str | None = None, no_effect: str = "", listed_in: str = ""
    ) -> ConfigDef:
        """Declare keys that are no single name, for `config check` and the reference; parsing leaves them alone.

        `name`: how it is shown, such as `driver.*` or `<alias>.*`. `regex`: what the whole key must match; by default `*` stands
        for any text. `no_effect`: why such keys do nothing. `listed_in`: the key that must list the regex's first group.
        """
        pattern = regex if regex is not None else re.escape(name).replace(r"\*", ".+")
        self._patterns.append(KeyPattern(name, re.compile(pattern), documentation, no_effect, listed_in))
        return self

    def patterns(self) -> list[KeyPattern]:
        """The declared patterns, in order."""
        return list(self._patterns)

    def embed(self, other: ConfigDef, *, prefix: str = "", group: str | None = None) -> ConfigDef:
        """Add all keys of `other`, each name with `prefix` before it, under `group` when given."""
        for key in other:
            self.add(
                replace(
                    key,
                    name=prefix + key.name,
                    group=group or key.group,
                    dependents=tuple(prefix + name for name in key.dependents),
                )
            )
        return self

    def __iter__(self) -> Iterator[ConfigKey]:
        return iter(self._keys.values())

    def __contains__(self, name: object) -> bool:
        return name in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, name: str) -> ConfigKey | None:
        return self._keys.get(name)

    def names(self) -> list[str]:
        return list(self._keys)

    def in_form_order(self) -> list[ConfigKey]:
        """As Connect lists a plugin's keys in a form: by group in order of first use and place in it, then required keys, then by
        importance and name. Source: ConfigDef.sortedConfigs."""
        groups = {group: rank for rank, group in enumerate(self.groups(), 1)}
        importance = list(Importance)
        return sorted(
            self,
            key=lambda key: (
                groups.get(key.group or "", 0),
                key.order_in_group,
                not key.required,
                importance.index(key.importance),
                key.name,
            ),
        )

    def groups(self) -> list[str]:
        """The groups in order of first use."""
        return list(dict.fromkeys(key.group for key in self if key.group))

    def parse(self, props: Mapping[str, Any]) -> dict[str, Any]:
        """Every key's parsed value, defaults filled in; unknown keys ignored.

        ConfigException for the first missing or refused value, with `field` set.
        """
        result: dict[str, Any] = {}
        for key in self:
            value = self._parse_one(key, props)
            if key.validator is not None:
                key.validator(key.name, value)
            result[key.name] = value
        return result

    def _parse_one(self, key: ConfigKey, props: Mapping[str, Any]) -> Any:
        if key.name in props:
            try:
                return parse_value(key.type, props[key.name])
            except ParseError as error:
                raise invalid_value(
                    key.name, props[key.name], str(error), secret=key.type is ConfigType.PASSWORD
                ) from None
        if key.required:
            raise ConfigException(
                f'Missing required configuration "{key.name}" which has no default value.',
                code="CONFIG_MISSING",
                field=key.name,
            )
        return parse_default(key)

    def validate(self, props: Mapping[str, Any]) -> list[ConfigValue]:
        """A `ConfigValue` per key, in order, with all errors of all keys; never raises for bad input."""
        values: dict[str, ConfigValue] = {}
        for key in self:
            outcome = ConfigValue(key.name)
            values[key.name] = outcome
            try:
                outcome.value = self._parse_one(key, props)
            except ConfigException as error:
                outcome.add_error(error.message)
            # As Connect does, even where the value is missing or cannot be parsed.
            if key.validator is not None:
                try:
                    key.validator(key.name, outcome.value)
                except ConfigException as error:
                    outcome.add_error(error.message)
        parsed = {name: outcome.value for name, outcome in values.items()}
        for key in self:
            if key.recommender is not None:
                values[key.name].recommended_values = list(key.recommender.valid_values(key.name, parsed))
                values[key.name].visible = key.recommender.visible(key.name, parsed)
        return list(values.values())


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


__all__ = [
    "NO_DEFAULT",
    "ConfigDef",
    "ConfigKey",
    "ConfigType",
    "ConfigValue",
    "Importance",
    "KeyPattern",
    "Password",
    "Recommender",
    "Validator",
    "Width",
    "invalid_value",
    "render_value",
]
