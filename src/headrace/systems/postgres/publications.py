"""Publications: inspect, create, alter, drop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.systems.postgres.introspect import Conn, TableName
from headrace.systems.postgres.names import quote_identifier, quote_table

OPERATIONS = ("insert", "update", "delete", "truncate")


@dataclass(frozen=True, slots=True)
class PublicationInfo:
    """`tables`: what is published now, FOR ALL TABLES and partitions resolved by the server."""

    name: str
    all_tables: bool
    operations: frozenset[str]
    via_root: bool
    tables: tuple[TableName, ...]


def publication(connection: Conn, name: str) -> PublicationInfo | None:
    """The publication of that name, None when there is none."""
    row = connection.execute(
        "SELECT puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot"
        " FROM pg_catalog.pg_publication WHERE pubname = %s",
        (name,),
    ).fetchone()
    if row is None:
        return None
    tables = connection.execute(
        "SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = %s ORDER BY 1, 2", (name,)
    ).fetchall()
    operations = frozenset(word for word, on in zip(OPERATIONS, row[1:5], strict=True) if on)
    return PublicationInfo(name, row[0], operations, row[5], tuple(TableName(*table) for table in tables))


def published_columns(connection: Conn, name: str) -> dict[TableName, frozenset[str]]:
    """The columns that the publication sends of each of its tables; empty on servers before 15, which do not tell."""
    if connection.info.server_version < 150_000:
        return {}
    rows = connection.execute(
        "SELECT schemaname, tablename, attnames::text[] FROM pg_catalog.pg_publication_tables WHERE pubname = %s",
        (name,),
    ).fetchall()
    return {TableName(schema, table): frozenset(columns or ()) for schema, table, columns in rows}


def create_publication(
    connection: Conn,
    name: str,
    tables: Sequence[TableName] | None,
    *,
    operations: Sequence[str] = OPERATIONS,
    via_root: bool = False,
) -> None:
    """Publish `tables` (None = all tables, which needs a superuser; empty = none yet)."""
    sql = f"CREATE PUBLICATION {quote_identifier(name)}"
    if tables is None:
        sql += " FOR ALL TABLES"
    elif tables:
        sql += f" FOR TABLE {_list(tables)}"
    sql += f" WITH (publish = '{_operations(operations)}', publish_via_partition_root = {str(via_root).lower()})"
    connection.execute(sql)


def set_tables(connection: Conn, name: str, tables: Sequence[TableName]) -> None:
    """Publish exactly these tables from now on."""
    connection.execute(f"ALTER PUBLICATION {quote_identifier(name)} SET TABLE {_list(tables)}")


def _operations(operations: Sequence[str]) -> str:
    unknown = set(operations) - set(OPERATIONS)
    if unknown:
        raise ValueError(f"unknown operations {sorted(unknown)}")
    return ", ".join(operations)


def _list(tables: Sequence[TableName]) -> str:
    return ", ".join(quote_table(*table) for table in tables)
