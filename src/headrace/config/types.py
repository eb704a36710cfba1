"""The types a configuration value can have."""

from __future__ import annotations

from enum import Enum
from typing import Final

HIDDEN: Final = "[hidden]"


class ConfigType(Enum):
    """Kafka's config types; the value is the name in REST answers."""

    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    INT = "INT"
    SHORT = "SHORT"
    LONG = "LONG"
    DOUBLE = "DOUBLE"
    LIST = "LIST"
    CLASS = "CLASS"
    PASSWORD = "PASSWORD"


class Password:
    """A secret: shows as `[hidden]` wherever it is printed; `.value` is the text."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Password) and self.value == other.value

    def __hash__(self) -> int:
        return hash(("password", self.value))
