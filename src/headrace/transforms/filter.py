"""Filter: drops every record it is applied to; meant to stand behind a predicate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headrace.config import ConfigDef
from headrace.data.batch import Block
from headrace.spi.transform import R, Transform

_NOTHING: Final = ConfigDef()


class Filter(Transform[R]):
    """Source: org.apache.kafka.connect.transforms.Filter."""

    @classmethod
    def config(cls) -> ConfigDef:
        """No settings."""
        return _NOTHING

    def configure(self, props: Mapping[str, str]) -> None:
        pass

    def apply(self, record: R) -> R | None:
        return None

    def apply_block(self, block: Block) -> list[Block] | None:
        return []
