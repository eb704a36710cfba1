"""Ready validators for `ConfigDef.define`. Source: the nested Validator classes of org.apache.kafka.common.config.ConfigDef."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from headrace.config.keys import Validator, invalid_value


def between(low: float | None = None, high: float | None = None) -> Validator:
    """A number within the bounds (inclusive); None fails."""

    def check(name: str, value: Any) -> None:
        if value is None:
            raise invalid_value(name, None, "Value must be non-null")
        if low is not None and value < low:
            raise invalid_value(name, value, f"Value must be at least {low}")
        if high is not None and value > high:
            raise invalid_value(name, value, f"Value must be no more than {high}")

    return check


def at_least(low: float) -> Validator:
    return between(low)


def one_of(*allowed: str, ignore_case: bool = False) -> Validator:
    """One of the texts; None fails unless it is listed."""
    folded = {item.lower() if ignore_case else item for item in allowed}

    def check(name: str, value: Any) -> None:
        shown = value.lower() if ignore_case and isinstance(value, str) else value
        if shown not in folded:
            raise invalid_value(
                name,
                value,
                f"String must be one of{' (case insensitive)' if ignore_case else ''}: {', '.join(allowed)}",
            )

    return check


def non_null(name: str, value: Any) -> None:
    if value is None:
        raise invalid_value(name, None, "entry must be non null")


def non_empty(name: str, value: Any) -> None:
    """A text that is not empty; None passes."""
    if value is not None and not value:
        raise invalid_value(name, value, "String must be non-empty")


def non_empty_without_control_chars(name: str, value: Any) -> None:
    """As a connector name must be: not empty, no ISO control characters; None passes, it is missing."""
    if value is None:
        return
    if not value:
        raise invalid_value(name, value, "String may not be empty")
    bad = sorted({f"{ord(c):#x}" for c in value if unicodedata.category(c) == "Cc"})
    if bad:
        raise invalid_value(
            name, value, f"String may not contain control sequences but had the following ASCII chars: {', '.join(bad)}"
        )


def regex_pattern(name: str, value: Any) -> None:
    """Text that compiles as a regular expression; None passes."""
    if value is None:
        return
    try:
        re.compile(value)
    except re.error as error:
        raise invalid_value(name, value, f"Invalid regular expression: {error}") from None


def unique_list(name: str, value: Any) -> None:
    """A list without repeated elements."""
    if value and len(set(value)) != len(value):
        raise invalid_value(name, value, "Configuration values must not be duplicated.")


def all_of(*validators: Validator) -> Validator:
    """Each in turn; the first refusal counts."""

    def check(name: str, value: Any) -> None:
        for validator in validators:
            validator(name, value)

    return check


def predicate(test: Callable[[Any], bool], reason: str) -> Validator:
    """A value for which `test` holds; None passes."""

    def check(name: str, value: Any) -> None:
        if value is not None and not test(value):
            raise invalid_value(name, value, reason)

    return check


class ValidValues:
    """A recommender with a fixed list, always visible."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = list(values)

    def valid_values(self, name: str, parsed: Any) -> Sequence[Any]:
        return self._values

    def visible(self, name: str, parsed: Any) -> bool:
        return True
