"""Reads the captured tables as they were at one position of the log, table by table, by COPY.

The rows see exactly the transactions that committed before `lsn`; the stream brings exactly the others. A row is handed out
only when the next is known, for the last one of a table and of the snapshot carries a mark.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.data import SourceRecord
from headrace.errors import DataException
from headrace.sources.postgres.events import Clock, RecordMaker, sequence
from headrace.sources.postgres.failures import raise_as_ours
from headrace.sources.postgres.offsets import snapshot_offset
from headrace.sources.postgres.shapes import TableShape
from headrace.sources.postgres.tables import TableCodec
from headrace.sources.postgres.type_plan import StaleEnum
from headrace.systems.postgres import PgTarget, quote_identifier, quote_literal, quote_table
from headrace.systems.postgres.introspect import Conn

logger = logging.getLogger(__name__)

_LINES_PER_LOOK = 256


@dataclass(frozen=True)
class SnapshotTable:
    """A table to read. `query`: a SELECT of snapshot.select.statement.overrides, None for the table itself. `only`: leave out rows of
    tables that inherit from it."""

    shape: TableShape
    query: str | None = None
    only: bool = True


@dataclass
class SnapshotCounts:
    """What the snapshot metrics show."""

    tables: int = 0
    remaining: int = 0
    running: bool = False
    completed: bool = False
    aborted: bool = False
    skipped: bool = False
    started: float = 0.0
    ended: float = 0.0
    rows: int = 0
    erroneous: int = 0
    last_event_ns: int = 0
    scanned: dict[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Duration so far."""
        return 0.0 if not self.started else (self.ended or time.monotonic()) - self.started


class Snapshot:
    """`connection`: inside the transaction that has the snapshot. `open_table` compiles a shape; `refresh_enum` as in the stream."""

    def __init__(
        self,
        connection: Conn,
        target: PgTarget,
        tables: Sequence[SnapshotTable],
        open_table: Callable[[TableShape], TableCodec],
        refresh_enum: Callable[[int, bool], None],
        maker: RecordMaker,
        lsn: int,
        xid: int | None,
        counts: SnapshotCounts,
        on_failure: str = "fail",
    ) -> None:
        self._connection = connection
        self._target = target
        self._tables = tables
        self._open_table = open_table
        self._refresh_enum = refresh_enum
        self._maker = maker
        self.lsn = lsn
        self._counts = counts
        self._on_failure = on_failure
        self._clock = Clock.at(time.time_ns())
        self.offset: Mapping[str, Any] = snapshot_offset(lsn, xid, self._clock.us, last=False)
        self.final_offset: Mapping[str, Any] = snapshot_offset(lsn, xid, self._clock.us, last=True)
        self._template = maker.block.template(self._clock.us, xid, None, None)
        self._template[6] = sequence(None, lsn)
        self._template[12] = lsn
        self._records = self._read()
        counts.tables = counts.remaining = len(tables)
        counts.running, counts.started = True, time.monotonic()

    def poll(self, limit: int) -> list[SourceRecord] | None:
        """About `limit` records, fewer at the end; None when the snapshot is complete and everything was handed out."""
        out: list[SourceRecord] = []
        try:
            for records in self._records:
                out += records
                if len(out) >= limit:
                    return out
        except Exception as error:
            self._counts.running, self._counts.aborted = False, True
            raise_as_ours(error, self._target)
        return out or None

    def close(self) -> None:
        """Give up what is left."""
        self._records.close()
        if self._counts.running:
            self._counts.running, self._counts.aborted = False, True

    def _read(self) -> Generator[list[SourceRecord], None, None]:
        """Lumps of records, each row held back until the next one is known."""
        counts = self._counts
        held: tuple[TableCodec, list[Any], str] | None = None
        for table in self._tables:
            name = table.shape.name
            counts.scanned[name] = 0
            opening = True
            for rows, codec in self._rows(table, self._open_table(table.shape)):
                self._clock = Clock.at(time.time_ns())
                counts.scanned[name] += len(rows)
                counts.rows += len(rows)
                counts.last_event_ns = self._clock.ns
                out: list[SourceRecord] = []
                for row in rows:
                    mark = "first" if held is None else "first_in_data_collection" if opening else "true"
                    if held is not None:
                        ending = opening and held[2] != "first"
                        self._emit(out, held[0], held[1], "last_in_data_collection" if ending else held[2], self.offset)
                    held = (codec, row, mark)
                    opening = False
                yield out
            counts.remaining -= 1
            logger.info("Snapshot: %d rows of %s read, %d tables left.", counts.scanned[name], name, counts.remaining)
        counts.running, counts.completed, counts.ended = False, True, time.monotonic()
        if held is not None:
            last: list[SourceRecord] = []
            self._emit(last, held[0], held[1], "last", self.final_offset)
            yield last

    def _emit(
        self, out: list[SourceRecord], codec: TableCodec, row: list[Any], mark: str, offset: Mapping[str, Any]
    ) -> None:
        source = self._template.copy()
        source[4] = mark
        source[9] = codec.shape.schema
        source[10] = codec.shape.table
        self._maker.change(out, codec, "r", codec.key_of(row), None, codec.row(row), source, self._clock, offset)

    def _rows(self, table: SnapshotTable, codec: TableCodec) -> Iterator[tuple[list[list[Any]], TableCodec]]:
        """The table's rows in lumps, with the codec that decoded them."""
        with self._connection.cursor() as cursor, cursor.copy(copy_statement(table, codec.copy_columns)) as copy:
            lump: list[list[Any]] = []
            decode = codec.decode_copy
            for line in copy:
                try:
                    lump.append(decode(bytes(line)))
                except (DataException, StaleEnum) as error:
                    if lump:
                        yield lump, codec
                        lump = []
                    codec, row = self._once_more(table, codec, bytes(line), error)
                    decode = codec.decode_copy
                    if row is not None:
                        lump.append(row)
                if len(lump) >= _LINES_PER_LOOK:
                    yield lump, codec
                    lump = []
        if lump:
            yield lump, codec

    def _once_more(
        self, table: SnapshotTable, codec: TableCodec, line: bytes, error: Exception
    ) -> tuple[TableCodec, list[Any] | None]:
        """As the stream does: fresh enum labels, then value by value, then as event.processing.failure.handling.mode says."""
        for open_ended in (False, True):
            if not isinstance(error, StaleEnum):
                break
            self._refresh_enum(error.oid, open_ended)
            codec = self._open_table(table.shape)
            try:
                return codec, codec.decode_copy(line)
            except (DataException, StaleEnum) as later:
                error = later
        try:
            return codec, codec.slow().decode_copy(line)
        except DataException as failure:
            self._counts.erroneous += 1
            if self._on_failure == "fail":
                raise
            if self._on_failure == "warn":
                logger.error("A row of %s is left out of the snapshot: %s", table.shape.name, failure)
            return codec, None


def copy_statement(table: SnapshotTable, columns: Sequence[str]) -> str:
    """COPY of the wanted columns, in text format."""
    names = ", ".join(quote_identifier(name) for name in columns)
    if table.query is not None:
        source = f"({table.query.rstrip().rstrip(';')}) AS chosen"
    else:
        source = ("ONLY " if table.only else "") + quote_table(table.shape.schema, table.shape.table)
    return f"COPY (SELECT {names} FROM {source}) TO STDOUT"


def present_row(connection: Conn, codec: TableCodec, texts: Sequence[Any]) -> list[Any] | None:
    """The row that the table has now for the table's key in `texts` (`pgoutput.raw_tuple` of a new row), decoded; None when there is
    none. Raises psycopg's errors, what decoding raises, and DataException when the key does not tell the row."""
    columns = codec.shape.columns
    names = ", ".join(quote_identifier(name) for name in codec.copy_columns)
    values = {column.name: text for column, text in zip(columns, texts, strict=True)}
    if not codec.shape.key or not all(isinstance(values[name], str) for name in codec.shape.key):
        raise DataException(f"Table {codec.shape.name} has no key to find a row by.", code="PG_ROW_NOT_FOUND")
    key = " AND ".join(f"{quote_identifier(name)} = {quote_literal(values[name])}" for name in codec.shape.key)
    table = quote_table(codec.shape.schema, codec.shape.table)
    query = f"COPY (SELECT {names} FROM {table} WHERE {key} LIMIT 1) TO STDOUT"
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        line = b"".join(bytes(part) for part in copy)
    return codec.decode_copy(line) if line else None
