"""Which failures are a record's own, and which column is to blame."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from headrace.errors import DataException
from headrace.sinks.postgres.rowcode import first_wrong_column
from headrace.sinks.postgres.segments import Segment
from headrace.sinks.postgres.tables import StaleTableError
from headrace.sinks.postgres.writer import Writer
from headrace.systems.postgres import DatabaseError

_STALE = frozenset(("42P01", "42703", "42804", "42P10", "42846", "42883", "42601", "22P03", "08P01"))
"""Missing or of other types; the last two are binary data that does not fit the column."""
_DATA = frozenset(("21000", "54000", "54001"))
_COPY_COLUMN = re.compile(r"COPY \S+, line \d+, column (\S+?)(?::|$)")
_ENCODING = (struct.error, TypeError, ValueError, AttributeError, ArithmeticError, KeyError, IndexError)


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a record cannot be written."""

    reason: str
    code: str
    cause: BaseException
    column: str | None = None
    field: str | None = None
    remedy: str | None = None


def as_bad_record(error: BaseException) -> Bad | None:
    """The failure as a record's own, None when it is about something else (the connection, rights, settings)."""
    if isinstance(error, DataException):
        return Bad(error.message, error.code, error, None, error.field, error.remedy)
    if isinstance(error, DatabaseError):
        state = error.sqlstate or ""
        if state[:2] not in ("22", "23") and state not in _DATA:
            return None
        found = _COPY_COLUMN.search(error.diag.context or "")
        column = error.diag.column_name or (found[1].strip('"') if found else None)
        text = error.diag.message_primary or str(error)
        detail = error.diag.message_detail
        return Bad(f"{text}{f' ({detail})' if detail else ''} [SQLSTATE {state}]", "SINK_RECORD_REFUSED", error, column)
    if isinstance(error, _ENCODING):
        return Bad(f"{type(error).__name__}: {error}", "SINK_VALUE_INVALID", error)
    return None


def is_stale_plan(error: BaseException) -> bool:
    """True when the target's table may have changed since it was looked at."""
    if isinstance(error, StaleTableError):
        return True
    return isinstance(error, DatabaseError) and (error.sqlstate or "") in _STALE


def where(writer: Writer, segments: list[Segment]) -> str | None:
    """The column of a single record that cannot be encoded, None if that is not the trouble."""
    for segment in segments:
        sources = writer.loader_sources(segment)
        for key, row in segment.rows.items():
            pair = row if isinstance(row, tuple) else (key, row)
            found = first_wrong_column(sources, pair)
            if found is not None:
                return found[0]
    return None
