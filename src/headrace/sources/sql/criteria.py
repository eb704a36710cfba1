"""The WHERE and ORDER BY clauses of the incremental modes, and their values, in each dialect's words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from headrace.sources.sql.offsets import Position
from headrace.systems.sql import MOMENT_FUNCTION, bind, moment_text


class Criteria:
    """`incrementing`, `timestamps`: the columns, None or empty where the mode uses none. `quote`: a name → an identifier."""

    def __init__(
        self,
        dialect: str,
        zone: ZoneInfo,
        incrementing: str | None,
        timestamps: Sequence[str],
        quote: Callable[[str], str],
    ) -> None:
        self._dialect = dialect
        self._zone = zone
        self.incrementing = incrementing
        self.timestamps = list(timestamps)
        self._quote = quote

    def clause(self, position: Position) -> str:
        """What to append to a SELECT, to get what lies behind a position, in order. At an empty one it has no lower bound."""
        conditions: list[str] = []
        order: list[str] = []
        stamp = self._stamp() if self.timestamps else ""
        number = self._quote(self.incrementing) if self.incrementing else ""
        if stamp:
            conditions.append(f"{stamp} < {bind('until')}")
            order.append(stamp)
        if number:
            order.append(number)
        since, last = bind("since"), bind("last")
        behind = position.incrementing is not None
        if stamp and position.timestamp is not None:
            if number and behind:
                conditions.append(f"(({stamp} = {since} AND {number} > {last}) OR {stamp} > {since})")
            else:
                conditions.append(f"{stamp} > {since}")
        elif number and not stamp and behind:
            conditions.append(f"{number} > {last}")
        if number and (stamp or not behind):
            # A comparison leaves them out, so they are left out where there is none, too.
            conditions.append(f"{number} IS NOT NULL")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"{where} ORDER BY {', '.join(order)} ASC" if order else where

    def values(self, position: Position, until: dt.datetime | None) -> dict[str, Any]:
        """The parameters that `clause` uses."""
        found: dict[str, Any] = {}
        if self.timestamps:
            assert until is not None
            found["until"] = self._moment(until)
            if position.timestamp is not None:
                found["since"] = self._moment(position.timestamp)
                if self.incrementing and position.incrementing is not None:
                    found["last"] = position.incrementing
        elif self.incrementing and position.incrementing is not None:
            found["last"] = position.incrementing
        return found

    def _stamp(self) -> str:
        columns = [self._column(name) for name in self.timestamps]
        return columns[0] if len(columns) == 1 else f"COALESCE({', '.join(columns)})"

    def _column(self, name: str) -> str:
        column = self._quote(name)
        if self._dialect != "sqlite":
            return column
        # SQLite keeps times as text of any form, or as numbers: one form for all, else equal times do not compare equal.
        return f"{MOMENT_FUNCTION}({column}, '{self._zone.key}')"

    def _moment(self, moment: dt.datetime) -> Any:
        if self._dialect == "sqlite":
            return moment_text(moment, "UTC")
        local = moment.astimezone(self._zone)
        if self._dialect == "postgresql":
            # Text without a declared type: PostgreSQL takes it for what the column is, and the zone only where that has one.
            return local.isoformat(sep=" ", timespec="microseconds")
        return local.replace(tzinfo=None)
