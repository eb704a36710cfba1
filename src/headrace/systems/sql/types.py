"""Columns as far as a reader must know them, whatever the database calls their types."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a column holds."""

    BOOLEAN = "boolean"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    NUMERIC = "numeric"
    STRING = "string"
    BYTES = "bytes"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    UNKNOWN = "unknown"
    """Nothing is said: what the values are decides."""
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Column:
    """`precision`, `scale`: of NUMERIC; None where the database does not fix them."""

    name: str
    kind: Kind
    type_name: str
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True
    auto_increment: bool = False


class TableName(NamedTuple):
    """A table; `schema` None where the database has none, or uses its default."""

    schema: str | None
    name: str

    @property
    def full(self) -> str:
        """`schema.name`, as Confluent's offsets name a table."""
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @classmethod
    def parse(cls, text: str) -> TableName:
        """The reverse of `full`; quotes around the parts are taken off."""
        parts = [part.strip('"`[]') for part in text.split(".")]
        return cls(".".join(parts[:-1]) or None, parts[-1])
