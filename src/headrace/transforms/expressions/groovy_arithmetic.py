"""Groovy's arithmetic on exact numbers: a width decides where it overflows, a division of whole numbers is a decimal. Source: Groovy's NumberMath."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact
from typing import Any, Final

from headrace.transforms.expressions.failures import EvaluationFailure
from headrace.transforms.expressions.groovy_operators import is_number
from headrace.transforms.expressions.values import BigInteger, GString, Int32, described, java_text

_EXACT: Final = Context(prec=2000, Emin=-(10**9), Emax=10**9)
_TRIED: Final = Context(prec=2000, Emin=-(10**9), Emax=10**9, traps=[Inexact])


_MOST_BITS: Final = 100_000


def is_narrow(number: Any) -> bool:
    """Whether it is an Integer or smaller."""
    return isinstance(number, int) and type(number) is not int and not isinstance(number, BigInteger)


def sized(number: int, *operands: Any) -> int:
    """The result of an operation on whole numbers: as wide as the widest of them, cut to this width."""
    if any(isinstance(one, BigInteger) for one in operands):
        return BigInteger(number)
    return _wrapped(number, not all(map(is_narrow, operands)))


def _wrapped(number: int, wide: bool) -> int:
    bits = 64 if wide else 32
    number &= (1 << bits) - 1
    if number >> (bits - 1):
        number -= 1 << bits
    return number if wide else Int32(number)


def arithmetic(operator: str) -> Callable[[Any, Any], Any]:
    """The function of `+ - * / % **` for exact operands. EvaluationFailure for operands that have no such operation."""
    return _OPERATIONS[operator]


def _numbers(one: Any, other: Any, sign: str) -> None:
    if not (is_number(one) and is_number(other)):
        raise EvaluationFailure(f"'{sign}' is not possible with {described(one)} and {described(other)}")


def _calculated(
    one: Any, other: Any, sign: str, whole: Callable[[Any, Any], Any], point: Callable[[Any, Any], Any]
) -> Any:
    _numbers(one, other, sign)
    try:
        if isinstance(one, float) or isinstance(other, float):
            return float(point(float(one), float(other)))
        if isinstance(one, Decimal) or isinstance(other, Decimal):
            result: Decimal = whole(_decimal(one), _decimal(other))
            # A BigDecimal has no negative zero.
            return result if result else result.copy_abs()
        return sized(whole(int(one), int(other)), one, other)
    except OverflowError:
        return math.inf
    except (ArithmeticError, ValueError) as error:
        raise EvaluationFailure(f"'{sign}' fails: {error}") from None


def _decimal(number: Any) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(int(number))


def _add(one: Any, other: Any) -> Any:
    if isinstance(one, list):
        return [*one, *(other if isinstance(other, list) else [other])]
    if isinstance(one, str) or isinstance(other, str):
        # GString + text stays a GString, which is no String.
        kind = GString if isinstance(one, GString) else str
        return kind(java_text(one) + java_text(other))
    return _calculated(
        one, other, "+", lambda a, b: _EXACT.add(a, b) if isinstance(a, Decimal) else a + b, lambda a, b: a + b
    )


def _subtract(one: Any, other: Any) -> Any:
    if isinstance(one, str) and other is not None:
        return str(one).replace(java_text(other), "", 1)
    return _calculated(
        one, other, "-", lambda a, b: _EXACT.subtract(a, b) if isinstance(a, Decimal) else a - b, lambda a, b: a - b
    )


def _multiply(one: Any, other: Any) -> Any:
    if isinstance(one, str) and isinstance(other, int) and not isinstance(other, bool):
        if other < 0 or other * len(one) > 1_000_000:
            raise EvaluationFailure("a text cannot be repeated so often")
        return str(one) * other
    return _calculated(
        one, other, "*", lambda a, b: _EXACT.multiply(a, b) if isinstance(a, Decimal) else a * b, lambda a, b: a * b
    )


def _divide(one: Any, other: Any) -> Any:
    _numbers(one, other, "/")
    if isinstance(one, float) or isinstance(other, float):
        return divided(float(one), float(other))
    left, right = _decimal(one), _decimal(other)
    if not right:
        raise EvaluationFailure("Division by zero")
    try:
        result = _TRIED.divide(left, right)
        return result if result else result.copy_abs()
    except Inexact:
        digits = max(_precision(left), _precision(right)) + 10
        result = Context(prec=digits, rounding=ROUND_HALF_UP).divide(left, right)
        scale = max(_scale(left), _scale(right), 10)
        return result.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _EXACT) if _scale(result) > scale else result


def divided(one: float, other: float) -> float:
    """IEEE division, which Python refuses for zero."""
    if other:
        return one / other
    if one != one or not one:
        return math.nan
    return math.copysign(math.inf, one) * math.copysign(1, other)


def _precision(number: Decimal) -> int:
    return len(number.as_tuple().digits)


def _scale(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return -exponent


def _remainder(one: Any, other: Any) -> Any:
    def whole(a: Any, b: Any) -> Any:
        if isinstance(a, Decimal):
            return _decimal_remainder(a, b)
        return int(math.copysign(1, a)) * (abs(a) % abs(b))

    def point(a: float, b: float) -> float:
        return math.nan if not b or math.isinf(a) else math.fmod(a, b)

    return _calculated(one, other, "%", whole, point)


def _decimal_remainder(one: Decimal, other: Decimal) -> Decimal:
    """As BigDecimal.remainder, whose scale follows from that of the whole quotient."""
    result = _EXACT.remainder(one, other)
    quotient = int(_EXACT.divide_int(one, other))
    preferred = _scale(one) - _scale(other)
    if preferred < 0 and quotient:
        text = str(abs(quotient))
        preferred = -min(len(text) - len(text.rstrip("0")), -preferred)
    return result.quantize(Decimal(1).scaleb(-max(_scale(one), preferred + _scale(other))), context=_EXACT)


def _power(one: Any, other: Any) -> Any:
    _numbers(one, other, "**")
    # Only an Integer counts the factors; any other exponent goes by way of doubles.
    whole = is_narrow(other) and other >= 0
    if whole and (other > 1000 or (isinstance(one, int) and int(one).bit_length() * other > _MOST_BITS)):
        raise EvaluationFailure("the power is too large")
    if whole and isinstance(one, int):
        number = int(one) ** int(other)
        bits = 0 if isinstance(one, BigInteger) else 31 if is_narrow(one) else 63
        return sized(number, one) if -(1 << bits) <= number < 1 << bits and bits else BigInteger(number)
    if whole and isinstance(one, Decimal):
        return _EXACT.power(one, int(other))
    try:
        result = math.pow(float(one), float(other))
    except (ValueError, OverflowError):
        return math.nan if one < 0 else math.inf
    if not result.is_integer() or abs(result) > 2**63:
        return result
    return Int32(result) if -(2**31) <= result < 2**31 else min(int(result), 2**63 - 1)


def negative(value: Any) -> Any:
    """Unary minus."""
    if not is_number(value):
        raise EvaluationFailure(f"'-' is not possible with {described(value)}")
    if isinstance(value, int):
        return sized(-int(value), value)
    return -value if isinstance(value, float) else value.copy_negate() if value else value


def bitwise(operator: str) -> Callable[[Any, Any], Any]:
    """The function of `& | ^`, for two booleans or two whole numbers."""

    def run(one: Any, other: Any) -> Any:
        if not isinstance(one, int) or not isinstance(other, int) or isinstance(one, bool) != isinstance(other, bool):
            raise EvaluationFailure(f"'{operator}' is not possible with {described(one)} and {described(other)}")
        result = {"&": int(one) & int(other), "|": int(one) | int(other), "^": int(one) ^ int(other)}[operator]
        if isinstance(one, bool):
            return bool(result)
        return sized(result, one, other)

    return run


_OPERATIONS: Final = {"+": _add, "-": _subtract, "*": _multiply, "/": _divide, "%": _remainder, "**": _power}
