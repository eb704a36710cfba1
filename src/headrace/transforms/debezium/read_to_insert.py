"""ReadToInsertEvent: rows of a snapshot become inserts. Source: io.debezium.connector.mysql.transforms.ReadToInsertEvent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headrace.config import ConfigDef
from headrace.data import Struct
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record
from headrace.transforms.debezium.envelope import event_of

_NOTHING: Final = ConfigDef()


class ReadToInsertEvent(Transform[R]):
    """A change event of operation `r` gets operation `c`; everything else passes unchanged."""

    @classmethod
    def config(cls) -> ConfigDef:
        """No settings."""
        return _NOTHING

    def configure(self, props: Mapping[str, str]) -> None:
        pass

    def apply(self, record: R) -> R | None:
        event = event_of(record, "reading the operation")
        if event is None or event.get("op") != "r":
            return record
        values = list(event.values)
        field = event.schema.field("op")
        assert field is not None
        values[field.index] = "c"
        copied = copy_record(record)
        copied.value = Struct(event.schema, values)
        return copied
