"""Statements that are partly a user's own words: sent as they are, with parameters only where `bind` has put them."""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import BindParameter, ClauseElement
from sqlalchemy.sql.expression import Executable

_MARK: Final = re.compile("\0(\\w+)\0")


def bind(name: str) -> str:
    """The place of a parameter in a statement's text. No text or identifier of a user's can hold its mark, a NUL."""
    return f"\0{name}\0"


class Statement(Executable, ClauseElement):
    """A statement's text, in which nothing but `bind` makes a parameter: colons, percent signs and backslashes stay."""

    inherit_cache = False

    def __init__(self, text: str) -> None:
        self.text = text


@compiles(Statement)
def _compile(statement: Statement, compiler: Any, **options: Any) -> str:
    parts = _MARK.split(statement.text)
    parts[::2] = [compiler.post_process_text(part) for part in parts[::2]]
    parts[1::2] = [compiler.process(BindParameter(name, required=True), **options) for name in parts[1::2]]
    return "".join(parts)
