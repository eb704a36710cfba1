"""Which table a record goes to."""

from __future__ import annotations

import re
from typing import Any, Final

from headrace.data import Struct
from headrace.errors import DataException

_PLACE: Final = re.compile(r"\$\{([^}]+)\}")


class TableNames:
    """Names by a format with `${topic}` and, in the Debezium dialect, `${source.<field>}`.

    `sanitize`: Debezium's default strategy, `.` in the topic becomes `_`. `fold`: unquoted identifiers are lower-cased, as
    PostgreSQL does. DataException when a record lacks what the format asks for."""

    def __init__(self, format: str, *, sanitize: bool, fold: bool) -> None:
        self._format = format
        self._sanitize = sanitize
        self._fold = fold
        self.source_fields = tuple(m[7:] for m in _PLACE.findall(format) if m.startswith("source."))

    def name(self, topic: str, source: Any) -> tuple[str | None, str]:
        """(schema, or None for the default one; table)."""
        shown = topic.replace(".", "_") if self._sanitize else topic

        def fill(match: re.Match[str]) -> str:
            if match[1] == "topic":
                return shown
            return self.source_value(source, match[1][7:])

        text = _PLACE.sub(fill, self._format)
        parts = text.split(".")
        if len(parts) > 2 or not all(parts):
            raise DataException(
                f"Topic {topic!r} gives the table name {text!r}, which is neither table nor schema.table.",
                code="SINK_TABLE_NAME",
                field="table.name.format",
                remedy="Set table.name.format, or route the topic to a name with at most one dot.",
            )
        if self._fold:
            parts = [part.lower() for part in parts]
        return (parts[0], parts[1]) if len(parts) == 2 else (None, parts[0])

    def source_value(self, source: Any, field: str) -> str:
        """A field of the event's source block as text."""
        value = source.get(field) if isinstance(source, Struct) and field in source else None
        if value is None:
            raise DataException(
                f"The table name needs source.{field}, which the record does not have.",
                code="SINK_TABLE_NAME",
                field="collection.name.format",
            )
        return str(value)


def bad_placeholders(format: str, *, with_source: bool) -> list[str]:
    """Placeholders of the format that are not known."""
    return [
        name for name in _PLACE.findall(format) if name != "topic" and not (with_source and name.startswith("source."))
    ]
