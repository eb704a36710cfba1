"""topic.naming.strategy: how the topic of a table is named, and what a key says of its table where tables share a topic.

Source: Debezium's io.debezium.schema.{Schema,Default}{,Regex,Unicode}TopicNamingStrategy.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from headrace.errors import ConfigException

MAX_TOPIC_LENGTH: Final = 249
_PACKAGE: Final = "io.debezium.schema."
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9._-]")
_ILLEGAL_UNICODE: Final = re.compile(r"[^A-Za-z0-9.-]")
_PLACE: Final = re.compile(r"\\(.)|\$(\d)|\$\{(\w+)\}|(\\)", re.DOTALL)

STRATEGIES: Final = {
    f"{_PACKAGE}{base}{kind}TopicNamingStrategy": (base == "Schema", kind)
    for base in ("Schema", "Default")
    for kind in ("", "Regex", "Unicode")
}
"""Class name → whether the schema is part of the name, and which kind it is."""


class Rewrite(NamedTuple):
    """A regex over a whole name, and what replaces it."""

    pattern: re.Pattern[str]
    replacement: str

    def __call__(self, name: str) -> str:
        """The new name, `name` itself when the regex does not match it or nothing is left."""
        match = self.pattern.fullmatch(name)
        return (match.expand(self.replacement) if match else name) or name

    @classmethod
    def of(cls, key: str, pattern: str, replacement: str) -> Rewrite:
        """Of a Java regex and replacement (`$1`, `${name}`). ConfigException REGEX_INVALID with `key` as field."""
        try:
            compiled = re.compile(pattern)
            template = _PLACE.sub(_python_place, replacement)
            # Of no match, only to see that the groups it names are there.
            re.compile(f"{pattern}|").fullmatch("").expand(template)  # type: ignore[union-attr]
            return cls(compiled, template)
        except (re.error, IndexError) as error:
            raise ConfigException(
                f"Invalid value {pattern} for configuration {key}: {error}",
                code="REGEX_INVALID",
                field=key,
                remedy="Correct the expression or its replacement; $1 is the first group.",
            ) from None


def _python_place(match: re.Match[str]) -> str:
    literal, number, name, lonely = match.groups()
    if literal is not None:
        return re.escape(literal) if literal == "\\" else literal
    return "\\\\" if lonely else f"\\g<{number or name}>"


class NamingStrategy(NamedTuple):
    """`schema`: the schema is part of the name. `unicode`: illegal characters become `_uXXXX`. `rewrite`: of whole topic names.
    `key_field`: a field added to every key that names the table, None for none; `key_rewrite`: makes its value of the topic's name."""

    schema: bool = True
    unicode: bool = False
    rewrite: Rewrite | None = None
    key_field: str | None = None
    key_rewrite: Rewrite | None = None

    def topic(self, origin: str) -> str:
        """The topic for the joined name of a table."""
        legal = legal_unicode(origin) if self.unicode else legal_topic(origin)
        return self.rewrite(legal) if self.rewrite is not None else legal

    def identifier(self, origin: str) -> str:
        """The value of `key_field`."""
        return self.key_rewrite(origin) if self.key_rewrite is not None else origin


def legal_topic(name: str) -> str:
    """`name` with illegal characters replaced by `_`, cut at 249 characters."""
    return _ILLEGAL.sub("_", name)[:MAX_TOPIC_LENGTH]


def legal_unicode(name: str) -> str:
    """`name` with illegal characters, and `_`, as `_uXXXX` of their UTF-16 units, cut at 249 characters."""
    return _ILLEGAL_UNICODE.sub(lambda match: _escaped(match[0]), name)[:MAX_TOPIC_LENGTH]


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"_u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
