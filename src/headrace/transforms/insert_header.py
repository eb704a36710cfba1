"""InsertHeader: adds a header with a fixed value. Source: org.apache.kafka.connect.transforms.InsertHeader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import non_null
from headrace.data import Header
from headrace.data.batch import Block
from headrace.data.values import parse_text
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record


class InsertHeader(Transform[R]):
    """The literal is read as header text is: `5` is an INT8, `true` a BOOLEAN, `[1,2]` an ARRAY, `2020-01-02` a Date."""

    definition: Final = (
        ConfigDef()
        .define(
            "header",
            ConfigType.STRING,
            validator=non_null,
            importance=Importance.HIGH,
            documentation="The header's name.",
        )
        .define(
            "value.literal",
            ConfigType.STRING,
            validator=non_null,
            importance=Importance.HIGH,
            documentation="The header's value on every record, written as header text.",
        )
    )

    @classmethod
    def config(cls) -> ConfigDef:
        """`header` and `value.literal`."""
        return cls.definition

    def configure(self, props: Mapping[str, str]) -> None:
        settings = self.definition.parse(props)
        schema, value = parse_text(settings["value.literal"])
        self._header = Header(settings["header"], schema, value)

    def apply(self, record: R) -> R | None:
        copied = copy_record(record)
        copied._headers = (*record.header_items, self._header)
        return copied

    def apply_block(self, block: Block) -> list[Block] | None:
        return [block.replace(headers=(*block.headers, self._header))]
