"""Tasks as the keys of Connect's topics name them: `<connector>-<number>`, where the connector's name may have dashes of its own."""

from __future__ import annotations

from typing import Final

MOST_TASKS: Final = 1 << 31
"""Workers on the JVM count in 32 bits."""


def task_of(text: str) -> tuple[str, int] | None:
    """Connector and number; None where the text names no task."""
    connector, dash, number = text.rpartition("-")
    if not dash or not number.isascii() or not number.isdecimal() or len(number) > 10 or int(number) >= MOST_TASKS:
        return None
    return connector, int(number)
