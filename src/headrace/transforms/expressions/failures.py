"""What goes wrong: an expression that is refused when it is configured, and one that fails on a record."""

from __future__ import annotations

from headrace.errors import ConfigException


class EvaluationFailure(Exception):
    """The expression cannot be evaluated for this record; the message is the reason alone."""


class ExpressionRefused(ConfigException):
    """An expression that is not taken. `position`: where in its text, from 0."""

    position = 0


def refused(setting: str, text: str, position: int, reason: str, remedy: str | None = None) -> ExpressionRefused:
    """The error for an expression that is not taken; it names the line and column."""
    before = text[:position]
    line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
    place = f"column {column}" if "\n" not in text else f"line {line}, column {column}"
    error = ExpressionRefused(
        f"Invalid value {text} for configuration {setting}: {reason} ({place})",
        code="EXPRESSION_REFUSED",
        field=setting,
        remedy=remedy
        or "Use the part of the language that the page on transforms tells, in the section on expressions.",
    )
    error.position = position
    return error
