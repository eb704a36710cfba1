"""Column types: PostgreSQL's from the answer to a query, as pgjdbc names them; those of others from SQLAlchemy's reflection."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import types
from sqlalchemy.dialects.mysql import TINYINT

from headrace.systems.sql.types import Column, Kind

_POSTGRES: Final = {
    "bool": Kind.BOOLEAN,
    "int2": Kind.INT16,
    "int4": Kind.INT32,
    "int8": Kind.INT64,
    "oid": Kind.INT64,
    "float4": Kind.FLOAT32,
    "float8": Kind.FLOAT64,
    "numeric": Kind.NUMERIC,
    "text": Kind.STRING,
    "varchar": Kind.STRING,
    "bpchar": Kind.STRING,
    "char": Kind.STRING,
    "name": Kind.STRING,
    "json": Kind.STRING,
    "jsonb": Kind.STRING,
    "uuid": Kind.STRING,
    "xml": Kind.STRING,
    "bytea": Kind.BYTES,
    "date": Kind.DATE,
    "time": Kind.TIME,
    "timetz": Kind.TIME,
    "timestamp": Kind.TIMESTAMP,
    "timestamptz": Kind.TIMESTAMP,
}
_UNCONSTRAINED: Final = 65535
"""What libpq's driver shows as the precision of a numeric without one."""

_WIDER: Final = {Kind.INT8: Kind.INT16, Kind.INT16: Kind.INT32, Kind.INT32: Kind.INT64}
"""What MySQL's integers become that have no sign."""

_REFLECTED: Final[tuple[tuple[type[Any], Kind], ...]] = (
    (TINYINT, Kind.INT8),
    (types.Boolean, Kind.BOOLEAN),
    (types.SmallInteger, Kind.INT16),
    (types.BigInteger, Kind.INT64),
    (types.Integer, Kind.INT32),
    (types.REAL, Kind.FLOAT32),
    (types.Float, Kind.FLOAT64),
    (types.Numeric, Kind.NUMERIC),
    (types.DateTime, Kind.TIMESTAMP),
    (types.Date, Kind.DATE),
    (types.Time, Kind.TIME),
    (types.JSON, Kind.STRING),
    (types.Uuid, Kind.STRING),
    (types.String, Kind.STRING),
    (types.LargeBinary, Kind.BYTES),
    (types.BINARY, Kind.BYTES),
    (types.VARBINARY, Kind.BYTES),
    (types.NullType, Kind.UNKNOWN),
)


def from_postgres(description: Any, names_of_types: Any, enums: frozenset[int]) -> list[Column]:
    """From psycopg's description of a result; every column may be null as far as it says."""
    columns = []
    for item in description:
        info = names_of_types.get(item.type_code)
        type_name = info.name if info is not None else str(item.type_code)
        kind = _POSTGRES.get(type_name, Kind.UNSUPPORTED)
        if info is not None and item.type_code == info.array_oid:
            kind = Kind.UNSUPPORTED
        elif kind is Kind.UNSUPPORTED and item.type_code in enums:
            kind = Kind.STRING
        precision, scale = item.precision, item.scale
        if kind is not Kind.NUMERIC or precision in (None, _UNCONSTRAINED):
            precision = scale = None
        columns.append(Column(item.name, kind, type_name, precision, scale))
    return columns


def from_reflection(dialect: str, described: Any) -> list[Column]:
    """From SQLAlchemy's description of a table."""
    columns = []
    for item in described:
        type_ = item["type"]
        kind = next((kind for base, kind in _REFLECTED if isinstance(type_, base)), Kind.UNSUPPORTED)
        if kind in _WIDER and dialect == "sqlite":
            # SQLite's integers have 64 bits whatever they are called.
            kind = Kind.INT64
        elif getattr(type_, "unsigned", False):
            kind = _WIDER.get(kind, kind)
        if kind is Kind.FLOAT32 and dialect in ("sqlite", "mysql", "mariadb"):
            kind = Kind.FLOAT64
        is_numeric = kind is Kind.NUMERIC
        primary = bool(item.get("primary_key"))
        columns.append(
            Column(
                item["name"],
                kind,
                str(type_),
                getattr(type_, "precision", None) if is_numeric else None,
                (getattr(type_, "scale", None) or 0) if is_numeric and getattr(type_, "precision", None) else None,
                bool(item.get("nullable", True)),
                item.get("autoincrement") is True
                or bool(item.get("identity"))
                or "nextval(" in str(item.get("default") or "")
                or (dialect == "sqlite" and primary and str(type_) == "INTEGER"),
            )
        )
    return columns
