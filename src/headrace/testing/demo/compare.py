"""Compares source and targets row by row, value by value.

Every value is brought to the source column's type and from there to text, by PostgreSQL itself, so that a target's own
way to write a value does not matter and any other difference does. What Redis holds is loaded into a scratch table first.
The demo's transform is applied to the source's e-mail addresses in SQL, written apart from the transform.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg
import redis as redis_py
from psycopg import sql

from headrace.testing.demo.shop import TABLES

MASKED = "regexp_replace(lower(btrim({0})), '^(.?)[^@]*@', '\\1***@')"
"""What the transform makes of an address."""


@dataclass(slots=True)
class Comparison:
    """One table in one target. `differences` shows the first few: key, column, source's value, target's value."""

    target: str
    table: str
    source_rows: int
    target_rows: int
    missing: int = 0
    extra: int = 0
    changed: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not (self.missing or self.extra or self.changed)


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    """As PostgreSQL writes it, for example `numeric(12,2)`."""


Rows = dict[tuple[str, ...], tuple[str | None, ...]]


def columns_of(connection: psycopg.Connection, table: str) -> list[Column]:
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped ORDER BY attnum",
        [table],
    )
    return [Column(*row) for row in rows.fetchall()]


def source_rows(connection: psycopg.Connection, table: str, columns: list[Column]) -> Rows:
    """The rows as the targets should have them, by key."""
    texts: list[sql.Composable] = []
    for column in columns:
        name = sql.Identifier(column.name)
        if (table, column.name) == ("customers", "email"):
            texts.append(sql.SQL(MASKED).format(name))
        else:
            texts.append(_canonical(name, column))
    return _rows(connection, sql.Identifier("public", table), texts, table, columns)


def warehouse_rows(connection: psycopg.Connection, table: str, columns: list[Column]) -> Rows:
    """The rows of a target table; columns whose type is another one are brought to the source's type."""
    there = connection.execute("SELECT to_regclass(%s)", [table]).fetchone()
    if there is None or there[0] is None:
        return {}
    # Types that the target database does not know (enums) are compared as text there.
    known = [c if _exists(connection, c.type) else Column(c.name, "text") for c in columns]
    texts = [_canonical(sql.Identifier(c.name), c) for c in known]
    return _rows(connection, sql.Identifier(table), texts, table, columns)


def redis_rows(client: redis_py.Redis, connection: psycopg.Connection, table: str, columns: list[Column]) -> Rows:
    """The hashes `table:*`, read by PostgreSQL as values of the source's types."""
    keys = list(client.scan_iter(match=f"{table}:*", count=5000))
    scratch = sql.Identifier(f"redis_{table}")
    with connection.transaction(force_rollback=True):
        connection.execute(
            sql.SQL("CREATE TEMP TABLE {} ({})").format(
                scratch, sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(c.name)) for c in columns)
            )
        )
        with connection.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(scratch)) as copy:
            for start in range(0, len(keys), 2000):
                pipeline = client.pipeline(transaction=False)
                for key in keys[start : start + 2000]:
                    pipeline.hgetall(key)
                for found in pipeline.execute():
                    copy.write_row([_redis_text(found.get(c.name.encode()), c) for c in columns])
        texts = [_canonical(_from_redis(sql.Identifier(c.name), c), c) for c in columns]
        return _rows(connection, scratch, texts, table, columns)


def compare(target: str, table: str, expected: Rows, found: Rows, columns: list[Column]) -> Comparison:
    """Count and name what differs."""
    result = Comparison(target, table, len(expected), len(found))
    for key, row in expected.items():
        other = found.get(key)
        if other is None:
            result.missing += 1
            _note(result, f"{'/'.join(key)} is missing")
        elif other != row:
            result.changed += 1
            for column, left, right in zip(columns, row, other, strict=True):
                if left != right:
                    _note(result, f"{'/'.join(key)} {column.name}: {_short(left)} in the source, {_short(right)} here")
    for key in found.keys() - expected.keys():
        result.extra += 1
        _note(result, f"{'/'.join(key)} is not in the source")
    return result


def _canonical(expression: sql.Composable, column: Column) -> sql.Composable:
    # json keeps its spacing and order of keys; as jsonb equal documents have equal texts.
    type_name = "jsonb" if column.type == "json" else column.type
    return sql.SQL("({})::{}::text").format(expression, sql.SQL(type_name))


def _from_redis(name: sql.Composable, column: Column) -> sql.Composable:
    if column.type.endswith("[]"):  # arrays are JSON there
        form = "CASE WHEN {0} IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text({0}::jsonb)) END"
        return sql.SQL(form).format(name)
    return name


def _redis_text(value: bytes | None, column: Column) -> str | None:
    if value is None:
        return None
    return "\\x" + value.hex() if column.type == "bytea" else value.decode()


def _rows(
    connection: psycopg.Connection,
    relation: sql.Composable,
    texts: list[sql.Composable],
    table: str,
    columns: list[Column],
) -> Rows:
    positions = [[c.name for c in columns].index(name) for name in TABLES[table]]
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(texts), relation)
    return {tuple(str(row[p]) for p in positions): row for row in connection.execute(query).fetchall()}


def _exists(connection: psycopg.Connection, type_name: str) -> bool:
    row = connection.execute("SELECT to_regtype(%s)", [type_name]).fetchone()
    return row is not None and row[0] is not None


def _note(result: Comparison, text: str) -> None:
    if len(result.differences) < 5:
        result.differences.append(text)


def _short(value: Any) -> str:
    text = "NULL" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
