"""Include and exclude lists: which tables, columns, prefixes are captured.

Lists are regular expressions separated by commas (a comma inside is written `\\,`), matched against the whole name, upper and
lower case alike. Source: Debezium's io.debezium.function.Predicates and Selectors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from headrace.errors import ConfigException

_COMMA = re.compile(r"(?<!\\),")


def split_patterns(text: str | None) -> list[str]:
    """The elements of a list with escaped commas; blanks around them and empty elements are dropped."""
    if not text:
        return []
    return [part.strip().replace("\\,", ",") for part in _COMMA.split(text) if part.strip()]


def compile_patterns(key: str, text: str | None) -> list[re.Pattern[str]]:
    """The compiled list of setting `key`. ConfigException REGEX_INVALID naming the key."""
    compiled = []
    for pattern in split_patterns(text):
        try:
            compiled.append(re.compile(pattern, re.IGNORECASE))
        except re.error as error:
            raise ConfigException(
                f"Invalid value {text} for configuration {key}: {pattern!r} is no regular expression: {error}",
                code="REGEX_INVALID",
                field=key,
                remedy="Correct the expression; a comma inside one is written \\,.",
            ) from None
    return compiled


class NameFilter:
    """Accepts a name by an include or an exclude list; without either everything. Results are remembered."""

    def __init__(self, include: Iterable[re.Pattern[str]] = (), exclude: Iterable[re.Pattern[str]] = ()) -> None:
        self._include = list(include)
        self._exclude = list(exclude)
        self._known: dict[str, bool] = {}

    @classmethod
    def of(cls, props: Callable[[str], str | None], include: str, exclude: str) -> NameFilter:
        """From the settings named `include` and `exclude`. ConfigException when both are given."""
        if props(include) and props(exclude):
            raise ConfigException(
                f"{include} and {exclude} are both set; only one of them may be.",
                code="FILTERS_EXCLUSIVE",
                field=exclude,
                remedy=f"Remove {include} or {exclude}.",
            )
        return cls(compile_patterns(include, props(include)), compile_patterns(exclude, props(exclude)))

    @property
    def everything(self) -> bool:
        """True when there is no list, so that all names pass."""
        return not self._include and not self._exclude

    def __call__(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._decide(name)
        return known

    def _decide(self, name: str) -> bool:
        if self._include:
            return any(pattern.fullmatch(name) for pattern in self._include)
        return not any(pattern.fullmatch(name) for pattern in self._exclude)


class MessageKeys:
    """message.key.columns: `tableRegex:col1,col2;tableRegex2:col`."""

    def __init__(self, key: str, text: str | None) -> None:
        self._rules: list[tuple[re.Pattern[str], tuple[str, ...]]] = []
        for rule in filter(None, (part.strip() for part in (text or "").split(";"))):
            table, _, names = rule.rpartition(":")
            columns = tuple(name.strip() for name in names.split(",") if name.strip())
            if not table or not columns:
                raise ConfigException(
                    f"Invalid value {text} for configuration {key}: {rule!r} is not table:column,column",
                    code="MESSAGE_KEY_COLUMNS_INVALID",
                    field=key,
                    remedy="Write tableRegex:column1,column2 and separate rules by semicolons.",
                )
            self._rules.extend((pattern, columns) for pattern in compile_patterns(key, table))

    def columns(self, *names: str) -> tuple[str, ...] | None:
        """The key columns of a table known by these names, None when no rule speaks of it."""
        for pattern, columns in self._rules:
            if any(pattern.fullmatch(name) for name in names):
                return columns
        return None
