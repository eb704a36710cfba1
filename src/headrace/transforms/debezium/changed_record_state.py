"""ExtractChangedRecordState: the names of the columns an update changed, and of those it did not, as headers.

Source: io.debezium.transforms.ExtractChangedRecordState (Debezium 3.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.data import OPTIONAL_STRING_SCHEMA, Header, Schema, SchemaBuilder
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record, require_struct
from headrace.transforms.debezium.envelope import event_of
from headrace.transforms.expressions.values import java_equals

CONFIG: Final = (
    ConfigDef()
    .define(
        "header.changed.name",
        ConfigType.STRING,
        None,
        importance=Importance.LOW,
        documentation="The header for the names of the changed columns; without it none is added.",
        width=Width.LONG,
        display_name="Header change name.",
    )
    .define(
        "header.unchanged.name",
        ConfigType.STRING,
        None,
        importance=Importance.LOW,
        documentation="The header for the names of the columns that stayed; without it none is added.",
        width=Width.LONG,
        display_name="Header unchanged name.",
    )
)


class ExtractChangedRecordState(Transform[R]):
    """Every change event gets the headers, with empty lists where there are not both rows. Others pass unchanged."""

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        settings = CONFIG.parse(props)
        self._changed: str = settings["header.changed.name"] or ""
        self._unchanged: str = settings["header.unchanged.name"] or ""
        self._changed_schema = _names(self._changed)
        self._unchanged_schema = _names(self._unchanged)

    def apply(self, record: R) -> R | None:
        event = event_of(record, "Record value should be struct.")
        if event is None:
            return record
        after, before = event.get("after"), event.get("before")
        changed: list[str] = []
        unchanged: list[str] = []
        if after is not None and before is not None:
            new, old = (require_struct(row, "comparing rows") for row in (after, before))
            same_fields = new.schema is old.schema or [f.name for f in new.schema.fields] == [
                f.name for f in old.schema.fields
            ]
            for field, value in zip(new.schema.fields, new.values, strict=True):
                former = old.values[field.index] if same_fields else old.get_without_default(field.name)
                (unchanged if java_equals(value, former) else changed).append(field.name)
        headers = list(record.header_items)
        if self._changed.strip():
            headers.append(Header(self._changed, self._changed_schema, changed))
        if self._unchanged.strip():
            headers.append(Header(self._unchanged, self._unchanged_schema, unchanged))
        copied = copy_record(record)
        copied._headers = tuple(headers)
        return copied


def _names(name: str) -> Schema:
    return SchemaBuilder.array(OPTIONAL_STRING_SCHEMA).optional().name(name).build()
