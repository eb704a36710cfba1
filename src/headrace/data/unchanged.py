"""Typed "unchanged" values: a column the database did not send because the update left it as it was (TOAST).

Each is a value of its base type that holds the placeholder, so a converter writes the placeholder without a check;
whoever can do better (a sink's partial update, a reselecting post-processor) asks `isinstance(value, Unchanged)`.
"""

from __future__ import annotations

from typing import Any


class Unchanged:
    """Marks a value that stands for "as it was before"."""

    __slots__ = ()


class UnchangedText(Unchanged, str):
    """Placeholder of a STRING column."""

    __slots__ = ()


class UnchangedBytes(Unchanged, bytes):
    """Placeholder of a BYTES column."""


class UnchangedList(Unchanged, list[Any]):
    """Placeholder of an ARRAY column."""

    __slots__ = ()


class UnchangedMap(Unchanged, dict[str, Any]):
    """Placeholder of a MAP column."""

    __slots__ = ()
