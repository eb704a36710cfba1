"""The one door to SQL databases in general, through SQLAlchemy Core and the databases' own drivers."""

from headrace.systems.sql.database import Database, RowStream
from headrace.systems.sql.moments import MOMENT_FUNCTION, moment, moment_text
from headrace.systems.sql.statements import bind
from headrace.systems.sql.types import Column, Kind, TableName
from headrace.systems.sql.url import SqlTarget, parse_url

__all__ = [
    "MOMENT_FUNCTION",
    "Column",
    "Database",
    "Kind",
    "RowStream",
    "SqlTarget",
    "TableName",
    "bind",
    "moment",
    "moment_text",
    "parse_url",
]
