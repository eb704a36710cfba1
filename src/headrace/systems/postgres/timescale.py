"""Which chunk belongs to which hypertable, and which hypertable to which continuous aggregate: TimescaleDB's catalog.

Source: io.debezium.connector.postgresql.transforms.timescaledb.QueryInformationSchemaMetadata.
"""

from __future__ import annotations

from typing import Any

import psycopg

from headrace.systems.postgres.connect import connect
from headrace.systems.postgres.errors import map_error
from headrace.systems.postgres.introspect import TableName
from headrace.systems.postgres.target import PgTarget

_CHUNKS = (
    "SELECT c.schema_name, c.table_name, h.schema_name, h.table_name FROM _timescaledb_catalog.chunk c "
    "JOIN _timescaledb_catalog.hypertable h ON c.hypertable_id = h.id"
)
_AGGREGATES = (
    "SELECT h.schema_name, h.table_name, a.user_view_schema, a.user_view_name FROM _timescaledb_catalog.continuous_agg a "
    "JOIN _timescaledb_catalog.hypertable h ON a.mat_hypertable_id = h.id"
)
Tables = dict[TableName, TableName]


class TimescaleCatalog:
    """Connects at the first question and asks again, over the same connection, for a chunk it does not know."""

    def __init__(self, target: PgTarget) -> None:
        self._target = target
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._hypertables: Tables = {}
        self._aggregates: Tables = {}

    def hypertable(self, chunk: TableName) -> TableName | None:
        """The chunk's hypertable; None when the catalog has no such chunk. Raises the mapped error when it cannot be read."""
        if chunk not in self._hypertables:
            self._load()
        return self._hypertables.get(chunk)

    def aggregate(self, hypertable: TableName) -> TableName | None:
        """The view of the continuous aggregate that is kept in the hypertable; None for an ordinary one."""
        return self._aggregates.get(hypertable)

    def _load(self) -> None:
        try:
            if self._connection is None:
                self._connection = connect(self._target)
            self._hypertables = self._pairs(_CHUNKS)
            self._aggregates = self._pairs(_AGGREGATES)
        except psycopg.Error as error:
            self.close()
            raise map_error(error, self._target) from error

    def _pairs(self, query: str) -> Tables:
        assert self._connection is not None
        rows = self._connection.execute(query).fetchall()
        return {TableName(row[0], row[1]): TableName(row[2], row[3]) for row in rows}

    def close(self) -> None:
        """End the connection; the next question makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
