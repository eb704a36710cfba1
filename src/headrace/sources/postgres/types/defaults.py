"""Column defaults as schema defaults: constants are parsed, generated ones stand as the type's zero value.

Source: Debezium's PostgresDefaultValueConverter. Types not listed there have no default in the schema.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from headrace.data import Schema, Struct
from headrace.errors import DataException
from headrace.sources.postgres.types.decimals import numeric_precision
from headrace.sources.postgres.types.registry import ResolvedType
from headrace.sources.postgres.types.type_plan import TypePlan

_LITERAL: Final = re.compile(r"'([^']*(?:''[^']*)*)'")
_FUNCTION: Final = re.compile(r"[(]?[A-Za-z0-9_.]+\((?:.+(?:, ?.+)*)?\)")
_CLOCKS: Final = frozenset({"current_timestamp", "current_time", "current_date", "localtime", "localtimestamp"})
_GENERATED: Final = {
    "bit": "00", "varbit": "0", "bool": "f", "bpchar": "", "varchar": "", "text": "", "numeric": "0.0", "float4": "0.0",
    "float8": "0.0", "int2": "0", "int4": "0", "int8": "0", "json": "{}", "jsonb": "{}", "xml": "",
    "uuid": "00000000-0000-0000-0000-000000000000", "date": "1970-01-01", "time": "00:00:00",
    "timestamp": "1970-01-01 00:00:00", "timestamptz": "1970-01-01 00:00:00+00", "interval": "00:00:00",
}  # fmt: skip
"""What stands in the schema for a default that is computed; also the types that have defaults at all, enums besides."""


def default_value(expression: str | None, type: ResolvedType, plan: TypePlan, schema: Schema) -> Any:
    """The value of a default expression under `schema`, None when it has none that a schema can state."""
    if expression is None or type.is_domain or type.element is not None:
        return None
    text = _enum_text(expression) if type.labels is not None else _text(expression.strip(), type.name)
    if text is None or (type.labels is not None and text not in type.labels):
        return None
    try:
        value = plan.parser(schema)(_normal(text, type))
    except (ValueError, IndexError, ArithmeticError, DataException):
        return None
    # Connect cannot render a struct as default (KAFKA-12694).
    if isinstance(value, Struct):
        return None
    return value


def _text(expression: str, name: str) -> str | None:
    if name not in _GENERATED:
        return None
    if _FUNCTION.match(expression) or expression.lower() in _CLOCKS:
        return _GENERATED[name]
    if "'" not in expression:
        if expression.startswith("NULL"):
            return None
        return expression.strip("()") if expression.startswith("(-") else expression
    match = _LITERAL.search(expression)
    return match[1].replace("''", "'") if match else None


def _enum_text(expression: str) -> str | None:
    literal, _, cast = expression.rpartition("::")
    if not cast or not (literal.startswith("'") and literal.endswith("'")):
        return None
    return literal[1:-1].replace("''", "'")


def _normal(text: str, type: ResolvedType) -> str:
    """A literal in the form the server prints values in."""
    if type.name == "bool":
        return "t" if text.lower() in ("true", "t") else "f"
    if type.name == "interval" and ":" not in text and text and text[-1].isdigit():
        return "00:00:00"
    declared = numeric_precision(type.typmod) if type.name == "numeric" else None
    if declared is not None and declared[1] > 0 and text[-1:].isdigit():
        return str(Decimal(text).quantize(Decimal(1).scaleb(-declared[1])))
    return text
