"""Fields taken out of a struct, as ExtractNewRecordState does it with Kafka's ReplaceField."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from headrace.data import Schema, Struct
from headrace.transforms.base import struct_like

_LIMIT: Final = 256


def drop_fields(struct: Struct, names: Sequence[str], only_optional: bool) -> Struct:
    """The struct without those of the named fields that may go, null fields filled with their defaults; the same struct
    when only optional fields may go and none of them is named."""
    going = {field.index for field in struct.schema.fields if field.name in names}
    if only_optional:
        going = {index for index in going if struct.schema.fields[index].schema.optional}
        if not going:
            return struct
    schema, defaults = _plan(struct.schema, going)
    kept = [value for index, value in enumerate(struct.values) if index not in going]
    if defaults is not None:
        kept = [default if value is None else value for value, default in zip(kept, defaults, strict=True)]
    return Struct(schema, kept)


def _plan(schema: Schema, going: set[int]) -> tuple[Schema, list[Any] | None]:
    key = f"debezium.drop:{sorted(going)}"
    known: tuple[Schema, list[Any] | None] | None = schema.cache.get(key)
    if known is None:
        kept = [field for field in schema.fields if field.index not in going]
        defaults = [field.schema.default for field in kept]
        filled = defaults if any(default is not None for default in defaults) else None
        known = struct_like(schema, [(field.name, field.schema) for field in kept]), filled
        # Names come from the records: the room kept on one schema must not grow without end.
        if len(schema.cache) < _LIMIT:
            schema.cache[key] = known
    return known
