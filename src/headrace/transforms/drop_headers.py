"""DropHeaders: removes headers by name. Source: org.apache.kafka.connect.transforms.DropHeaders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data.batch import Block
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record
from headrace.transforms.lists import filled_list, without_repeats


class DropHeaders(Transform[R]):
    """Every header of one of the names goes; a record without one passes as it is."""

    definition: Final = ConfigDef().define(
        "headers",
        ConfigType.LIST,
        validator=filled_list,
        importance=Importance.HIGH,
        documentation="Names of the headers to remove.",
    )

    @classmethod
    def config(cls) -> ConfigDef:
        """`headers`."""
        return cls.definition

    def configure(self, props: Mapping[str, str]) -> None:
        self._names = frozenset(without_repeats(self.definition.parse(props)["headers"]))

    def apply(self, record: R) -> R | None:
        items = record.header_items
        kept = tuple(header for header in items if header.key not in self._names)
        if len(kept) == len(items):
            return record
        copied = copy_record(record)
        copied._headers = kept
        return copied

    def apply_block(self, block: Block) -> list[Block] | None:
        return [block.replace(headers=tuple(header for header in block.headers if header.key not in self._names))]
