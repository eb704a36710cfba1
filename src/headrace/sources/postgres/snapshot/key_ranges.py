"""Cuts what is read into ranges of its key: all comparing is left to the server, which knows types and collations.

A SELECT of the user's may give key columns of other types, in another order and with NULLs. Its bounds are therefore put into the order that
its own columns have: between bounds in any other order rows would lie twice. What has a NULL in its key is in the last range.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any, Final

from headrace.systems.postgres import DatabaseError, quote_identifier, quote_literal
from headrace.systems.postgres.introspect import Conn

logger = logging.getLogger(__name__)

Bound = list[str]
"""A key as the server prints its columns."""

_SAMPLED_BLOCKS: Final = 200
_NOT_DIVISIBLE: Final = re.compile(
    r"\b(limit|fetch|offset|tablesample|distinct|over|for|random\w*|gen_random_uuid|uuidv\d|uuid_generate_\w+|clock_timestamp|timeofday"
    r"|nextval)\b",
    re.IGNORECASE,
)
"""Words of a SELECT that may give other rows, or other keys, each time it is asked."""


def is_divisible(query: str) -> bool:
    """A SELECT gives the same rows whether it is asked once or range by range."""
    return not _NOT_DIVISIBLE.search(query)


def bounds_of(sql: Conn, table: str, oid: int, source: str, key: Sequence[str], wanted: int) -> list[Bound]:
    """Up to `wanted` - 1 keys, in the order of `source`, with about as many rows of `table` (both for FROM) between them; none where
    the source's keys cannot be compared. Raises psycopg's errors."""
    sampled = _sample(sql, table, oid, key, wanted)
    if not sampled:
        return []
    columns = ", ".join(map(quote_identifier, key))
    # As literals, so that they become values of the source's types. Whether they can be compared as in `key_range` is seen, too.
    listed = " UNION ALL ".join(f"SELECT {_literals(bound)}" for bound in sampled)
    order = ", ".join(f"bounds.{quote_identifier(name)}" for name in key)
    try:
        with sql.transaction():
            rows = sql.execute(
                f"SELECT {_texts(key)} FROM (SELECT {columns} FROM {source}"
                f" WHERE false AND ({columns}) > ({_literals(sampled[0])}) UNION ALL {listed}) AS bounds ORDER BY {order}".encode()
            ).fetchall()
    except DatabaseError as error:
        if sql.broken:
            raise
        logger.info("%s is read as one chunk, for it cannot be cut by (%s): %s", table, columns, error)
        return []
    return [list(row) for row in rows]


def _sample(sql: Conn, table: str, oid: int, key: Sequence[str], wanted: int) -> list[Bound]:
    blocks = sql.execute(
        "SELECT greatest(sum(pg_relation_size(relid)) / current_setting('block_size')::int, 1)::bigint"
        " FROM (SELECT %(oid)s::oid::regclass AS relid UNION SELECT relid FROM pg_partition_tree(%(oid)s)) AS parts",
        {"oid": oid},
    ).fetchone()
    share = min(100.0, 100.0 * _SAMPLED_BLOCKS / float(blocks[0] if blocks else 1))
    columns = ", ".join(map(quote_identifier, key))
    rows: list[Any] = sql.execute(
        f"SELECT {_texts(key)} FROM (SELECT {columns}, row_number() OVER (ORDER BY {columns}) AS headrace_place,"
        f" count(*) OVER () AS headrace_count FROM {table} TABLESAMPLE SYSTEM ({share})) AS sampled"
        f" WHERE headrace_place % greatest(headrace_count / {wanted}, 1) = 0 ORDER BY headrace_place LIMIT {wanted - 1}"
    ).fetchall()
    return [list(row) for row in rows]


def key_range(key: Sequence[str], bounds: Sequence[Bound], index: int) -> str:
    """The rows behind bound `index` - 1 up to bound `index`: a condition of SQL, empty for all."""
    if not bounds:
        return ""
    names = ", ".join(map(quote_identifier, key))
    conditions = []
    if index > 0:
        conditions.append(f"({names}) > ({_literals(bounds[index - 1])})")
    if index < len(bounds):
        conditions.append(f"({names}) <= ({_literals(bounds[index])})")
    # A comparison may be decided before it comes to a NULL; IS [NOT] NULL is another question where a value is a row.
    conditions += [f"{quote_identifier(name)} IS DISTINCT FROM NULL" for name in key[1:]]
    inside = " AND ".join(conditions)
    if index < len(bounds):
        return inside
    missing = " OR ".join(f"{quote_identifier(name)} IS NOT DISTINCT FROM NULL" for name in key)
    return f"({inside} OR {missing})"


def _texts(key: Sequence[str]) -> str:
    return ", ".join(f"{quote_identifier(name)}::text" for name in key)


def _literals(bound: Bound) -> str:
    return ", ".join(map(quote_literal, bound))
