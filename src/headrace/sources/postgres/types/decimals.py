"""Schemas and conversions of numeric and money in every decimal.handling.mode."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from headrace.cdc import semantic
from headrace.data import SchemaBuilder
from headrace.data.logical import decimal_builder
from headrace.data.unchanged import unchanged_value
from headrace.errors import DataException
from headrace.sources.postgres.types import texts
from headrace.sources.postgres.types.modes import Modes
from headrace.sources.postgres.types.type_plan import TypePlan, text_plan


def numeric_precision(typmod: int) -> tuple[int, int] | None:
    """(precision, scale) of a numeric modifier, None without one. The scale may be negative (servers from 15)."""
    if typmod < 4:
        return None
    return (typmod - 4) >> 16 & 0xFFFF, ((typmod - 4 & 0x7FF) ^ 1024) - 1024


_SPECIAL_TEXT: Final = {"NaN": "NAN", "Infinity": "POSITIVE_INFINITY", "-Infinity": "NEGATIVE_INFINITY"}


def numeric_plan(typmod: int, modes: Modes) -> TypePlan:
    """numeric with that type modifier."""
    if modes.decimals == "double":
        return TypePlan(
            SchemaBuilder.float64, "float(x)", "float(x)", {}, lambda schema: 0.0, None, native="numeric double"
        )
    declared = numeric_precision(typmod)
    scale = declared[1] if declared else 0
    zero = Decimal(0).scaleb(-scale) if scale > 0 else Decimal(0)
    if modes.decimals == "string":
        code = "special.get(x, x)"
        names: dict[str, Any] = {"special": _SPECIAL_TEXT}
        return TypePlan(
            SchemaBuilder.string,
            "special.get(x := x.decode(), x)",
            code,
            names,
            lambda s: f"{zero:f}",
            modes.unchanged_text,
            native="numeric text",
        )
    names = {"Decimal": Decimal, "special_decimal": _special_decimal, "variable": semantic.variable_scale_value}
    if declared is None:
        finite = 'Decimal(x) if x[-1] <= "9" else special_decimal(x)'
        return TypePlan(
            semantic.variable_scale_decimal,
            f"[x := x.decode(), variable(SCHEMA, {finite})][1]",
            f"variable(SCHEMA, {finite})",
            names,
            lambda schema: semantic.variable_scale_value(schema, Decimal(0)),
            unchanged_value(semantic.variable_scale_decimal().build(), modes.placeholder),
            native="variable",
        )
    precision = declared[0]

    def builder() -> SchemaBuilder:
        return decimal_builder(scale).parameter("connect.decimal.precision", str(precision))

    make = "Decimal"
    if scale < 0:
        # The text has zeros in front of the point that the scale does not count.
        make, names["coarse"] = "coarse", lambda text: _coarse(text, scale)
    return TypePlan(
        builder,
        f"{make}(x.decode()) if x[-1] < 58 else special_decimal(x.decode())",
        f'{make}(x) if x[-1] <= "9" else special_decimal(x)',
        names,
        lambda schema: Decimal((0, (0,), -scale)),
        unchanged_value(builder().build(), modes.placeholder),
        native=("decimal", scale),
    )


def _coarse(text: str, scale: int) -> Decimal:
    sign, digits, _ = Decimal(text).as_tuple()
    return Decimal((sign, digits[:scale] or (0,), -scale))


def _special_decimal(text: str) -> Decimal:
    raise DataException(
        f"{text} cannot be carried as a precise decimal.",
        code="DECIMAL_NOT_FINITE",
        field="decimal.handling.mode",
        remedy="Set decimal.handling.mode to string or double.",
    )


def money_plan(modes: Modes) -> TypePlan:
    """money, in as many places as money.fraction.digits says."""
    places = modes.money_digits
    zero = Decimal(0).scaleb(-places) if places else Decimal(0)
    names = {"money": lambda text: texts.money_value(text, places)}
    if modes.decimals == "double":
        return text_plan(SchemaBuilder.float64, "float(money(x))", 0.0, modes, names, ("money", "double", places))
    if modes.decimals == "string":
        # As the server has it: the original does not bring this text to the number of places that are set.
        names["money"] = lambda text: texts.money_value(text, None)
        code = 'format(money(x), "f")'
        return text_plan(SchemaBuilder.string, code, f"{zero:f}", modes, names, ("money", "text"))
    return text_plan(lambda: decimal_builder(places), "money(x)", zero, modes, names, ("money", "decimal", places))
