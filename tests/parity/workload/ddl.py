"""Random changes of tables' definitions."""

from __future__ import annotations

from random import Random

from tests.parity.workload.tables import Table, random_column
from tests.parity.workload.values import ColumnType, large_text, quote

_WIDER = {
    "smallint": "int",
    "int": "bigint",
    "real": "double precision",
    "varchar(70)": "text",
    "char(12)": "text",
    "date": "timestamp",
}


def change(rng: Random, table: Table) -> list[str]:
    """One change, made to `table` as well; statements that may be run in a transaction."""
    table.changes += 1
    alter = f"ALTER TABLE {table.sql}"
    free = [c for c in table.columns if c.name != "n" and c.name not in table.key]
    column = rng.choice(free) if free else None
    kind = rng.choice(
        ("add", "add", "drop", "rename", "widen", "default", "required", "identity", "key", "comment", "table")
    )
    if kind == "add" or column is None:
        added = random_column(rng, table.types, f"a{table.changes}", optional=True)
        table.columns.append(added)
        return [f"{alter} ADD COLUMN {added.sql}"]
    name = f'"{column.name}"'
    if kind == "drop":
        table.columns.remove(column)
        return [f"{alter} DROP COLUMN {name}"]
    if kind == "rename":
        column.name = f"r{table.changes}"
        return [f'{alter} RENAME COLUMN {name} TO "{column.name}"']
    if kind == "widen" and column.type.sql in _WIDER and column.default is None:
        wider = _WIDER[column.type.sql]
        column.type = column.type._replace(sql=wider, key=False)
        return [f"{alter} ALTER COLUMN {name} TYPE {wider}"]
    if kind == "default" and not column.type.large:
        column.default = column.type.make(rng) if column.default is None else None
        action = "DROP DEFAULT" if column.default is None else f"SET DEFAULT {column.default}"
        return [f"{alter} ALTER COLUMN {name} {action}"]
    if kind == "required" and column.required:
        column.required = False
        return [f"{alter} ALTER COLUMN {name} DROP NOT NULL"]
    if kind == "identity":
        return _identity(table)
    if kind == "key" and table.key and table.identity == "FULL":
        table.key = []
        return [f'{alter} DROP CONSTRAINT "{table.name}_pkey"', f"{alter} ALTER COLUMN n SET NOT NULL"]
    if kind == "comment":
        # A comment alone makes the server tell nothing.
        told = f"{alter} ALTER COLUMN n SET STATISTICS {100 + table.changes}"
        return [f"COMMENT ON COLUMN {table.sql}.{name} IS {quote(rng.choice(('note', 'ö', 'it')))}", told]
    if kind == "table" and table.key and not table.name.endswith("_pkey"):
        old, table.name = table.sql, f"m{table.changes}_{table.name}"[:40]
        return [f'ALTER TABLE {old} RENAME TO "{table.name}"', *_renamed_key(table)]
    column.type = ColumnType("text", large_text, large=True)
    column.default = None
    return [f"{alter} ALTER COLUMN {name} DROP DEFAULT", f"{alter} ALTER COLUMN {name} TYPE text"]


def _renamed_key(table: Table) -> list[str]:
    # A constraint keeps its old name; FULL tables may lose theirs by name later.
    find = f"SELECT conname FROM pg_constraint WHERE conrelid = '{table.sql.replace(chr(39), chr(39) * 2)}'::regclass AND contype = 'p'"
    rename = f"EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', {quote(table.sql)}, name, {quote(table.name + '_pkey')})"
    return [
        f"DO $$ DECLARE name text; BEGIN {find.replace('SELECT conname', 'SELECT conname INTO name')}; {rename}; END $$"
    ]


def _identity(table: Table) -> list[str]:
    alter = f"ALTER TABLE {table.sql} REPLICA IDENTITY"
    if table.identity == "FULL" and table.key:
        table.identity = "DEFAULT"
    elif table.identity == "DEFAULT":
        table.identity = "FULL"
    else:
        return []
    return [f"{alter} {table.identity}"]
