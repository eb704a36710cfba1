"""What validating a connector's configuration has found so far: definitions, values, and errors at the keys they are about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from headrace.config import ConfigDef, ConfigKey, ConfigValue


class Findings:
    """Definitions with their values, in order; `value` finds the entry of a key, to add an error."""

    def __init__(self) -> None:
        self.entries: list[tuple[ConfigKey | None, ConfigValue]] = []
        self._by_name: dict[str, ConfigValue] = {}

    def add(self, key: ConfigKey | None, value: ConfigValue, *, first: bool = False) -> None:
        if value.name not in self._by_name:
            self._by_name[value.name] = value
            self.entries.insert(0 if first else len(self.entries), (key, value))

    def add_def(self, definition: ConfigDef, values: Iterable[ConfigValue]) -> None:
        for value in values:
            self.add(definition.get(value.name), value)

    def error(self, name: str, text: str, given: str | None = None) -> None:
        """An error at a key; a key without definition gets an entry of its own."""
        if name not in self._by_name:
            self.add(None, ConfigValue(name, given))
        value = self._by_name[name]
        if text not in value.errors:
            value.errors.append(text)

    def known(self, name: str) -> bool:
        return name in self._by_name

    def value(self, name: str) -> Any:
        found = self._by_name.get(name)
        return found.value if found is not None and not found.errors else None

    def settle(self, name: str, value: Any, *, visible: bool = True) -> None:
        """What a form shows for a key instead of what was parsed."""
        if name in self._by_name:
            self._by_name[name].value, self._by_name[name].visible = value, visible

    def recommend(self, name: str, values: Sequence[str]) -> None:
        if (found := self._by_name.get(name)) is not None and not found.recommended_values:
            found.recommended_values = list(values)
