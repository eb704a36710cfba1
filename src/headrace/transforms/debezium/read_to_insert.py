"""ReadToInsertEvent: rows of a snapshot become inserts. Source: io.debezium.connector.mysql.transforms.ReadToInsertEvent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headrace.config import ConfigDef
from headrace.data import Struct, Type
from headrace.data.batch import Block
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record
from headrace.transforms.blocks import side_of, structs_of
from headrace.transforms.debezium.envelope import event_of, is_envelope

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

    def apply_block(self, block: Block) -> list[Block] | None:
        if block.value is None or not is_envelope(block.value_schema):
            return [block]
        structs = structs_of(side_of(block, is_key=False))
        field = None if structs is None else structs.schema.field("op")
        if structs is None or field is None or field.schema.type is not Type.STRING:
            return None
        fields = structs.column.fields(len(structs.schema.fields))
        # A field without a value is read as its default.
        [op] = structs.column.read(structs.layout, [field.index], defaults=True, check=False)
        reads = op.equals(b"r")
        if not reads.any():
            return [block]
        fields[field.index] = fields[field.index].put(structs.layout.fields[field.index], "c", reads)
        return [block.replace(value=structs.column.rebuilt(fields))]
