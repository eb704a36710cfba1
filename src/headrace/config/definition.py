"""ConfigDef: a component's settings, declared once.

Parsing, validation, the REST definitions, reference pages and `config check` are all made from the declaration.
Source: org.apache.kafka.common.config.ConfigDef (Kafka 4.3) and the observed behaviour of /validate.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from headrace.config.keys import (
    NO_DEFAULT,
    ConfigKey,
    Importance,
    KeyPattern,
    Recommender,
    Validator,
    Width,
    invalid_value,
    parse_default,
)
from headrace.config.parsing import ParseError, parse_value
from headrace.config.types import ConfigType
from headrace.errors import ConfigException


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
        self._in_group: Counter[str] = Counter()
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
        if key.group is not None:
            self._in_group[key.group] += 1
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
            order_in_group = 1 + self._in_group[group]
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
