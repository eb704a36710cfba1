"""column.propagate.source.type and datatype.propagate.source.type: the column's own type as schema parameters."""

from __future__ import annotations

import re
from typing import Final

from headrace.cdc.filters import compile_patterns
from headrace.sources.postgres.shapes import ColumnShape, TableShape
from headrace.sources.postgres.types.decimals import numeric_precision
from headrace.sources.postgres.types.registry import ResolvedType

_PREFIX: Final = "__debezium.source.column."
_LENGTHS: Final = {
    "bool": 1, "int2": 5, "int4": 10, "int8": 19, "oid": 10, "float4": 8, "float8": 17, "date": 13, "uuid": 2147483647, "char": 1,
}  # fmt: skip
_UNLIMITED: Final = 2**31 - 1
_VARIABLE_SCALE: Final = (131089, 0)


class PropagatedTypes:
    """Which columns tell their source type."""

    def __init__(self, columns: str | None, types: str | None) -> None:
        self._columns: list[re.Pattern[str]] = compile_patterns("column.propagate.source.type", columns)
        self._types: list[re.Pattern[str]] = compile_patterns("datatype.propagate.source.type", types)

    def parameters(self, table: TableShape, column: ColumnShape, type: ResolvedType) -> list[tuple[str, str]]:
        """The parameters to add, none when the column is not chosen."""
        if not self._columns and not self._types:
            return []
        name = f"{table.name}.{column.name}"
        kind = f"{table.name}.{type.declared}"
        chosen = any(p.fullmatch(name) for p in self._columns) or any(
            p.fullmatch(text) for p in self._types for text in (kind, type.declared)
        )
        if not chosen:
            return []
        length, scale = length_and_scale(type)
        shown = _serial(column, type) or type.declared
        parameters = [(f"{_PREFIX}type", shown.upper()), (f"{_PREFIX}length", str(length))]
        if scale is not None:
            parameters.append((f"{_PREFIX}scale", str(scale)))
        return [*parameters, (f"{_PREFIX}name", column.name)]


def _serial(column: ColumnShape, type: ResolvedType) -> str | None:
    if column.default and column.default.startswith("nextval("):
        return {"int2": "smallserial", "int4": "serial", "int8": "bigserial"}.get(type.declared)
    return None


def length_and_scale(type: ResolvedType) -> tuple[int, int | None]:
    """What the original's driver says of a column: how many characters or digits its values have, and their scale."""
    if type.element is not None:
        found = length_and_scale(type.element)
        return found if found != (0, None) else _VARIABLE_SCALE
    typmod, name = type.typmod, type.name
    if name == "interval":
        return 49, (6 if typmod < 0 else typmod & 0xFFFF)
    if name == "numeric":
        declared = numeric_precision(typmod)
        return declared or (_VARIABLE_SCALE if type.is_domain else (0, None))
    if name in ("varchar", "bpchar"):
        return (typmod - 4 if typmod >= 4 else _UNLIMITED), 0
    if name in ("bit", "varbit"):
        return (typmod if typmod > 0 else _UNLIMITED), 0
    if name in ("timestamp", "timestamptz", "time", "timetz"):
        digits = typmod if typmod >= 0 else 6
        base = {"timestamp": 22, "timestamptz": 28, "time": 8, "timetz": 14}[name]
        # The original's driver counts two places for one digit.
        return base + (digits + 1 + (digits == 1) if digits else 0), digits
    if name == "float4" or name == "float8":
        return _LENGTHS[name], _LENGTHS[name]
    return _LENGTHS.get(name, _UNLIMITED), 0
