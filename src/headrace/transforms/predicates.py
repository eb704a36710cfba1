"""Kafka's three predicates. Source: org.apache.kafka.connect.transforms.predicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.native._core import Mask
from collections.abc import Mapping
from typing import Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import all_of, non_empty, non_null
from headrace.data.batch import Block
from headrace.data.columns import same
from headrace.spi.transform import Predicate, R
from headrace.transforms.patterns import java_pattern
from headrace.transforms.regex_router import valid_pattern

_NOTHING: Final = ConfigDef()


class HasHeaderKey(Predicate[R]):
    """True when the record has a header of the configured name."""

    definition: Final = ConfigDef().define(
        "name",
        ConfigType.STRING,
        validator=all_of(non_null, non_empty),
        importance=Importance.MEDIUM,
        documentation="The header name.",
    )

    @classmethod
    def config(cls) -> ConfigDef:
        """`name`."""
        return cls.definition

    def configure(self, props: Mapping[str, str]) -> None:
        self._name: str = self.definition.parse(props)["name"]

    def test(self, record: R) -> bool:
        return any(header.key == self._name for header in record.header_items)

    def test_block(self, block: Block) -> Mask | None:
        return same(len(block), any(header.key == self._name for header in block.headers))


class RecordIsTombstone(Predicate[R]):
    """True when the record's value is null."""

    @classmethod
    def config(cls) -> ConfigDef:
        """No settings."""
        return _NOTHING

    def configure(self, props: Mapping[str, str]) -> None:
        pass

    def test(self, record: R) -> bool:
        return record.value is None

    def test_block(self, block: Block) -> Mask | None:
        return same(len(block), True) if block.value is None else ~block.value.valid()


class TopicNameMatches(Predicate[R]):
    """True when the whole topic matches the configured Java regular expression."""

    definition: Final = ConfigDef().define(
        "pattern",
        ConfigType.STRING,
        validator=all_of(non_empty, valid_pattern),
        importance=Importance.MEDIUM,
        documentation="A Java regular expression for the whole topic.",
    )

    @classmethod
    def config(cls) -> ConfigDef:
        """`pattern`."""
        return cls.definition

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for an expression that is refused."""
        self._pattern = java_pattern(self.definition.parse(props)["pattern"], "pattern")

    def test(self, record: R) -> bool:
        return self._pattern.fullmatch(record.topic) is not None

    def test_block(self, block: Block) -> Mask | None:
        return same(len(block), self._pattern.fullmatch(block.topic) is not None)
