"""From settings to a database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.errors import ConfigException
from headrace.systems.sql import Database, parse_url


def open_database(config: Mapping[str, Any]) -> Database:
    """Not connected yet. ConfigException for settings that do not fit."""
    password = config["connection.password"]
    target = parse_url(config["connection.url"], config["connection.user"], password.value if password else None)
    isolation = config["transaction.isolation.mode"]
    if isolation == "SQL_SERVER_SNAPSHOT" and target.dialect != "mssql":
        raise ConfigException("SQL_SERVER_SNAPSHOT is for SQL Server only.", field="transaction.isolation.mode")
    masked = config["query.masked"]
    return Database(target, isolation, masked=bool(masked and masked.value.strip()))
