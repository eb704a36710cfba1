"""Reads one table, or the query, batch by batch: what is new since the last time."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from headrace.data import SourceRecord
from headrace.errors import ConfigException, ConnectException, DataException
from headrace.sources.sql.columns import RowBuilder, moment_of, typed
from headrace.sources.sql.config import BULK, numeric_mapping
from headrace.sources.sql.criteria import Criteria
from headrace.sources.sql.offsets import Position
from headrace.systems.sql import Column, Database, Kind, RowStream, TableName

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
        self.failures = 0
        """How often in a row `read` failed for a passing reason; the caller counts."""
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
        self._select = query
        self._stream: RowStream | None = None
        self._ahead: list[Row] = []
        self._builder: RowBuilder | None = None
        self._shape: list[Column] = []
        self._shaped = False
        """Whether `_builder` is that of the running query."""
        self._behind = position
        """The last row that was read of the running query, or where it began."""
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
            until = self._database.now(self._zone) if self._criteria.timestamps else None
            if until is not None:
                until -= dt.timedelta(milliseconds=self._config["timestamp.delay.interval.ms"])
            clause, values = self._criteria.clause(self.position), self._criteria.values(self.position, until)
        suffix = self._config["query.suffix"].strip()
        if self.table is not None:
            self._declared = {column.name: column for column in self._database.columns(self.table)}
        # Each on a line of its own: a query may end with a comment.
        statement = "\n".join(part for part in (self._select, clause, suffix) if part)
        self._stream = self._database.query(statement, values, limit + 1)
        self._shaped = False
        self._behind = self.position

    def _builder_for(self, rows: Sequence[Row]) -> RowBuilder:
        """Made anew when the columns are others than in the query before; one query's stay."""
        if self._builder is None or not self._shaped:
            shape = self._columns(rows)
            if self._builder is None or shape != self._shape:
                name = self.table.name if self.table else None
                mapping, granularity = numeric_mapping(self._config), self._config["timestamp.granularity"]
                self._builder = RowBuilder(name, shape, self._zone, mapping, granularity)
            self._shape, self._shaped = shape, True
        return self._builder

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
        builder = self._builder_for(rows)
        values = builder.build(batch)
        if self._mode == BULK:
            bulk = [
                SourceRecord(self._partition, None, self._topic, value_schema=builder.schema, value=value)  # type: ignore[arg-type]
                for value in values
            ]
            return bulk, self.position
        keys = self._keys(rows)
        positions = self._positions(keys, len(batch), done)
        partition, topic, schema = self._partition, self._topic, builder.schema
        records = [
            SourceRecord(partition, position.as_offset(), topic, value_schema=schema, value=value)
            for position, value in zip(positions, values, strict=True)
        ]
        self._behind = keys[len(batch) - 1]
        return records, positions[-1]

    def _keys(self, rows: Sequence[Row]) -> list[Position]:
        """What the rows are ordered by."""
        assert self._stream is not None
        names, criteria = self._stream.names, self._criteria
        numbers: Sequence[int | None] = [None] * len(rows)
        stamps: Sequence[dt.datetime | None] = numbers  # type: ignore[assignment]
        if criteria.incrementing:
            place = self._place(criteria.incrementing, names)
            numbers = [_number(row[place]) for row in rows]
        if criteria.timestamps:
            places = [self._place(name, names) for name in criteria.timestamps]
            stamps = [self._stamp(row, places) for row in rows]
        keys = list(map(Position, stamps, numbers))
        check_order(self._behind, keys, fresh=self._behind is self.position)
        return keys

    def _positions(self, keys: Sequence[Position], count: int, done: bool) -> list[Position]:
        """Where to go on after each of the first `count` rows; there is one more key, unless the query is done.

        Rows of one key cannot be told apart: only behind the last of them may the position move past it."""
        positions: list[Position] = []
        safe = self.position
        for index in range(count):
            if (done and index == count - 1) or keys[index] != keys[index + 1]:
                safe = keys[index]
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

    def _stamp(self, row: Row, places: Sequence[int]) -> dt.datetime:
        value = next((row[place] for place in places if row[place] is not None), None)
        if value is None:
            raise DataException("A row without timestamp was read.", code="SQL_VALUE_INVALID")
        stamp: dt.datetime = self._moment(value)
        if (
            isinstance(value, dt.datetime)
            and value.tzinfo is None
            and stamp.astimezone(self._zone).replace(tzinfo=None) != value
        ):
            # Asked for by another name than its own, it and its neighbours would be passed by.
            raise DataException(
                f"The time {value} does not exist in {self._zone.key}: clocks were put forward then.",
                code="SQL_VALUE_INVALID",
                field="db.timezone",
                remedy="Set db.timezone to the zone that the column's times are in.",
            )
        return stamp


def check_order(behind: Position, keys: Sequence[Position], *, fresh: bool) -> None:
    """ConnectException (SQL_ORDER) unless rows come in order, and the first ones behind `behind`; then rows would come again and again.

    `fresh`: they are the first of a query, so that none may be at `behind` itself."""
    for before, key in itertools.pairwise((behind, *keys)):
        if before.timestamp is not None and key.timestamp is not None:
            wrong = key.timestamp < before.timestamp
        elif before.timestamp is None and before.incrementing is not None and key.incrementing is not None:
            wrong = key.incrementing < before.incrementing or (fresh and key.incrementing == behind.incrementing)
        else:
            wrong = False
        if wrong:
            raise ConnectException(
                f"A row at {key.as_offset()} was read behind {before.as_offset()}: the query does not keep to the conditions "
                "and the order that are appended to it, or the column's times are not in db.timezone.",
                code="SQL_ORDER",
                field="query",
                remedy="Put it into a subquery, as SELECT * FROM (…) AS rows.",
            )


def _number(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, ArithmeticError):
        number = None
    if number is None or number != value:
        raise ConnectException(
            f"{value!r} in the incrementing column is no whole number.",
            code="SQL_VALUE_INVALID",
            field="incrementing.column.name",
            remedy="Choose a column of whole numbers.",
        )
    return number
