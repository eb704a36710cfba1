"""The queries of chunks: rows in the order of a key, from one key to another. Pure; all comparing is left to the server, which knows
the column's type and collation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from headrace.systems.postgres import quote_identifier, quote_literal

Key = tuple[str | None, ...]
"""A key as the server prints its columns."""


class KeyOrder(NamedTuple):
    """The columns a table is read in the order of. `unique`: no two rows share a key."""

    names: tuple[str, ...]
    nullable: tuple[bool, ...]
    unique: bool


def chunk_query(
    table: str,
    columns: Sequence[str],
    order: KeyOrder,
    after: Key | None,
    most: Key,
    limit: int,
    condition: str,
) -> str:
    """A COPY of the next rows: first the key's columns, then `columns`. `table`: quoted, with ONLY where wanted. `after`: the key
    read last, None for none; `most`: the last of the table. Rows that share the last key come along, however many: the next chunk
    begins behind them."""
    wheres = [_at_most(order, most)]
    if after is not None:
        wheres.insert(0, _behind(order, after))
    if condition:
        wheres.append(f"({condition})")
    by = ", ".join(quote_identifier(name) for name in order.names)
    head = f"LIMIT {limit}" if order.unique else f"FETCH FIRST {limit} ROWS WITH TIES"
    listed = ", ".join(quote_identifier(name) for name in (*order.names, *columns))
    return f"COPY (SELECT {listed} FROM {table} WHERE {' AND '.join(wheres)} ORDER BY {by} {head}) TO STDOUT"


def last_key_query(table: str, order: KeyOrder, condition: str) -> str:
    """A COPY of the table's last key."""
    listed = ", ".join(quote_identifier(name) for name in order.names)
    by = ", ".join(f"{quote_identifier(name)} DESC" for name in order.names)
    where = f" WHERE ({condition})" if condition else ""
    return f"COPY (SELECT {listed} FROM {table}{where} ORDER BY {by} LIMIT 1) TO STDOUT"


def _behind(order: KeyOrder, key: Key) -> str:
    if not any(order.nullable):
        return f"{_row(order.names)} > {_values(key)}"
    return _behind_with_nulls(order, key)


def _at_most(order: KeyOrder, key: Key) -> str:
    if not any(order.nullable):
        return f"{_row(order.names)} <= {_values(key)}"
    # IS NOT TRUE, for what is compared with NULL is neither.
    return f"({_behind_with_nulls(order, key)}) IS NOT TRUE"


def _row(names: Sequence[str]) -> str:
    quoted = ", ".join(quote_identifier(name) for name in names)
    return quoted if len(names) == 1 else f"ROW({quoted})"


def _values(key: Key) -> str:
    listed = ", ".join("NULL" if text is None else quote_literal(text) for text in key)
    return listed if len(key) == 1 else f"ROW({listed})"


def _behind_with_nulls(order: KeyOrder, key: Key) -> str:
    """NULL comes last, and behind a NULL nothing comes."""
    alternatives = []
    for at, (name, text) in enumerate(zip(order.names, key, strict=True)):
        if text is None:
            continue
        column = quote_identifier(name)
        step = f"{column} > {quote_literal(text)}"
        if order.nullable[at]:
            step = f"({step} OR {column} IS NULL)"
        same = [_same(order.names[i], key[i]) for i in range(at)]
        alternatives.append(" AND ".join([*same, step]))
    return "(" + " OR ".join(f"({one})" for one in alternatives) + ")" if alternatives else "false"


def _same(name: str, text: str | None) -> str:
    column = quote_identifier(name)
    return f"{column} IS NULL" if text is None else f"{column} = {quote_literal(text)}"
