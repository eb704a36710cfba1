"""SchemaChangeEventFilter: drops the schema changes of given kinds. Source: io.debezium.transforms.SchemaChangeEventFilter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.config.validators import non_null
from headrace.data import Schema
from headrace.data.batch import Block
from headrace.errors import ConfigException, DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import require_struct

_SETTING: Final = "schema.change.event.exclude.list"
_KINDS: Final = ("CREATE", "ALTER", "DROP", "TRUNCATE", "DATABASE")
CONFIG: Final = ConfigDef().define(
    _SETTING,
    ConfigType.STRING,
    validator=non_null,
    importance=Importance.HIGH,
    documentation=f"The kinds to drop, of {', '.join(_KINDS)}.",
    width=Width.SHORT,
    display_name="Schema change event exclude list",
)


class SchemaChangeEventFilter(Transform[R]):
    """A schema change is of the kind of its first table change; without any it is of kind DATABASE. One that tells no table
    changes is dropped, and all that is no schema change passes, as in the original."""

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for a kind there is not."""
        text: str = CONFIG.parse(props)[_SETTING]
        self._excluded = frozenset(item.strip() for item in text.split(","))
        for kind in self._excluded - set(_KINDS):
            raise ConfigException(
                f"Invalid value {kind} for configuration {_SETTING}: there is no such kind of schema change",
                field=_SETTING,
                remedy=f"Give some of {', '.join(_KINDS)}.",
            )

    def apply(self, record: R) -> R | None:
        if record.value is None or not _is_schema_change(record.value_schema):
            return record
        changes: Any = require_struct(record.value, "Read schema change event to filter").get("tableChanges")
        if changes is None:
            return None
        kind = changes[0].get("type") if changes else "DATABASE"
        if kind not in _KINDS:
            raise DataException(f"{kind} is no kind of schema change")
        return None if kind in self._excluded else record

    def apply_block(self, block: Block) -> list[Block] | None:
        return None if _is_schema_change(block.value_schema) else [block]


def _is_schema_change(schema: Schema | None) -> bool:
    return schema is not None and (schema.name or "").endswith((".SchemaChangeValue", ".SchemaChangeKey"))
