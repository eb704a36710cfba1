"""Source of the expressions that turn one value into one field of a binary COPY row.

For a kind of value and a column type there is a binary form, or the value goes as text and is cast by the server. The
expressions use the names of `NAMESPACE`; `{v}` stands for the value, which is not None.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal
from struct import Struct as Packer
from typing import Any, Final

from headrace.data import Schema
from headrace.data.logical import schema_scale
from headrace.sinks.postgres import moments, values
from headrace.sinks.postgres.kinds import STRINGS, bit_length, kind_of

NAMESPACE: Final[dict[str, Any]] = {
    "N": values.NULL,
    "PL": values.pack_len,
    "TS": moments.timestamp_piece,
    "DATE": moments.date_piece,
    "DTUS": moments.datetime_us,
    "ISOUS": moments.iso_us,
    "ISODAYS": moments.iso_days,
    "TIMEUS": moments.time_us,
    "TIMETZ": moments.timetz_piece,
    "NSUS": moments.ns_us,
    "CLOCK": moments.clock_us,
    "INTERVAL": values.interval_piece,
    "NUM": values.numeric_piece,
    "LOOSE": values.loose_numeric_piece,
    "VSD": values.variable_decimal,
    "D": Decimal,
    "BITS": values.bits_piece,
    "BITTEXT": values.bits_text,
    "POINT": values.point_piece,
    "UUID": values.uuid_bytes,
    "TEXT": values.text_bytes,
    "JSON": values.to_json,
    "HSTORE": values.hstore_text,
    "EWKB": values.ewkb_hex,
    "ARRAY": values.array_piece,
    "ARRAYTEXT": values.array_text,
    "USTEXT": moments.us_text,
    "DAYTEXT": moments.day_text,
    "CLOCKTEXT": moments.clock_text,
    "VECTOR": values.vector_text,
    **{f"PACK_{code.replace('?', 'bool')}": Packer(f"!i{code}").pack for code in "hiqIfd?"},
}
TEXTUAL: Final = frozenset({"text", "varchar", "bpchar", "name", "citext", "xml", "json"})
_US: Final = {
    "ts_ms": "({v}*1000)",
    "ts_us": "{v}",
    "ts_ns": "NSUS({v})",
    "datetime": "DTUS({v})",
    "ts_iso": "ISOUS({v})",
    "ts_zoned": "ISOUS({v})",
}
_DAYS: Final = {"date_days": "{v}", "date": "({v}.toordinal()-719163)", "date_iso": "ISODAYS({v})"}
_CLOCK: Final = {
    "time_ms": "({v}*1000)",
    "time_us": "{v}",
    "time_ns": "({v}//1000)",
    "time": "CLOCK({v})",
    "time_iso": "TIMEUS({v})",
    "time_zoned": "TIMEUS({v})",
}
_INTS: Final = {"int2": (2, "h"), "int4": (4, "i"), "int8": (8, "q"), "oid": (4, "I")}
_FLOATS: Final = {"float4": (4, "f"), "float8": (8, "d")}
_numbers: Final = itertools.count()


@dataclass(frozen=True, slots=True)
class Piece:
    """How a value becomes a field.

    `code`: expression for the whole field, length included. `width`, `format`, `argument`: for a fixed-width field instead,
    so that neighbours can be packed together. `cast`: the value goes as text, and the server casts it to the column's type.
    """

    code: str = ""
    width: int = 0
    format: str = ""
    argument: str = ""
    cast: bool = False

    def expression(self) -> str:
        """The field as one expression, fixed or not."""
        return self.code or f"PACK_{self.format.replace('?', 'bool')}({self.width},{self.argument})"


def piece_for(schema: Schema, typname: str, is_enum: bool, typmod: int, element: tuple[int, str, bool] | None) -> Piece:
    """The piece for values of `schema` in a column of base type `typname`.

    `element`: oid, base type name and enum flag of an array's elements, None for other types."""
    binary = _binary(schema, kind_of(schema), "text" if is_enum else typname, typmod, element)
    if binary is not None:
        return binary
    return Piece(_bytes(f"TEXT({text_expression(schema, typname)})"), cast=True)


def _bytes(code: str) -> str:
    """A field of the bytes of `code`; each use has a variable of its own, for pieces may be nested."""
    name = f"b{next(_numbers)}"
    return f"(PL(len({name}:={code}))+{name})"


def _binary(
    schema: Schema, kind: str, typname: str, typmod: int, element: tuple[int, str, bool] | None
) -> Piece | None:
    if kind == "array" and element is not None and schema.value_schema is not None:
        oid, name, is_enum = element
        inner = _binary(schema.value_schema, kind_of(schema.value_schema), "text" if is_enum else name, -1, None)
        return None if inner is None else Piece(f"ARRAY({{v}},{oid},lambda e:{_of(inner.expression(), 'e')})")
    if kind in ("int", "bool") and typname in _INTS:
        width, code = _INTS[typname]
        return Piece(width=width, format=code, argument="{v}")
    if kind in ("int", "float") and typname in _FLOATS:
        width, code = _FLOATS[typname]
        return Piece(width=width, format=code, argument="{v}")
    if kind == "bool" and typname == "bool":
        return Piece(width=1, format="?", argument="{v}")
    if typname in ("timestamp", "timestamptz"):
        return _timestamp(kind)
    if typname == "date":
        return _date(kind)
    if typname == "time" and kind in _CLOCK:
        return Piece(width=8, format="q", argument=_CLOCK[kind])
    if typname == "timetz" and kind == "time_zoned":
        return Piece("TIMETZ({v})")
    if typname == "interval" and kind in ("interval_us", "interval_ns"):
        return Piece("INTERVAL({v})" if kind == "interval_us" else "INTERVAL({v}//1000)")
    if typname == "numeric":
        return _numeric(schema, kind)
    if typname == "uuid" and kind in ("uuid", "str"):
        return Piece("(PL(16)+UUID({v}))")
    if typname == "jsonb":
        return Piece(_bytes(f"(b'\\x01'+TEXT({_json(kind)}))")) if _json(kind) else None
    if typname == "json" and kind in ("struct", "map", "array"):
        return Piece(_bytes("JSON({v}).encode()"))
    if typname == "bytea" and kind == "bytes":
        return Piece("(PL(len({v}))+{v})")
    if typname in ("bit", "varbit"):
        return _bits(schema, kind, typname, typmod)
    if typname == "point" and kind == "point":
        return Piece("POINT({v})")
    if typname in TEXTUAL:
        if kind in STRINGS:
            return Piece(_bytes("{v}.encode()"))
        return Piece(_bytes(f"TEXT({text_expression(schema, typname)})"))
    return None


def _json(kind: str) -> str:
    if kind in STRINGS:
        return "{v}"
    return "JSON({v})" if kind in ("struct", "map", "array") else ""


def _timestamp(kind: str) -> Piece | None:
    if kind in _US:
        return Piece(f"TS({_US[kind]})")
    return Piece(f"TS({_DAYS[kind]}*86400000000)") if kind in _DAYS else None


def _date(kind: str) -> Piece | None:
    if kind in _DAYS:
        return Piece(f"DATE({_DAYS[kind]})")
    return Piece(f"DATE({_US[kind]}//86400000000)") if kind in _US else None


def _numeric(schema: Schema, kind: str) -> Piece | None:
    if kind == "decimal":
        return Piece(f"NUM({{v}},{max(0, schema_scale(schema))})")
    code = {"int": "D({v})", "float": "D(repr({v}))", "str": "D({v})", "variable_decimal": "VSD({v})"}.get(kind)
    return None if code is None else Piece(f"LOOSE({code})")


def _bits(schema: Schema, kind: str, typname: str, typmod: int) -> Piece | None:
    if kind == "bool":
        return Piece("BITS(b'\\x01' if {v} else b'\\x00',1)")
    if kind != "bits":
        return None
    length = typmod if typname == "bit" and typmod > 0 else bit_length(schema)
    return Piece(f"BITS({{v}},{length or 'len({v})*8'})")


def text_expression(schema: Schema, typname: str) -> str:
    """Expression for the value as PostgreSQL's text."""
    kind = kind_of(schema)
    if kind in STRINGS:
        return "{v}"
    if kind in _US:
        return "{v}" if kind in ("ts_iso", "ts_zoned") else f"USTEXT({_US[kind]})"
    if kind in _DAYS:
        return f"DAYTEXT({_DAYS[kind]})"
    if kind in _CLOCK:
        return "{v}" if kind in ("time_iso", "time_zoned") else f"CLOCKTEXT({_CLOCK[kind]})"
    if kind == "array":
        if typname in ("vector", "halfvec"):
            return "VECTOR({v})"
        if typname == "text" or schema.value_schema is None or kind_of(schema.value_schema) == "array":
            return "JSON({v})"
        return f"ARRAYTEXT({{v}},lambda e:{_of(text_expression(schema.value_schema, typname.lstrip('_')), 'e')})"
    return {
        "int": "str({v})",
        "float": "repr({v})",
        "bool": "('t' if {v} else 'f')",
        "decimal": "format({v},'f')",
        "variable_decimal": "format(VSD({v}),'f')",
        "interval_us": "(str({v})+' microseconds')",
        "interval_ns": "(str({v}//1000)+' microseconds')",
        "bytes": "('\\\\x'+bytes({v}).hex())",
        "bits": f"BITTEXT({{v}},{bit_length(schema) or 'len({v})*8'})",
        "point": "('(%r,%r)' % ({v}.get('x'),{v}.get('y')))",
        "geometry": "EWKB({v})",
        "geography": "EWKB({v})",
        "map": "HSTORE({v})" if typname == "hstore" else "JSON({v})",
        "struct": "JSON({v})",
    }[kind]


def _of(code: str, variable: str) -> str:
    return code.replace("{v}", variable)
