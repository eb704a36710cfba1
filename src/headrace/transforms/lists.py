"""Settings that are lists of names, checked as Kafka 4.3 checks them (ConfigDef.ValidList, KIP-1161)."""

from __future__ import annotations

from typing import Any

from headrace.config.keys import invalid_value


def filled_list(name: str, value: Any) -> None:
    """Validator: a list with at least one element, none of them empty. Repeats are allowed."""
    if not value:
        raise invalid_value(name, value, f"Configuration '{name}' must not be {'null' if value is None else 'empty'}.")
    names_list(name, value)


def names_list(name: str, value: Any) -> None:
    """Validator: a list, perhaps without elements, none of them empty."""
    if value is None:
        raise invalid_value(name, value, f"Configuration '{name}' values must not be null.")
    if "" in value:
        raise invalid_value(name, value, f"Configuration '{name}' values must not be empty.")


def some_list(name: str, value: Any) -> None:
    """Validator: a list with at least one element, of whatever kind."""
    if not value:
        raise invalid_value(name, value, "Empty list")


def without_repeats(names: list[str]) -> list[str]:
    """The names in their order, each once."""
    return list(dict.fromkeys(names))
