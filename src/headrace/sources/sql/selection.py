"""Which tables are read, and which columns of theirs tell what is new."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.errors import ConfigException, ConnectException
from headrace.sources.sql.config import INCREMENTING, TIMESTAMP, TIMESTAMP_INCREMENTING
from headrace.systems.sql import Column, Database, TableName


def select_tables(database: Database, config: Mapping[str, Any]) -> list[TableName]:
    """The tables there are now and are wanted. ConnectException (SQL_TABLES_AMBIGUOUS) when two would share a topic."""
    kinds = [kind.strip().upper() for kind in config["table.types"]]
    pattern = config["schema.pattern"]
    like = None if pattern is None else _like(pattern)
    found = [table for table in database.tables(kinds, like) if _wanted(table, config)]
    by_name: dict[str, TableName] = {}
    for table in found:
        other = by_name.setdefault(table.name, table)
        if other is not table:
            raise ConnectException(
                f"Tables {other.full} and {table.full} have one name, which is the topic's: their rows would be mixed.",
                code="SQL_TABLES_AMBIGUOUS",
                field="table.whitelist",
                remedy="Read them with a connector each, or narrow the choice with schema.pattern or full names.",
            )
    return found


def columns_for(table: TableName, config: Mapping[str, Any]) -> tuple[str | None, list[str]]:
    """The incrementing column (empty: to be found) and the timestamp columns for a table; None and none where the mode has none.

    ConfigException when a mapping names the table not exactly once."""
    mode = config["mode"]
    incrementing: str | None = None
    timestamps: list[str] = []
    if mode in (INCREMENTING, TIMESTAMP_INCREMENTING):
        mapping = config["incrementing.column.mapping"]
        incrementing = _mapped(table, mapping, "incrementing.column.mapping") if mapping else None
        incrementing = incrementing or config["incrementing.column.name"].strip()
    if mode in (TIMESTAMP, TIMESTAMP_INCREMENTING):
        mapping = config["timestamp.columns.mapping"]
        text = _mapped(table, mapping, "timestamp.columns.mapping") if mapping else None
        names = text.strip("[]").split("|") if text else config["timestamp.column.name"]
        timestamps = [name.strip() for name in names if name.strip()]
    return incrementing, timestamps


def checked_columns(
    table: TableName, columns: Sequence[Column], config: Mapping[str, Any]
) -> tuple[str | None, list[str]]:
    """`columns_for` with an automatic incrementing column found, all of them existing and, as validate.non.null asks, NOT NULL.

    ConfigException otherwise."""
    incrementing, timestamps = columns_for(table, config)
    by_name = {column.name.lower(): column for column in columns}
    if incrementing == "":
        incrementing = next((column.name for column in columns if column.auto_increment), None)
        if incrementing is None:
            raise _unfit(table, "has no auto-increment column", "incrementing.column.name", "Name the growing column.")
    for name, field in [
        (incrementing, "incrementing.column.name"),
        *((t, "timestamp.column.name") for t in timestamps),
    ]:
        if name is not None and name.lower() not in by_name:
            raise _unfit(table, f"has no column {name}", field, "Correct the name.")
    if config["validate.non.null"]:
        remedy = "Declare it NOT NULL, or set validate.non.null=false: rows with NULL are then never read."
        if incrementing is not None and by_name[incrementing.lower()].nullable:
            raise _unfit(table, f"allows NULL in {incrementing}", "incrementing.column.name", remedy)
        if timestamps and all(by_name[name.lower()].nullable for name in timestamps):
            raise _unfit(table, f"allows NULL in {', '.join(timestamps)}", "timestamp.column.name", remedy)
    exact = [by_name[name.lower()].name for name in timestamps]
    return (by_name[incrementing.lower()].name if incrementing else None), exact


def share(tables: Sequence[TableName], most: int) -> list[list[TableName]]:
    """The tables in at most so many groups of even size, in order, the larger ones first, as Connect's helper divides."""
    count = min(len(tables), most)
    if count == 0:
        return []
    size, extra = divmod(len(tables), count)
    groups, start = [], 0
    for number in range(count):
        end = start + size + (number < extra)
        groups.append(list(tables[start:end]))
        start = end
    return groups


def _wanted(table: TableName, config: Mapping[str, Any]) -> bool:
    names = {table.name, table.full}
    if config["table.include.list"]:
        included = any(re.fullmatch(item.strip(), table.full) for item in config["table.include.list"])
        return included and not any(re.fullmatch(item.strip(), table.full) for item in config["table.exclude.list"])
    if config["table.whitelist"]:
        return any(_unquoted(item) in names for item in config["table.whitelist"])
    return not any(_unquoted(item) in names for item in config["table.blacklist"])


def _unquoted(text: str) -> str:
    return TableName.parse(text.strip()).full


def _like(pattern: str) -> Any:
    """SQL's LIKE as a test."""
    expression = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern)
    compiled = re.compile(expression)
    return lambda schema: compiled.fullmatch(schema) is not None


def _mapped(table: TableName, mapping: Sequence[str], field: str) -> str:
    found = []
    for item in mapping:
        regex, _, columns = item.strip().partition(":")
        if re.fullmatch(regex, table.full):
            found.append(columns.strip())
    if len(found) != 1:
        raise ConfigException(
            f"{len(found)} of the mappings are for table {table.full}; it must be exactly one.", field=field
        )
    return found[0]


def _unfit(table: TableName, reason: str, field: str, remedy: str) -> ConfigException:
    return ConfigException(f"Table {table.full} {reason}.", code="SQL_TABLE_UNFIT", field=field, remedy=remedy)
