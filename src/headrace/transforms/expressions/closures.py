"""Functions written inside an expression, such as `{ it > 3 }` and `x => x > 3`: the same in every language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.data import ConnectRecord

Run = Callable[[ConnectRecord], Any]
"""A compiled part of an expression."""


def closure(cells: dict[str, list[Any]], parameter: str, compile_body: Callable[[], Run]) -> Run:
    """A part that gives a function of one argument. While the body is compiled, `cells` has the parameter's cell; an outer parameter of the
    same name is hidden."""
    cell: list[Any] = [None]
    outer = cells.get(parameter)
    cells[parameter] = cell
    body = compile_body()
    del cells[parameter]
    if outer is not None:
        cells[parameter] = outer

    def run(record: ConnectRecord) -> Any:
        def test(item: Any) -> Any:
            cell[0] = item
            return body(record)

        return test

    return run
