"""Names of topics and schemas. Source: Debezium's AbstractTopicNamingStrategy and SchemaNameAdjuster."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from headrace.cdc.topic_naming import NamingStrategy, legal_topic

Adjust = Callable[[str], str]


class TopicNames:
    """The topics of one logical server; characters Kafka does not take become `_`."""

    def __init__(
        self,
        prefix: str,
        delimiter: str = ".",
        *,
        heartbeat_prefix: str = "__debezium-heartbeat",
        heartbeat_name: str | None = None,
        transaction: str = "transaction",
        strategy: NamingStrategy | None = None,
    ) -> None:
        self.prefix = prefix
        self.delimiter = delimiter
        self.heartbeat = heartbeat_name or legal_topic(f"{heartbeat_prefix}{delimiter}{prefix}")
        self.transaction = legal_topic(f"{prefix}{delimiter}{transaction}")
        # The delimiter is not for this one.
        self.message = legal_topic(f"{prefix}.message")
        self.strategy = strategy or NamingStrategy()

    def _origin(self, schema: str, table: str) -> str:
        parts = (self.prefix, schema, table) if self.strategy.schema else (self.prefix, table)
        return self.delimiter.join(parts)

    def table(self, schema: str, table: str) -> str:
        """`<prefix>.<schema>.<table>`, or what the strategy makes of it."""
        return self.strategy.topic(self._origin(schema, table))

    def key_field(self, schema: str, table: str) -> tuple[str, str] | None:
        """Name and value of the field that the strategy adds to the keys of a table, None for none."""
        name = self.strategy.key_field
        return None if name is None else (name, self.strategy.identifier(self._origin(schema, table)))


def _adjuster(replace: Adjust, letters: str, others: str) -> Adjust:
    """Replaces what is not one of `letters`, or behind the first character of `others`."""
    first, later = re.compile(f"[{letters}]"), re.compile(f"[{letters}{others}]")

    def adjust(name: str) -> str:
        if not name:
            return name
        start = name[0]
        if first.fullmatch(start) is None:
            # A digit stays behind its underscore: names that differ in it alone must not become one.
            start = "_" + start if replace is _underscore and start.isdecimal() else replace(start)
        return start + "".join(char if later.fullmatch(char) else replace(char) for char in name[1:])

    return adjust


def _underscore(char: str) -> str:
    return "_" if char <= "\uffff" else "__"


def _escaped(char: str) -> str:
    # As Java has it: by UTF-16 unit, and filled up with two zeros or none.
    units = char.encode("utf-16-be", "surrogatepass").hex()
    digits = [f"{int(units[at : at + 4], 16):x}" for at in range(0, len(units), 4)]
    return "".join("_u" + ("00" + one if len(one) <= 2 else one) for one in digits)


# With avro_unicode an underscore introduces an escape, so it is escaped itself.
ADJUSTERS: Final[Mapping[str, Adjust]] = {
    "none": lambda name: name,
    "avro": _adjuster(_underscore, "A-Za-z_", "0-9."),
    "avro_unicode": _adjuster(_escaped, "A-Za-z", "0-9."),
}
"""By schema.name.adjustment.mode."""
FIELD_ADJUSTERS: Final[Mapping[str, Adjust]] = {
    "none": lambda name: name,
    "avro": _adjuster(_underscore, "A-Za-z_", "0-9"),
    "avro_unicode": _adjuster(_escaped, "A-Za-z", "0-9"),
}
"""By field.name.adjustment.mode."""
