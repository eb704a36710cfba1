"""How values of one type travel: the plan that the type modules make and the table codecs compile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from headrace.data import Schema, SchemaBuilder
from headrace.sources.postgres.types.modes import Modes

VALUE_ERRORS: Final = frozenset(
    ["ARRAY_ELEMENT_NULL", "BIT_EMPTY", "DECIMAL_NOT_FINITE", "TEMPORAL_OUT_OF_RANGE", "VECTOR_TOO_LONG"]
)
"""Codes of values that cannot be carried: what is done about them event.converting.failure.handling.mode says."""

Native = str | tuple[Any, ...]
"""An op of the Rust core: its name, or a tuple of that and what it needs (see native/py/src/pg_plan.rs)."""


class StaleEnum(Exception):
    """A value that the enum's known labels do not have: the type was altered."""

    def __init__(self, oid: int) -> None:
        super().__init__(oid)
        self.oid = oid


class UnexpectedNullError(Exception):
    """NULL in a column that the catalog calls NOT NULL: it was made so after the row was written."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


@dataclass(frozen=True)
class TypePlan:
    """How values of a type travel.

    `builder`: a fresh schema builder, not optional, no default. `bytes_code`, `text_code`: expressions over `x`; names they
    use are in `names`, and `SCHEMA` is the schema of the very field. `zero`: the value for a NOT NULL column whose value the
    database did not send. `unchanged`: the marker for an unsent TOAST value. `plain_text`: masks apply. `optional`: the
    schema is optional even where the column is NOT NULL. `native`: what the Rust core calls the same conversion, None where it has
    none.
    """

    builder: Callable[[], SchemaBuilder]
    bytes_code: str
    text_code: str
    names: dict[str, Any]
    zero: Callable[[Schema], Any]
    unchanged: Any
    plain_text: bool = False
    optional: bool = False
    native: Native | None = None

    def parser(self, schema: Schema) -> Callable[[str], Any]:
        """text → value, for array elements and defaults."""
        scope = {**self.names, "SCHEMA": schema}
        made: Callable[[str], Any] = eval(f"lambda x: {self.text_code}", scope)
        return made


def text_plan(
    builder: Callable[[], SchemaBuilder],
    code: str,
    zero: Any,
    modes: Modes,
    names: Mapping[str, Any],
    native: Native | None = None,
) -> TypePlan:
    """A plan whose `code`, written over the text `x`, serves both forms."""
    # A value may be the empty text: the decoded value is bound first, and the expression evaluated whatever it is.
    bytes_code = f"[x := x.decode(), {code}][1]"
    return TypePlan(builder, bytes_code, code, dict(names), lambda schema: zero, modes.unchanged_text, native=native)
