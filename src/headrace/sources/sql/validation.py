"""Checks beyond single values: settings that need or exclude one another, and the database itself."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.config import ConfigValue
from headrace.errors import ConnectException
from headrace.sources.sql.config import (
    BULK,
    INCREMENTING,
    TIMESTAMP,
    TIMESTAMP_INCREMENTING,
    config_def,
    query_of,
)
from headrace.sources.sql.connecting import open_database
from headrace.sources.sql.selection import checked_columns, select_tables

_LISTS = ("table.whitelist", "table.blacklist", "table.include.list", "table.exclude.list")
_MAPPINGS = ("incrementing.column.mapping", "timestamp.columns.mapping")


def validate(props: Mapping[str, str], values: list[ConfigValue]) -> None:
    """Add errors to the values; connects only if there are none so far."""
    if any(value.errors for value in values):
        return
    by_name = {value.name: value for value in values}
    config = config_def().parse(props)
    mode, query = config["mode"], query_of(config)

    def refuse(name: str, text: str) -> None:
        by_name[name].add_error(text)

    if config["query"].strip() and config["query.masked"] and config["query.masked"].value.strip():
        refuse("query", "query and query.masked cannot both be set.")
    for name in (*_LISTS, *_MAPPINGS):
        if query and config[name]:
            refuse(name, f"{name} cannot be set together with query.")
    if config["table.whitelist"] and config["table.blacklist"]:
        refuse("table.blacklist", "table.blacklist cannot be set together with table.whitelist.")
    if config["table.include.list"] and (config["table.whitelist"] or config["table.blacklist"]):
        refuse(
            "table.include.list", "table.include.list cannot be set together with table.whitelist or table.blacklist."
        )
    if config["table.exclude.list"] and not config["table.include.list"]:
        refuse("table.exclude.list", "table.exclude.list needs table.include.list.")
    if config["incrementing.column.name"].strip() and config["incrementing.column.mapping"]:
        refuse(
            "incrementing.column.mapping",
            "incrementing.column.mapping cannot be set together with incrementing.column.name.",
        )
    if mode in (TIMESTAMP, TIMESTAMP_INCREMENTING):
        if not config["timestamp.column.name"] and not config["timestamp.columns.mapping"]:
            refuse("timestamp.column.name", f"timestamp.column.name must be set for mode={mode}.")
        if config["timestamp.column.name"] and config["timestamp.columns.mapping"]:
            refuse(
                "timestamp.columns.mapping",
                "timestamp.columns.mapping cannot be set together with timestamp.column.name.",
            )
    if query and mode in (INCREMENTING, TIMESTAMP_INCREMENTING) and not config["incrementing.column.name"].strip():
        refuse("incrementing.column.name", f"incrementing.column.name must be set for mode={mode} with a query.")
    if any(value.errors for value in values):
        return
    try:
        database = open_database(config)
        try:
            database.connect()
            tables = [] if query else select_tables(database, config)
            if config["table.whitelist"] and not tables:
                refuse(
                    "table.whitelist",
                    "None of these tables exists; views and partitioned tables count only if table.types names them.",
                )
            if mode != BULK:
                for table in tables:
                    checked_columns(table, database.columns(table), config)
        finally:
            database.close()
    except ConnectException as error:
        refuse(error.field if error.field in by_name else "connection.url", str(error))
