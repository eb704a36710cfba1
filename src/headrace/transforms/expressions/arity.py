"""How many arguments a method takes, so that a call with others is refused before any record comes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def takes(method: Callable[..., Any], count: int) -> bool:
    """Whether the function can be called with `count` arguments."""
    try:
        signature = inspect.signature(method)
    except ValueError:
        # A class of Python's own, such as float: it converts one value.
        return count == 1
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def method_takes(tables: Iterable[tuple[Any, Mapping[str, Callable[..., Any]]]], name: str, count: int) -> bool:
    """Whether for any kind of target there is a method of that name with `count` arguments."""
    return any(takes(table[name], count + 1) for _, table in tables if name in table)
