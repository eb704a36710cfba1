"""The include and exclude lists of TimezoneConverter: which fields of which table or topic.

Source: io.debezium.transforms.TimezoneConverter (Debezium 3.6).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from headrace.errors import ConfigException

_WORD: Final = r'[".\w\s]+'
_FORM: Final = re.compile(rf"\[(?:source|topic|{_WORD}):(?:{_WORD}(?::{_WORD})?(?:,|\]\Z))+", re.ASCII)
_HELP: Final = "Give rules of the forms source:<table>, source:<table>:<field>, topic:<topic>, topic:<topic>:<field>, <name>:<field>."

Chooses = Callable[[str], bool]


class Choice(NamedTuple):
    """What of an event is converted: a test of field names for `before`, `after` and `source`; None leaves the struct alone."""

    before: Chooses | None
    after: Chooses | None
    source: Chooses | None


class Rules:
    """The parsed rules. ConfigException for a list of another form, or for two lists."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        for setting, items in (("include.list", include), ("exclude.list", exclude if not include else ())):
            if items and _FORM.fullmatch(f"[{', '.join(items)}]") is None:
                raise ConfigException(
                    f"Invalid value {','.join(items)} for configuration {setting}: these are no rules",
                    field=setting,
                    remedy=_HELP,
                )
        if include and exclude:
            raise ConfigException(
                "Both include and exclude lists are specified. Please specify only one.", field="exclude.list"
            )
        self._excluding = bool(exclude)
        self._any = bool(include or exclude)
        self._topics: dict[str, set[str]] = {}
        self._tables: dict[str, set[str]] = {}
        self._names: dict[str, set[str]] = {}
        self._collect(exclude or include)

    def _collect(self, items: Sequence[str]) -> None:
        common = ""
        for item in items:
            parts = item.split(":")
            prefixed = len(parts) > 1 and parts[0].lower() in ("source", "topic")
            # A prefix holds for the rules behind it that have none.
            common = parts[0] if prefixed else common
            name, *field = parts[1:] if prefixed else parts
            by_name = {"topic": self._topics, "source": self._tables}.get(common, self._names)
            by_name.setdefault(name, set()).update(field[:1])

    def choice(self, table: str | None, topic: str) -> Choice | None:
        """What to convert in events of that table and topic; None for nothing."""
        if not self._any:
            return _everything()
        named = self._topics.get(topic)
        for by_name, name in ((self._tables, table), (self._names, topic), (self._names, table)):
            if named is None and name is not None:
                named = by_name.get(name)
        if named is None:
            return _everything() if self._excluding else None
        if not named:
            return None if self._excluding else _everything()
        return _fields(named, self._excluding)


def _everything() -> Choice:
    return Choice(lambda name: True, lambda name: True, None)


def _fields(fields: set[str], excluding: bool) -> Choice:
    sides: dict[str, set[str]] = {"source": set(), "before": set(), "after": set()}
    for field in fields:
        side, dot, name = field.partition(".")
        if dot and side in sides:
            sides[side].add(name)
        else:
            sides["before"].add(field)
            sides["after"].add(field)

    def chosen(names: set[str]) -> Chooses:
        return (lambda name: name not in names) if excluding else (lambda name: name in names)

    return Choice(chosen(sides["before"]), chosen(sides["after"]), chosen(sides["source"]) if sides["source"] else None)
