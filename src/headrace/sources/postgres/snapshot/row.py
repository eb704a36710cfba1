"""Reads one row of a table by its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.errors import DataException
from headrace.sources.postgres.tables import TableCodec
from headrace.systems.postgres import quote_identifier, quote_literal, quote_table
from headrace.systems.postgres.introspect import Conn


def present_row(connection: Conn, codec: TableCodec, texts: Sequence[Any]) -> list[Any] | None:
    """The row that the table has now, as the connection's transaction sees it, for the table's key in `texts`
    (`pgoutput.raw_tuple` of a new row), decoded; None when there is none. Raises psycopg's errors, what decoding raises, and
    DataException when the key does not tell the row."""
    columns = codec.shape.columns
    names = ", ".join(quote_identifier(name) for name in codec.copy_columns)
    values = {column.name: text for column, text in zip(columns, texts, strict=True)}
    if not codec.shape.key or not all(isinstance(values[name], str) for name in codec.shape.key):
        raise DataException(f"Table {codec.shape.name} has no key to find a row by.", code="PG_ROW_NOT_FOUND")
    key = " AND ".join(f"{quote_identifier(name)} = {quote_literal(values[name])}" for name in codec.shape.key)
    table = quote_table(codec.shape.schema, codec.shape.table)
    query = f"COPY (SELECT {names} FROM {table} WHERE {key} LIMIT 1) TO STDOUT"
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        line = b"".join(bytes(part) for part in copy)
    return codec.decode_copy(line) if line else None
