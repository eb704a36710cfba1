"""The target's tables as they are, and how they are created and evolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from headrace.data import Schema
from headrace.errors import ConnectException, RetriableException
from headrace.sinks.postgres.kinds import column_type
from headrace.sinks.postgres.pieces import NAMESPACE, text_expression
from headrace.sinks.postgres.transaction import Transaction, create
from headrace.systems.postgres import quote_identifier, quote_literal, quote_table
from headrace.systems.postgres.introspect import (
    Conn,
    TableName,
    columns,
    form_query,
    has_rules,
    table,
    types,
    unique_keys_of,
)


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """`type_sql`: the type below any domain, with modifiers. `typname`, `is_enum`, `typmod`, `element`: see `pieces.piece_for`."""

    name: str
    type_sql: str
    typname: str
    is_enum: bool
    typmod: int
    element: tuple[int, str, bool] | None
    generated: bool
    always_identity: bool


@dataclass(frozen=True, slots=True)
class TargetTable:
    """A table with its writable columns by name and the columns of each unique key. `has_rules`: triggers, rules or row security of its
    owner's make a difference between one statement and another.
    `form`: its columns and unique keys as one text."""

    name: TableName
    columns: dict[str, TargetColumn]
    unique_keys: tuple[frozenset[str], ...]
    has_rules: bool
    oid: int
    form: str

    @property
    def quoted(self) -> str:
        return quote_table(*self.name)


class StaleTableError(RetriableException):
    """A table has other columns or keys than when it was looked at."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Table {name} was changed while rows were written.", code="SINK_TABLE_CHANGED")


def check_form(transaction: Transaction, table: TargetTable) -> None:
    """StaleTableError unless the table has the columns and unique keys it had when it was looked at. To be asked behind a binary COPY into it: nobody can
    change the table then before the transaction's end, and the server took the bytes for what the columns' types are now."""
    if (transaction.ask(form_query(table.oid, table.quoted)) or "") != table.form:
        raise StaleTableError(table.quoted)


@dataclass(frozen=True, slots=True)
class WantedColumn:
    """A column a record has a value for."""

    name: str
    schema: Schema
    is_key: bool


class Catalog:
    """Looks up, creates and evolves tables over one connection, in transactions of its own; remembers what it saw."""

    def __init__(self, connection: Conn, *, schema: str | None, postgis_schema: str) -> None:
        self._connection = connection
        self._postgis = postgis_schema
        self._tables: dict[tuple[str | None, str], TargetTable] = {}
        self._xml: bool | None = None
        if schema:
            connection.execute(f"SET search_path TO {', '.join(map(quote_identifier, schema.split(',')))}")

    def find(self, name: tuple[str | None, str]) -> TargetTable | None:
        """The table, None when there is none. Without schema it is looked for along the search path."""
        known = self._tables.get(name)
        if known is None:
            known = self._read(name)
            if known is not None:
                self._tables[name] = known
        return known

    def forget(self, name: tuple[str | None, str]) -> None:
        """Look again at the next `find`."""
        self._tables.pop(name, None)

    def _read(self, name: tuple[str | None, str]) -> TargetTable | None:
        for schema in [name[0]] if name[0] else self._search_path():
            full = TableName(schema, name[1])
            while True:
                info = table(self._connection, full)
                if info is None or info.kind not in "rpf":
                    break
                form = self._form(info.oid, full)
                found = self._described(full, info.oid, form)
                # Each part was looked at by itself: nothing changed between the first and the last.
                if self._form(info.oid, full) == form:
                    return found
        return None

    def _form(self, oid: int, name: TableName) -> str:
        row = self._connection.execute(form_query(oid, quote_table(*name)).encode()).fetchone()
        return (row and row[0]) or ""

    def _described(self, name: TableName, oid: int, form: str) -> TargetTable:
        found = columns(self._connection, oid)
        known = types(self._connection, [c.base_oid for c in found] + [c.element_oid for c in found])
        sql = self._type_names([(c.base_oid, c.base_typmod) for c in found])
        result = {}
        for column, type_sql in zip(found, sql, strict=True):
            base, element = known[column.base_oid], known.get(column.element_oid)
            result[column.name] = TargetColumn(
                column.name,
                type_sql,
                base.name,
                base.kind == "e",
                column.base_typmod,
                (element.oid, element.name, element.kind == "e") if element else None,
                bool(column.generated),
                column.identity == "a",
            )
        keys = unique_keys_of(self._connection, [oid])[oid]
        rules = has_rules(self._connection, oid)
        return TargetTable(name, result, tuple(frozenset(key) for key in keys), rules, oid, form)

    def _search_path(self) -> list[str]:
        row = self._connection.execute("SELECT current_schemas(false)::text[]").fetchone()
        return list(row[0]) if row else []

    def _type_names(self, pairs: Sequence[tuple[int, int]]) -> list[str]:
        rows = self._connection.execute(
            "SELECT pg_catalog.format_type(o, m) FROM unnest(%s::oid[], %s::int[]) WITH ORDINALITY AS x(o, m, n) ORDER BY n",
            ([oid for oid, _ in pairs], [typmod for _, typmod in pairs]),
        )
        return [row[0] for row in rows.fetchall()]

    def create(self, name: tuple[str | None, str], wanted: Sequence[WantedColumn]) -> None:
        """Create the table unless it is there; the primary key is made of the key columns. Several connections may try at once."""
        lines = [self._definition(column) for column in wanted]
        key = [quote_identifier(column.name) for column in wanted if column.is_key]
        if key:
            lines.append(f"PRIMARY KEY ({', '.join(key)})")
        create(self._connection, f"CREATE TABLE IF NOT EXISTS {_quoted(name)} ({', '.join(lines)})")
        self.forget(name)

    def add_columns(self, name: tuple[str | None, str], wanted: Sequence[WantedColumn], field: str) -> None:
        """Add columns that are optional or have a default. SINK_EVOLUTION for any other."""
        for column in wanted:
            if not column.schema.optional and column.schema.default is None:
                raise ConnectException(
                    f"Column {column.name} of table {name[1]} cannot be added: it is required and has no default.",
                    code="SINK_EVOLUTION",
                    field=field,
                    remedy="Add the column by hand, or make the field optional.",
                )
        lines = [f"ADD COLUMN IF NOT EXISTS {self._definition(column)}" for column in wanted]
        self._connection.execute(f"ALTER TABLE {_quoted(name)} {', '.join(lines)}")
        self.forget(name)

    def _definition(self, column: WantedColumn) -> str:
        type_sql = column_type(column.schema, self._postgis)
        if type_sql.startswith("xml") and not self._has_xml():
            type_sql = type_sql.replace("xml", "text", 1)
        words = f"{quote_identifier(column.name)} {type_sql}"
        if column.schema.default is not None and not column.is_key:
            words += f" DEFAULT {_default(column.schema)}::{type_sql}"
        return words if column.schema.optional else words + " NOT NULL"

    def _has_xml(self) -> bool:
        """Whether the server was built with XML support; without, such columns are text."""
        if self._xml is None:
            row = self._connection.execute(
                "SELECT count(*) > 0 FROM pg_catalog.pg_config() WHERE name = 'CONFIGURE' AND setting LIKE '%%with-libxml%%'"
                if self._may_see_config()
                else "SELECT true"
            ).fetchone()
            self._xml = bool(row and row[0])
        return self._xml

    def _may_see_config(self) -> bool:
        row = self._connection.execute("SELECT has_function_privilege('pg_catalog.pg_config()', 'EXECUTE')").fetchone()
        return bool(row and row[0])


_V: Final = "value"


def _default(schema: Schema) -> str:
    code = text_expression(schema, "").replace("{v}", _V)
    return quote_literal(str(eval(code, dict(NAMESPACE), {_V: schema.default})))


def _quoted(name: tuple[str | None, str]) -> str:
    return quote_table(name[0], name[1]) if name[0] else quote_identifier(name[1])
