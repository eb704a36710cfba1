"""Writes batches to the target: prepares tables, then applies all segments and positions in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Any

from headrace.errors import ConfigException
from headrace.foundation.failpoints import failpoint
from headrace.sinks.postgres.loading import Loader, check_key, missing_columns, missing_table
from headrace.sinks.postgres.positions import PositionTable
from headrace.sinks.postgres.segments import AnySegment, Segment
from headrace.sinks.postgres.settings import SinkSettings
from headrace.sinks.postgres.sorted_rows import BlockSegment, NotNativeError, TableName
from headrace.sinks.postgres.tables import Catalog, TargetTable, WantedColumn
from headrace.sinks.postgres.transaction import Transaction
from headrace.sinks.postgres.unchanged import FieldSource
from headrace.spi.context import TopicPartition
from headrace.systems.postgres import connect
from headrace.systems.postgres.introspect import Conn

Moves = Mapping[TopicPartition, tuple[int | None, int]]
Work = list[tuple[Loader | None, Any, str]]


class Writer:
    """One connection with its staging tables. After an error other than of the data, `close` it and make a new one."""

    def __init__(self, settings: SinkSettings, positions: PositionTable, definitions: Lock) -> None:
        """Connect; raises the mapped error. `definitions`: held while a table is created or changed."""
        self._settings = settings
        self._definitions = definitions
        self._positions = positions
        self.connection: Conn = connect(settings.target)
        # Statements that psycopg prepared by itself it gives up, after a rollback, by DEALLOCATE ALL: the loaders' would go with them.
        self.connection.prepare_threshold = None
        self._loaders: dict[tuple[Any, ...], Loader] = {}
        self._catalog = Catalog(self.connection, schema=settings.schema, postgis_schema=settings.postgis_schema)
        positions.create(self.connection)

    def read_positions(
        self, partitions: Iterable[TopicPartition], topic_ids: Mapping[str, str]
    ) -> dict[TopicPartition, int | None]:
        """See `PositionTable.read`."""
        return self._positions.read(self.connection, partitions, topic_ids)

    def write(self, segments: Sequence[AnySegment], moves: Moves, topic_ids: Mapping[str, str]) -> None:
        """Apply everything or nothing. Raises encoding errors, psycopg's errors, SINK_FENCED and configuration errors."""
        work: Work = []
        for segment in segments:
            planned = len(work)
            self._plan(segment, work)
            if isinstance(segment, BlockSegment) and any(one.native is None for one, _, _ in work[planned:] if one):
                raise NotNativeError(segment.table)
        with Transaction(self.connection) as transaction:
            self._positions.move(transaction, moves, topic_ids)
            for loader, rows, truncate in work:
                if loader is None:
                    transaction.run(truncate)
                else:
                    loader.load(transaction, rows)
            failpoint("sink.before_target_commit")
            transaction.commit()
        failpoint("sink.after_target_commit")

    def _plan(self, segment: AnySegment, work: Work) -> None:
        if segment.truncate:
            found = self._catalog.find(segment.table)
            if found is not None:
                work.append((None, None, f"TRUNCATE TABLE {found.quoted}"))
        mode, deleted = self._settings.insert_mode, segment.deleted()
        if deleted is not None and self._catalog.find(segment.table) is not None:
            work.append((self._loader(segment.table, segment.route.keys, "delete"), deleted, ""))
        if segment.shape is None:
            return
        fields = segment.shape.fields
        whole = segment.whole()
        if whole is not None:
            work.append((self._loader(segment.table, fields, mode), whole, ""))
        for left_out, partial in segment.partial():
            kept = tuple(f for at, f in enumerate(fields) if at not in left_out)
            purpose = "partial" if mode == "upsert" else mode
            work.append((self._loader(segment.table, kept, purpose, fields), partial, ""))

    def _loader(
        self,
        name: tuple[str | None, str],
        fields: tuple[FieldSource, ...],
        purpose: str,
        all_fields: tuple[FieldSource, ...] | None = None,
    ) -> Loader:
        place = (name, fields, purpose)
        loader = self._loaders.get(place)
        if loader is None:
            table = self._prepared(name, all_fields or fields, purpose)
            if purpose in ("upsert", "partial"):
                check_key(table, [field.name for field in fields if field.place == "k"], self._settings)
            loader = self._loaders[place] = Loader(self.connection, name, table, fields, purpose, self._settings)
        return loader

    def _prepared(self, name: tuple[str | None, str], fields: Sequence[FieldSource], purpose: str) -> TargetTable:
        """The table with all columns there, created or evolved as far as the settings allow."""
        wanted = [WantedColumn(field.name, field.schema, field.place == "k") for field in fields]
        table = self._catalog.find(name)
        if table is not None and not _missing(wanted, table):
            return table
        with self._definitions:
            # Another connection of the task may have made what is missing.
            self._catalog.forget(name)
            return self._defined(name, wanted, purpose)

    def _defined(self, name: TableName, wanted: Sequence[WantedColumn], purpose: str) -> TargetTable:
        settings = self._settings
        table = self._catalog.find(name)
        if table is None:
            if not settings.auto_create:
                raise missing_table(name, settings)
            self._catalog.create(name, wanted)
            table = self._catalog.find(name)
        if table is None:
            raise ConfigException(
                f"Table {'.'.join(filter(None, name))} was created but is not found.",
                code="SINK_TABLE_MISSING",
                remedy="Check the search path of the role.",
            )
        missing = _missing(wanted, table)
        if missing:
            names = [column.name for column in missing]
            if not settings.auto_evolve or purpose == "delete":
                raise missing_columns(name, names, settings)
            field = "schema.evolution" if settings.pk_key == "primary.key.fields" else "auto.evolve"
            self._catalog.add_columns(name, missing, field)
            table = self._catalog.find(name)
            assert table is not None
        return table

    def loader_sources(self, segment: Segment) -> Sequence[Any]:
        """The column sources of a segment's rows, to find the one at fault; empty when they were never made."""
        if segment.shape is None:
            return ()
        loader = self._loaders.get((segment.table, segment.shape.fields, self._settings.insert_mode))
        return loader.sources if loader is not None else ()

    def close(self) -> None:
        self.connection.close()


def _missing(wanted: Sequence[WantedColumn], table: TargetTable) -> list[WantedColumn]:
    return [column for column in wanted if column.name not in table.columns]
