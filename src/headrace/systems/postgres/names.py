"""Quoting of identifiers and literals in SQL that takes no parameters (DDL, COPY, replication commands)."""

from __future__ import annotations

from headrace.errors import DataException


def quote_identifier(name: str) -> str:
    """`name` as a quoted identifier. DataException for an empty name or one with a NUL."""
    if not name or "\x00" in name:
        raise DataException(f"Not a name PostgreSQL can have: {name!r}.", code="PG_NAME_INVALID")
    return '"' + name.replace('"', '""') + '"'


def quote_table(schema: str, table: str) -> str:
    """`"schema"."table"`."""
    return f"{quote_identifier(schema)}.{quote_identifier(table)}"


def quote_literal(text: str) -> str:
    """`text` as a standard string literal (standard_conforming_strings is on)."""
    if "\x00" in text:
        raise DataException("Text for PostgreSQL must not hold a NUL character.", code="PG_TEXT_INVALID")
    quoted = "'" + text.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted
