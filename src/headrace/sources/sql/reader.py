"""Reads one table, or the query, batch by batch: what is new since the last time."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from headrace.data import SourceRecord
from headrace.errors import ConfigException, ConnectException, DataException
from headrace.sources.sql.columns import RowBuilder, moment_of, typed
from headrace.sources.sql.config import BULK, TIMESTAMP, numeric_mapping
from headrace.sources.sql.criteria import Criteria
from headrace.sources.sql.offsets import Position
from headrace.systems.sql import Column, Database, Kind, RowStream, TableName

_BIND = re.compile(r"(?<![:\w\\]):(?=\w)")
Row = Sequence[Any]


class Reader:
    """`table` None: it reads the query. `position`: behind what was handed over; only a whole batch moves it."""

    def __init__(
        self,
        database: Database,
        config: Mapping[str, Any],
        table: TableName | None,
        query: str,
        columns: tuple[str | None, list[str]],
        partition: Mapping[str, str],
        position: Position,
    ) -> None:
        self.table = table
        self.due = 0.0
        """Monotonic time of the next query."""
        self.position = position
        self._database = database
        self._config = config
        self._mode: str = config["mode"]
        self._zone = ZoneInfo(config["db.timezone"])
        self._moment = moment_of(self._zone)
        self._partition = dict(partition)
        self._topic: str = config["topic.prefix"] + (table.name if table else "")
        quote = database.quote if config["quote.sql.identifiers"].upper() == "ALWAYS" else str
        self._criteria = Criteria(database.dialect, self._zone, *columns, quote)
        if table is not None:
            name = f"{quote(table.schema)}.{quote(table.name)}" if table.schema else quote(table.name)
            query = f"SELECT * FROM {name}"
        self._select = _escaped(query)
        self._stream: RowStream | None = None
        self._ahead: list[Row] = []
        self._builder: RowBuilder | None = None
        self._shape: list[Column] = []
        self._declared: dict[str, Column] = {}

    def read(self, limit: int) -> tuple[list[SourceRecord], bool]:
        """The next records, and whether that was all for now. Raises as `Database`; then nothing has moved."""
        if self._stream is None:
            self._open(limit)
        assert self._stream is not None
        rows = [*self._ahead, *self._stream.fetch(limit + 1 - len(self._ahead))]
        done = len(rows) <= limit
        batch = rows[:limit]
        records, position = self._records(batch, rows, done) if batch else ([], self.position)
        if done:
            self.reset()
            self._database.end_query()
        # Last: had anything before failed, these rows would be asked for again.
        self._ahead = rows[limit:]
        self.position = position
        return records, done

    def reset(self) -> None:
        """Forget the running query; the next `read` asks anew from `position`."""
        stream, self._stream = self._stream, None
        self._ahead = []
        if stream is not None:
            stream.close()

    def _open(self, limit: int) -> None:
        if self._mode == BULK:
            clause, values = "", {}
        else:
            until = self._database.now() if self._criteria.timestamps else None
            if until is not None:
                until -= dt.timedelta(milliseconds=self._config["timestamp.delay.interval.ms"])
            clause, values = self._criteria.clause(self.position), self._criteria.values(self.position, until)
        suffix = self._config["query.suffix"].strip()
        if self.table is not None:
            self._declared = {column.name: column for column in self._database.columns(self.table)}
        statement = self._select + clause + (f" {_escaped(suffix)}" if suffix else "")
        self._stream = self._database.query(statement, values, limit + 1)
        self._builder = None

    def _columns(self, rows: Sequence[Row]) -> list[Column]:
        """Types from the answer where the driver tells them, else from the catalog; whether NULL is allowed from the catalog."""
        assert self._stream is not None
        told = self._stream.columns
        if told is None:
            found = [self._declared.get(name, Column(name, Kind.UNKNOWN, "unknown")) for name in self._stream.names]
            return typed(found, rows)
        declared = self._declared
        return [
            replace(column, nullable=declared[column.name].nullable) if column.name in declared else column
            for column in told
        ]

    def _records(self, batch: Sequence[Row], rows: Sequence[Row], done: bool) -> tuple[list[SourceRecord], Position]:
        """The batch's records, and the position behind them. `rows` has one more, unless the query is done."""
        if self._builder is None:
            shape = self._columns(rows)
            name = self.table.name if self.table else None
            mapping, granularity = numeric_mapping(self._config), self._config["timestamp.granularity"]
            self._builder = RowBuilder(name, shape, self._zone, mapping, granularity)
        builder = self._builder
        values = builder.build(batch)
        if self._mode == BULK:
            bulk = [
                SourceRecord(self._partition, None, self._topic, value_schema=builder.schema, value=value)  # type: ignore[arg-type]
                for value in values
            ]
            return bulk, self.position
        positions = self._positions(rows, len(batch), done)
        partition, topic, schema = self._partition, self._topic, builder.schema
        records = [
            SourceRecord(partition, position.as_offset(), topic, value_schema=schema, value=value)
            for position, value in zip(positions, values, strict=True)
        ]
        return records, positions[-1]

    def _positions(self, rows: Sequence[Row], count: int, done: bool) -> list[Position]:
        """Where to go on after each of the first `count` rows; `rows` has one more, unless the query is done."""
        assert self._stream is not None
        names = self._stream.names
        numbers = [self._number(row, names) for row in rows] if self._criteria.incrementing else [None] * len(rows)
        if not self._criteria.timestamps:
            return [Position(None, number) for number in numbers[:count]]
        places = [self._place(name, names) for name in self._criteria.timestamps]
        stamps = [self._stamp(row, places) for row in rows]
        if self._mode != TIMESTAMP:
            return [Position(stamp, number) for stamp, number in zip(stamps[:count], numbers, strict=False)]
        # Rows of one timestamp cannot be told apart: only behind the last of them may the position move past it.
        positions: list[Position] = []
        safe = self.position
        for index in range(count):
            last_of_all = done and index == count - 1
            if last_of_all or stamps[index] < stamps[index + 1]:
                safe = Position(stamps[index], None)
            positions.append(safe)
        return positions

    def _place(self, name: str, names: Sequence[str]) -> int:
        if name in names:
            return names.index(name)
        matches = [index for index, found in enumerate(names) if found.lower() == name.lower()]
        if len(matches) != 1:
            raise ConfigException(
                f"The rows have {'no' if not matches else 'more than one'} column {name}; they have {', '.join(names)}.",
                code="SQL_TABLE_UNFIT",
                field="incrementing.column.name" if name == self._criteria.incrementing else "timestamp.column.name",
            )
        return matches[0]

    def _number(self, row: Row, names: Sequence[str]) -> int:
        value = row[self._place(str(self._criteria.incrementing), names)]
        try:
            number = int(value)
        except (TypeError, ValueError) as error:
            raise ConnectException(
                f"{value!r} in the incrementing column is no whole number.", code="SQL_VALUE_INVALID"
            ) from error
        if number != value:
            raise ConnectException(
                f"{value!r} in the incrementing column is no whole number.", code="SQL_VALUE_INVALID"
            )
        return number

    def _stamp(self, row: Row, places: Sequence[int]) -> dt.datetime:
        value = next((row[place] for place in places if row[place] is not None), None)
        if value is None:
            raise DataException("A row without timestamp was read.", code="SQL_VALUE_INVALID")
        stamp: dt.datetime = self._moment(value)
        return stamp


def _escaped(statement: str) -> str:
    """A statement of the user's: what looks like a parameter in it is none."""
    return _BIND.sub(r"\\:", statement)
