"""Loads one shape of rows into one table: the staging table, the COPY, and the statements that apply it.

A loader is made once per connection, table and set of columns; making it creates its temporary staging table.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from headrace.errors import ConfigException, ConnectException
from headrace.native import core
from headrace.sinks.postgres.native_forms import native_encoder
from headrace.sinks.postgres.pieces import piece_for
from headrace.sinks.postgres.rowcode import Source, compile_encoder
from headrace.sinks.postgres.settings import SinkSettings
from headrace.sinks.postgres.shortcut import Shortcut
from headrace.sinks.postgres.sorted_rows import NativeRows, NotNativeError, TableName
from headrace.sinks.postgres.tables import TargetColumn, TargetTable, check_form
from headrace.sinks.postgres.transaction import Transaction
from headrace.sinks.postgres.unchanged import FieldSource
from headrace.systems.postgres import quote_identifier
from headrace.systems.postgres.introspect import Conn

if TYPE_CHECKING:
    from headrace.native._core import CopyEncoder

Rows = Collection[tuple[Any, Any]] | NativeRows
PIECE_BYTES: Final = 1 << 19
MOST_TO_DELETE: Final = 500
"""So many rows are deleted from a staging table faster than it is truncated, which makes new files and catalog entries."""
MOST_DEAD: Final = 20_000
"""Until it is truncated it keeps the room of the rows deleted, and every look at it goes through them."""
_JOINS: Final = ("enable_hashjoin", "enable_mergejoin")
_BY_INDEX: Final = [f"SET LOCAL {name} = off" for name in _JOINS]
_AS_USUAL: Final = [f"SET LOCAL {name} TO DEFAULT" for name in _JOINS]

_numbers = itertools.count(1)


class Loader:
    """Encodes (key, row) pairs and applies them to the table, inside the caller's transaction."""

    def __init__(
        self,
        connection: Conn,
        name: TableName,
        table: TargetTable,
        fields: Sequence[FieldSource],
        purpose: str,
        settings: SinkSettings,
    ) -> None:
        """`name`: the table as segments name it. `purpose`: insert, upsert, update, partial or delete."""
        self._connection = connection
        self._name = name
        pairs = [(f, table.columns[f.name]) for f in fields if not table.columns[f.name].generated]
        self.sources = [_source(field, column, settings) for field, column in pairs]
        self._encode = compile_encoder(self.sources)
        self._pairs = pairs
        self._table = table
        self._names = ", ".join(quote_identifier(source.name) for source in self.sources)
        casts = any(source.piece.cast for source in self.sources)
        self._shortcut: Shortcut | None = None
        self._staging = ""
        self._dead = 0
        self._statements: list[str] = []
        if purpose == "insert" and not casts:
            return
        self._staging = staging = f"pg_temp.hr_stage_{next(_numbers)}"
        columns = ", ".join(
            f"{quote_identifier(source.name)} {'text' if source.piece.cast else column.type_sql}"
            for source, (_, column) in zip(self.sources, pairs, strict=True)
        )
        # Not ON COMMIT DELETE ROWS: every commit would empty the staging tables of all loaders, at a quarter of a millisecond each.
        connection.execute(f"CREATE TEMP TABLE {staging.partition('.')[2]} ({columns})")
        keys = [field.name for field in fields if field.place == "k"]
        nullable = frozenset(field.name for field in fields if field.place == "k" and field.schema.optional)
        if purpose == "upsert" and nullable:
            # ON CONFLICT takes two NULLs for different keys.
            purpose = "partial"
        if purpose == "upsert" and core is not None and not casts and not table.has_rules:
            self._shortcut = Shortcut(connection, table)
        chosen = [(source, column) for source, (_, column) in zip(self.sources, pairs, strict=True)]
        for sql in _statements(purpose, table, staging, chosen, keys, nullable):
            prepared = f"hr_apply_{next(_numbers)}"
            connection.execute(f"PREPARE {prepared} AS {sql}")
            self._statements.append(f"EXECUTE {prepared}")
        if purpose in ("delete", "update", "partial") and frozenset(keys) in table.unique_keys:
            # The server knows nothing of the staging table's rows, and would read the whole target for more than a few.
            self._statements = [*_BY_INDEX, *self._statements, *_AS_USUAL]

    @cached_property
    def native(self) -> CopyEncoder | None:
        """The Rust core's encoder of these columns; None when it does not do them all."""
        return native_encoder(self.sources, self._pairs) if core is not None else None

    def load(self, transaction: Transaction, rows: Rows) -> None:
        """Encode, copy, apply. Raises what encoding raises, and psycopg's errors; NotNativeError for rows that only the Python encoder
        takes or refuses."""
        if isinstance(rows, NativeRows) and self._shortcut is not None:
            staged, direct = self._shortcut.split(rows)
            if direct is None or not self._shortcut.load(
                transaction, lambda: self._load_apart(transaction, staged, direct)
            ):
                # All together: where the target takes two keys for one, the server says so.
                self._load_staged(transaction, rows)
            else:
                check_form(transaction, self._table)
        elif self._staging:
            self._load_staged(transaction, rows)
        else:
            self._copy(transaction, self._table.quoted, rows)
            check_form(transaction, self._table)

    def _load_apart(self, transaction: Transaction, staged: NativeRows | None, direct: NativeRows) -> None:
        if staged is not None:
            self._load_staged(transaction, staged)
        self._copy(transaction, self._table.quoted, direct)

    def _load_staged(self, transaction: Transaction, rows: Rows) -> None:
        self._copy(transaction, self._staging, rows)
        for statement in self._statements:
            transaction.run(statement)
        # For the next rows; if this is undone, it was empty before.
        few = len(rows) <= MOST_TO_DELETE and self._dead < MOST_DEAD
        transaction.run(f"{'DELETE FROM' if few else 'TRUNCATE'} {self._staging}")
        self._dead = self._dead + len(rows) if few else 0

    def _copy(self, transaction: Transaction, into: str, rows: Rows) -> None:
        data = self._native_pieces(rows) if isinstance(rows, NativeRows) else [self._encode(rows)]
        transaction.copy(f"{into} ({self._names})", data)

    def _native_pieces(self, rows: NativeRows) -> Iterator[bytes]:
        assert self.native is not None
        try:
            yield from self.native.pieces(rows.rows, rows.segment, rows.which, PIECE_BYTES)
        except core.DeclinedError:
            raise NotNativeError(self._name) from None


def _source(field: FieldSource, column: TargetColumn, settings: SinkSettings) -> Source:
    schema = field.schema
    piece = piece_for(schema, column.typname, column.is_enum, column.typmod, column.element)
    default = schema.default if settings.null_to_default else None
    return Source(field.name, field.place, field.at, piece, not schema.optional and schema.default is None, default)


def _statements(
    purpose: str,
    table: TargetTable,
    staging: str,
    pairs: Sequence[tuple[Source, TargetColumn]],
    keys: Sequence[str],
    nullable: frozenset[str],
) -> list[str]:
    quoted = {source.name: quote_identifier(source.name) for source, _ in pairs}
    value = {
        source.name: f"s.{quoted[source.name]}{f'::{column.type_sql}' if source.piece.cast else ''}"
        for source, column in pairs
    }
    names, select = ", ".join(quoted.values()), ", ".join(value.values())
    identity = " OVERRIDING SYSTEM VALUE" if any(column.always_identity for _, column in pairs) else ""
    insert = f"INSERT INTO {table.quoted} AS t ({names}){identity} SELECT {select} FROM {staging} s"

    def same(key: str) -> str:
        column, other = f"t.{quoted[key]}", value[key]
        return (
            f"({column} = {other} OR {column} IS NULL AND {other} IS NULL)"
            if key in nullable
            else f"{column} = {other}"
        )

    match = " AND ".join(map(same, keys))
    others = [name for name in quoted if name not in keys]
    updates = ", ".join(f"{quoted[name]} = {value[name]}" for name in others)
    update = f"UPDATE {table.quoted} t SET {updates} FROM {staging} s WHERE {match}"
    match purpose:
        case "insert":
            return [insert]
        case "delete":
            return [f"DELETE FROM {table.quoted} t USING {staging} s WHERE {match}"]
        case "update":
            return [update] if others else []
        case "partial":
            missing = f"{insert} WHERE NOT EXISTS (SELECT 1 FROM {table.quoted} t WHERE {match})"
            return [update, missing] if others else [missing]
    target = ", ".join(quoted[key] for key in keys)
    excluded = ", ".join(f"{quoted[name]} = EXCLUDED.{quoted[name]}" for name in others)
    return [f"{insert} ON CONFLICT ({target}) DO {f'UPDATE SET {excluded}' if others else 'NOTHING'}"]


def check_key(table: TargetTable, keys: Sequence[str], settings: SinkSettings) -> None:
    """SINK_NO_UNIQUE_KEY unless the table has a unique key of exactly the key columns."""
    if frozenset(keys) not in table.unique_keys:
        shown = [", ".join(sorted(key)) for key in table.unique_keys]
        raise ConfigException(
            f"Table {table.name.schema}.{table.name.table} has no primary key or unique index on ({', '.join(keys)});"
            f" it has {'; '.join(shown) if shown else 'none'}.",
            code="SINK_NO_UNIQUE_KEY",
            field=settings.pk_key,
            remedy=f"Create a unique index on these columns, or set {settings.pk_key} to an existing key.",
        )


def missing_table(name: tuple[str | None, str], settings: SinkSettings) -> ConnectException:
    """The error for a table that is not there and may not be created."""
    field = "schema.evolution" if settings.pk_key == "primary.key.fields" else "auto.create"
    return ConnectException(
        f"Table {'.'.join(filter(None, name))} is missing in the target, and {field} does not allow to create it.",
        code="SINK_TABLE_MISSING",
        field=field,
        remedy=f"Create the table, or set {field}={'basic' if field == 'schema.evolution' else 'true'}.",
    )


def missing_columns(name: tuple[str | None, str], columns: Sequence[str], settings: SinkSettings) -> ConnectException:
    """The error for columns that are not there and may not be added."""
    field = "schema.evolution" if settings.pk_key == "primary.key.fields" else "auto.evolve"
    return ConnectException(
        f"Table {'.'.join(filter(None, name))} lacks the columns {', '.join(columns)}, and {field} does not allow to add them.",
        code="SINK_COLUMN_MISSING",
        field=field,
        remedy=f"Add the columns, set {field}={'basic' if field == 'schema.evolution' else 'true'}, or leave the fields out.",
    )
