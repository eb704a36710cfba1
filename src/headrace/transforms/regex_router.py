"""RegexRouter: a new topic by regular expression. Source: org.apache.kafka.connect.transforms.RegexRouter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.keys import Validator, invalid_value
from headrace.data.batch import Block
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record
from headrace.transforms.patterns import java_pattern, java_replacement

_LIMIT: Final = 10_000


def valid_pattern(name: str, value: str | None) -> None:
    """Validator: a Java regular expression that has an equal here."""
    if value is not None:
        java_pattern(value, name)


def _given_pattern(name: str, value: Any) -> None:
    if value is None:
        raise invalid_value(name, None, "Invalid regex")
    valid_pattern(name, value)


_VALID: Final[Validator] = _given_pattern


class RegexRouter(Transform[R]):
    """If the whole topic matches `regex`, its first match is replaced; else the record passes unchanged."""

    @classmethod
    def config(cls) -> ConfigDef:
        """`regex` and `replacement`."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for an expression or a replacement that is refused."""
        settings = CONFIG.parse(props)
        self._pattern = java_pattern(settings["regex"], "regex")
        self._template = java_replacement(settings["replacement"], self._pattern, "replacement")
        self._topics: dict[str, str] = {}

    def _topic(self, topic: str) -> str:
        known = self._topics.get(topic)
        if known is None:
            known = topic
            if self._pattern.fullmatch(topic) is not None:
                known = self._pattern.sub(lambda match: match.expand(self._template), topic, count=1)
            if len(self._topics) >= _LIMIT:
                self._topics.clear()
            self._topics[topic] = known
        return known

    def apply(self, record: R) -> R | None:
        topic = self._topic(record.topic)
        if topic == record.topic:
            return record
        copied = copy_record(record)
        copied.topic = topic
        return copied

    def apply_batch(self, records: Sequence[R]) -> list[R | None]:
        result: list[R | None] = []
        old = new = ""
        for record in records:
            if record.topic != old:
                old, new = record.topic, self._topic(record.topic)
            if new == old:
                result.append(record)
            else:
                copied = copy_record(record)
                copied.topic = new
                result.append(copied)
        return result

    def apply_block(self, block: Block) -> list[Block] | None:
        topic = self._topic(block.topic)
        return [block if topic == block.topic else block.replace(topic=topic)]


CONFIG: Final = (
    ConfigDef()
    .define(
        "regex",
        ConfigType.STRING,
        validator=_VALID,
        importance=Importance.HIGH,
        documentation="Regular expression that the whole topic must match.",
    )
    .define(
        "replacement",
        ConfigType.STRING,
        importance=Importance.HIGH,
        documentation="Replacement, with $1 or ${name} for groups.",
    )
)
