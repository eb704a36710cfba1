"""Filter and ContentBasedRouter: records kept, or given a topic, by an expression. Source: io.debezium.transforms.ScriptingTransformation.

The expression is read by headrace.transforms.expressions, not run by a script engine: what these do not know is refused at validation.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.config.validators import all_of, non_empty, non_null, one_of
from headrace.data.batch import Block
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record
from headrace.transforms.blocks import grouped, one_record
from headrace.transforms.debezium.columns_read import columns_read
from headrace.transforms.expressions.failures import ExpressionRefused, refused
from headrace.transforms.expressions.language import compile_expression, language_of, reads_of
from headrace.transforms.expressions.values import GString
from headrace.transforms.patterns import java_pattern
from headrace.transforms.regex_router import valid_pattern

if TYPE_CHECKING:
    from headrace.native._core import Mask

_LIMIT: Final = 10_000


def _valid_language(name: str, value: Any) -> None:
    language_of(value)


def _valid_expression(name: str, value: Any) -> None:
    """An expression that at least one language takes; which one it must be is known when both settings are."""
    errors = []
    for language in ("groovy", "javascript"):
        try:
            compile_expression(value, language, name)
        except ExpressionRefused as error:
            errors.append(error)
    if len(errors) == 2:
        # The language that got further is most likely the one that is meant.
        raise max(errors, key=lambda error: error.position)


def _definition(setting: str, display: str, text: str) -> ConfigDef:
    return (
        ConfigDef()
        .define(
            "topic.regex",
            ConfigType.STRING,
            None,
            valid_pattern,
            Importance.LOW,
            "A regular expression for the whole topic; records of other topics pass unchanged.",
            width=Width.LONG,
            display_name="Topic regex",
        )
        .define(
            "language",
            ConfigType.STRING,
            validator=all_of(non_null, non_empty, _valid_language),
            importance=Importance.HIGH,
            documentation="The language of the expression: jsr223.groovy or jsr223.graal.js.",
            width=Width.MEDIUM,
            display_name="Expression language",
        )
        .define(
            setting,
            ConfigType.STRING,
            validator=all_of(non_null, non_empty, _valid_expression),
            importance=Importance.HIGH,
            documentation=text,
            width=Width.MEDIUM,
            display_name=display,
        )
        .define(
            "null.handling.mode",
            ConfigType.STRING,
            "keep",
            one_of("keep", "drop", "evaluate", ignore_case=True),
            Importance.LOW,
            "What becomes of a record with a null value: keep passes it, drop drops it, evaluate asks the expression.",
            width=Width.SHORT,
            display_name="Handle null records",
        )
    )


class _Scripted(Transform[R]):
    """What both share: the topics concerned and what becomes of null values."""

    definition: ClassVar[ConfigDef]
    setting: ClassVar[str]

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings."""
        return cls.definition

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for a language there is not, or an expression that is not understood."""
        language, text = props.get("language"), props.get(self.setting)
        if language and text:
            # Before the setting's own check, which does not know the language and so tells less exactly what is wrong.
            compile_expression(text, language_of(language), self.setting)
        settings = self.definition.parse(props)
        text = settings[self.setting]
        if not text.strip():
            raise refused(self.setting, text, 0, "the expression is empty")
        self._evaluate = compile_expression(text, language_of(settings["language"]), self.setting)
        self._reads = reads_of(text, language_of(settings["language"]), self.setting)
        regex: str = settings["topic.regex"] or ""
        self._topics = java_pattern(regex, "topic.regex") if regex else None
        self._known: dict[str, bool] = {}
        self._nulls: str = settings["null.handling.mode"].lower()

    def apply(self, record: R) -> R | None:
        if self._topics is not None and not self._concerns(record.topic):
            return record
        if record.value is None and self._nulls != "evaluate":
            return record if self._nulls == "keep" else None
        return self.decide(record, self._evaluate(record))

    def apply_block(self, block: Block) -> list[Block] | None:
        """Asks the expression once for all rows that are equal in what it reads."""
        if self._topics is not None and not self._concerns(block.topic):
            return [block]
        columns = columns_read(block, self._reads)
        groups = None if columns is None else grouped(columns, len(block))
        if groups is None:
            return None
        masks: dict[str, Mask] = {}
        for row, mask in groups:
            made = self.apply(one_record(block, row))  # type: ignore[arg-type]
            if made is not None:
                masks[made.topic] = masks[made.topic] | mask if made.topic in masks else mask
        return [block.filter(mask).replace(topic=topic) for topic, mask in masks.items()]

    def _concerns(self, topic: str) -> bool:
        known = self._known.get(topic)
        if known is None:
            assert self._topics is not None
            if len(self._known) >= _LIMIT:
                self._known.clear()
            known = self._known[topic] = self._topics.fullmatch(topic) is not None
        return known

    @abstractmethod
    def decide(self, record: R, result: Any) -> R | None:
        """What the expression's result makes of the record. DataException for a result of another type."""

    def wrong(self, result: Any, wanted: str) -> DataException:
        """The error for a result that cannot be used."""
        return DataException(
            f"The expression in {self.setting} must give a {wanted}, it gave a value of type {type(result).__name__}",
            code="EXPRESSION_FAILED",
        )


class Filter(_Scripted[R]):
    """Keeps the records for which the condition is true."""

    setting = "condition"
    definition = _definition(
        "condition", "Filtering condition", "The expression; a record for which it gives false is dropped."
    )

    def decide(self, record: R, result: Any) -> R | None:
        if result is True:
            return record
        if result is False:
            return None
        raise self.wrong(result, "truth value")


class ContentBasedRouter(_Scripted[R]):
    """Gives records the topic that the expression gives; null leaves the record in its topic."""

    setting = "topic.expression"
    definition = _definition(
        "topic.expression",
        "Topic name expression",
        "The expression; its text is the new topic, null keeps the old one.",
    )

    def decide(self, record: R, result: Any) -> R | None:
        if result is None:
            return record
        if not isinstance(result, str) or isinstance(result, GString):
            raise self.wrong(result, "text (in Groovy: a plain one, with toString() behind a text with placeholders)")
        copied = copy_record(record)
        copied.topic = str(result)
        return copied
