"""Source offsets and the worker's documents, in the log's file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headrace.errors import DataException
from headrace.log.embedded.database import Database
from headrace.log.embedded.offset_rows import store_offset
from headrace.log.offset_codec import canonical_key, offset_key, offset_value, parse_key, parse_value
from headrace.log.spi import SourceOffsetEntry
from headrace.log.stores import OffsetStore, StateStore


class EmbeddedOffsetStore(OffsetStore):
    """See `OffsetStore`. Partitions that differ only in the order of their fields are the same."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, connector: str, partitions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        keys = [canonical_key(offset_key(connector, partition)) for partition in partitions]
        result: list[dict[str, Any] | None] = []
        with self._database.read() as connection:
            for key in keys:
                row = connection.execute("SELECT value FROM source_offsets WHERE canonical = ?", (key,)).fetchone()
                result.append(None if row is None else parse_value(row[0]))
        return result

    def list(self, connector: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT key, value FROM source_offsets WHERE connector = ? ORDER BY id", (connector,)
            ).fetchall()
        return [(parse_key(key)[1], parse_value(value)) for key, value in rows]

    def put(self, connector: str, offsets: Iterable[tuple[Mapping[str, Any], Mapping[str, Any] | None]]) -> None:
        keyed = [(offset_key(connector, partition), offset_value(offset)) for partition, offset in offsets]
        with self._database.write() as connection:
            for key, value in keyed:
                store_offset(connection, canonical_key(key), connector, key, value)

    def write(self, entries: Sequence[SourceOffsetEntry]) -> None:
        """As `put`, of what a producer is given, of any connectors."""
        with self._database.write() as connection:
            for entry in entries:
                store_offset(connection, canonical_key(entry.key), parse_key(entry.key)[0], entry.key, entry.value)


class EmbeddedStateStore(StateStore):
    """See `StateStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(self, kind: str) -> dict[str, Any]:
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT name, document FROM states WHERE kind = ? ORDER BY id", (kind,)
            ).fetchall()
        return {name: json.loads(document) for name, document in rows}

    def save(self, kind: str, name: str, document: Any) -> None:
        """As `StateStore.save`; DataException (STATE_INVALID) if the document is no JSON value."""
        try:
            text = json.dumps(document, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise DataException(f"{kind} {name} cannot be stored as JSON: {error}.", code="STATE_INVALID") from error
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO states (kind, name, document) VALUES (?, ?, ?) "
                "ON CONFLICT (kind, name) DO UPDATE SET document = excluded.document",
                (kind, name, text),
            )

    def delete(self, kind: str, name: str) -> None:
        with self._database.write() as connection:
            connection.execute("DELETE FROM states WHERE kind = ? AND name = ?", (kind, name))
