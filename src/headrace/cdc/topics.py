"""Names of topics and schemas. Source: Debezium's SchemaTopicNamingStrategy and SchemaNameAdjuster."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

MAX_TOPIC_LENGTH: Final = 249
_ILLEGAL_TOPIC: Final = re.compile(r"[^A-Za-z0-9._-]")
_ILLEGAL_AVRO: Final = re.compile(r"[^A-Za-z0-9_]")

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
    ) -> None:
        self.prefix = prefix
        self.delimiter = delimiter
        self.heartbeat = heartbeat_name or legal_topic(f"{heartbeat_prefix}{delimiter}{prefix}")
        self.transaction = legal_topic(f"{prefix}{delimiter}{transaction}")
        self.message = legal_topic(f"{prefix}{delimiter}message")

    def table(self, *parts: str) -> str:
        """`<prefix>.<schema>.<table>`."""
        return legal_topic(self.delimiter.join([self.prefix, *parts]))


def legal_topic(name: str) -> str:
    """`name` with illegal characters replaced, cut at 249 characters."""
    return _ILLEGAL_TOPIC.sub("_", name)[:MAX_TOPIC_LENGTH]


def _avro(name: str) -> str:
    return ".".join(_avro_part(part, lambda char: "_") for part in name.split("."))


def _avro_unicode(name: str) -> str:
    # An underscore introduces an escape, so it is escaped itself.
    return ".".join(_avro_part(part, lambda char: f"_u{ord(char):04x}", "_") for part in name.split("."))


def _avro_part(part: str, replace: Adjust, also: str = "") -> str:
    changed = "".join(replace(char) if _ILLEGAL_AVRO.fullmatch(char) or char in also else char for char in part)
    return replace(changed[0]) + changed[1:] if changed[:1].isdigit() else changed


ADJUSTERS: Final[Mapping[str, Adjust]] = {"none": lambda name: name, "avro": _avro, "avro_unicode": _avro_unicode}
"""By schema.name.adjustment.mode and field.name.adjustment.mode."""
