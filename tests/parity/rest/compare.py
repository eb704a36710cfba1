"""Finds where two answers differ, as (place, theirs, ours)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Difference = tuple[str, Any, Any]


def differences(theirs: Any, ours: Any, place: str = "") -> Iterator[Difference]:
    """Lists of other lengths differ as a whole."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(theirs.keys() | ours.keys()):
            yield from differences(theirs.get(key, "<absent>"), ours.get(key, "<absent>"), f"{place}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(one, other, f"{place}[{index}]")
    elif type(theirs) is not type(ours) or theirs != ours:
        yield place, theirs, ours
