"""One run: a fresh database, a random schema, random writers; both connectors read it, their events are compared as they come.

The definition of a table is changed only while both have read all there was: either reads the catalog as it is at the time it comes by, so
that otherwise the difference in speed would show, not one in behaviour.
"""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import psycopg

from headrace.testing.servers import PostgresServer
from tests.parity.frame.oracle import Oracle
from tests.parity.workload.differ import Differ
from tests.parity.workload.settings import settings
from tests.parity.workload.sides import Event, Ours, Theirs
from tests.parity.workload.tables import Table, random_table
from tests.parity.workload.values import PREPARE, TYPES
from tests.parity.workload.writer import Writer

_DEADLINE_S = 60.0
_SHOWN = 12
_ROUNDS = 40
"""At most: of tables without keys, and with inserts skipped, hardly any events come."""


@dataclass
class Outcome:
    """`events`: compared; `differences`: of the first that differ; `configuration`: what was set beside the defaults."""

    seed: int
    configuration: dict[str, str]
    events: int = 0
    differing: int = 0
    differences: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    explained: int = 0


class Run:
    """`seed` decides tables, statements and settings; the interleaving of the writers is the server's."""

    def __init__(
        self,
        server: PostgresServer,
        oracle: Oracle,
        database: str,
        seed: int,
        number: int,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.rng = Random(seed)
        self.outcome = Outcome(seed, {**settings(self.rng, number), **(extra or {})})
        self.server, self.database = server, database
        self.sql = psycopg.connect(server.dsn(database), autocommit=True)
        self.writers = [psycopg.connect(server.dsn(database), autocommit=True) for _ in range(2)]
        self.differ = Differ(self.outcome.configuration)
        self._theirs: deque[Event] = deque()
        self._ours: deque[Event] = deque()
        self._marks = 1
        self._sides: list[Theirs | Ours] = []
        try:
            self._start(oracle)
        except BaseException:
            self.close()
            raise

    def _start(self, oracle: Oracle) -> None:
        self._prepare()
        props = {
            "name": "test",
            "topic.prefix": "srv",
            "database.hostname": "127.0.0.1",
            "database.port": str(self.server.port),
            "database.user": self.server.user,
            "database.password": self.server.password,
            "database.dbname": self.database,
            "plugin.name": "pgoutput",
            "publication.name": "pub",
            "poll.interval.ms": "20",
            **self.outcome.configuration,
        }
        self.theirs = Theirs(oracle, {**props, "slot.name": f"theirs_{self.database}"})
        self._sides.append(self.theirs)
        self._wait_for_slot(f"theirs_{self.database}")
        self.ours = Ours({**props, "slot.name": f"ours_{self.database}"})
        self._sides.append(self.ours)
        self._wait_for_slot(f"ours_{self.database}")

    def _prepare(self) -> None:
        available = {name for (name,) in self.sql.execute("SELECT name FROM pg_available_extensions")}
        self.types = [type for type in TYPES if type.extension is None or type.extension in available]
        extensions = sorted({type.extension for type in self.types if type.extension})
        for statement in (*(f"CREATE EXTENSION {name}" for name in extensions), *PREPARE):
            self._execute(statement)
        self.tables: list[Table] = []
        for number in range(self.rng.randrange(3, 7)):
            self._create(number)
        self._execute("CREATE TABLE mark (n int PRIMARY KEY, c int)")
        self._execute("INSERT INTO mark VALUES (0, -1)")
        writer = Writer(self.rng, self.tables, 9)
        for table in self.tables:
            for statement in writer._insert_many(table):
                self._execute(statement)

    def _create(self, number: int) -> None:
        table = random_table(self.rng, self.types, number, self.rng.choice(("public", "public", "other")))
        for statement in table.create():
            self._execute(statement)
        self.tables.append(table)

    def _execute(self, statement: str) -> None:
        self.sql.execute(statement.encode())

    def _wait_for_slot(self, slot: str) -> None:
        deadline = time.monotonic() + _DEADLINE_S
        query = "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND active"
        while not self.sql.execute(query, (slot,)).fetchone():
            self._theirs += self.theirs.take()
            for side in self._sides[1:]:
                self._ours += side.take()
            if time.monotonic() > deadline:
                raise TimeoutError(f"slot {slot} is not in use")

    # The two streams -------------------------------------------------------------------------------------------------

    def snapshot(self) -> None:
        """Both snapshots, compared per topic: the tables' order is each connector's own."""
        self._mark()
        counted = len(self._theirs)
        pairs: dict[str, list[list[Event]]] = {}
        for index, events in enumerate((self._theirs, self._ours)):
            while events and events[0].offset.get("snapshot"):
                event = events.popleft()
                pairs.setdefault(event.topic, [[], []])[index].append(event)
        assert counted, "no snapshot"
        for topic, (theirs, ours) in pairs.items():
            if len(theirs) != len(ours):
                self._differs(f"snapshot of {topic}", [f"{len(theirs)} rows theirs, {len(ours)} ours"])
            for index, (one, other) in enumerate(zip(theirs, ours, strict=False)):
                last = ("last", "first", "last_in_data_collection", "first_in_data_collection", "true")
                for event in (one, other):
                    assert event.value.payload["source"]["snapshot"] in last
                self._compare(f"snapshot of {topic} [{index}]", _without_mark(one), _without_mark(other))
        self.compare()

    def _mark(self) -> None:
        """Wait until both have handed over all that is committed now."""
        self._marks += 1
        change = "INSERT INTO mark VALUES (%s)"
        if "c" in self.outcome.configuration.get("skipped.operations", ""):
            change = "UPDATE mark SET c = %s WHERE n = 0"
        self.sql.execute(change, (self._marks,))
        deadline = time.monotonic() + _DEADLINE_S
        missing: list[tuple[Theirs | Ours, deque[Event]]] = [(self.theirs, self._theirs), (self.ours, self._ours)]
        while missing:
            for side in list(missing):
                came = side[0].take()
                side[1].extend(came)
                if any(_is_mark(event, self._marks) for event in came):
                    missing.remove(side)
            if time.monotonic() > deadline:
                names = [type(side).__name__ for side, _ in missing]
                raise TimeoutError(f"seed {self.outcome.seed}: not all came within {_DEADLINE_S} s from {names}")

    def compare(self) -> None:
        """What both have handed over so far, in the order of the whole stream."""
        while self._theirs and self._ours:
            theirs, ours = self._theirs.popleft(), self._ours.popleft()
            if theirs.topic != ours.topic and not self._together(theirs, ours):
                continue
            self._compare(f"event {self.outcome.events} ({theirs.topic})", theirs, ours)

    def _together(self, theirs: Event, ours: Event) -> bool:
        """After a missing or surplus event: leave out what one side alone has, up to the next that both have."""
        self._differs(f"event {self.outcome.events}", [f"theirs: {_short(theirs)}", f"ours: {_short(ours)}"])
        for skip, events, other in (("ours", self._ours, theirs), ("theirs", self._theirs, ours)):
            for index, event in enumerate(events):
                if index < 50 and event.topic == other.topic and _place(event) == _place(other):
                    for _ in range(index):
                        events.popleft()
                    self.outcome.differences.append(f"    {index + 1} only {skip}")
                    (self._theirs if skip == "ours" else self._ours).appendleft(other)
                    return False
        return False

    def _compare(self, place: str, theirs: Event, ours: Event) -> None:
        self.outcome.events += 1
        found = self.differ.differences(theirs, ours)
        if found:
            self._differs(place, [*found[:8], f"theirs: {_short(theirs)}"])

    def _differs(self, place: str, lines: list[str]) -> None:
        self.outcome.differing += 1
        if self.outcome.differing <= _SHOWN:
            self.outcome.differences.append(f"{place}:")
            self.outcome.differences += [f"    {line[:1000]}" for line in lines]

    # The workload ----------------------------------------------------------------------------------------------------

    def drive(self, events: int) -> Outcome:
        """Write and compare until that many events are compared."""
        self.snapshot()
        makers = [Writer(self.rng, self.tables, number) for number in (1, 2)]
        rounds = 0
        while self.outcome.events < events and self.outcome.differing < 200 and rounds < _ROUNDS:
            rounds += 1
            for _ in range(20):
                self._transactions(makers)
            self._copies(makers[0])
            if self.rng.random() < 0.5:
                self._alone(makers[0].truncating())
            self._mark()
            self.compare()
            if self.rng.random() < 0.15:
                self._create(len(self.tables))
            before = copy.deepcopy(self.tables)
            # What is committed can be decoded a moment before it is visible: Debezium, reading the catalog in that moment, takes the
            # table as it was.
            with self.theirs.paused():
                if not self._alone(makers[0].altering()):
                    self.tables[:] = before
            self._mark()
            self.compare()
        self.outcome.explained = self.differ.explained
        return self.outcome

    def _transactions(self, makers: list[Writer]) -> None:
        """Two transactions at once, their statements by turns."""
        open_ones = []
        for maker, connection in zip(makers, self.writers, strict=True):
            connection.execute("BEGIN")
            open_ones.append((connection, deque(maker.transaction())))
        while open_ones:
            turn = self.rng.choice(open_ones)
            connection, statements = turn
            try:
                if statements:
                    connection.execute(statements.popleft().encode())
                    continue
                connection.execute("COMMIT")
            except psycopg.Error as error:
                self.outcome.refused.append(str(error))
                connection.execute("ROLLBACK")
            open_ones.remove(turn)

    def _copies(self, maker: Writer) -> None:
        for statement, lines in maker.copies():
            with self.sql.cursor().copy(statement.encode()) as rows:
                for line in lines:
                    rows.write(f"{line}\n")

    def _alone(self, statements: list[str]) -> bool:
        """A transaction beside which there is no other. False when it was refused."""
        try:
            with self.sql.transaction():
                for statement in statements:
                    self._execute(statement)
        except psycopg.Error as error:
            self.outcome.refused.append(str(error))
            return False
        return True

    def close(self) -> None:
        """End both connectors and all connections; a server has slots for few runs, so they are dropped."""
        for side in self._sides:
            side.close()
        self._drop_slots()
        for connection in (self.sql, *self.writers):
            connection.close()

    def _drop_slots(self) -> None:
        query = "SELECT slot_name, active FROM pg_replication_slots WHERE database = %s"
        deadline = time.monotonic() + _DEADLINE_S
        while slots := self.sql.execute(query, (self.database,)).fetchall():
            for name, active in slots:
                if not active:
                    self.sql.execute("SELECT pg_drop_replication_slot(%s)", (name,))
            if time.monotonic() > deadline:
                raise TimeoutError(f"in use still: {slots}")
            time.sleep(0.01)


def _is_mark(event: Event, number: int) -> bool:
    payload: Any = event.value.payload
    return (
        event.topic.endswith("mark")
        and bool(payload)
        and bool(payload["after"])
        and number in payload["after"].values()
    )


def _without_mark(event: Event) -> Event:
    """Which row is marked as first or last depends on the order of the tables."""
    payload = event.value.payload
    source = {**payload["source"], "snapshot": "true"}
    return event._replace(value=event.value._replace(payload={**payload, "source": source}))


def _place(event: Event) -> Any:
    payload = event.value.payload
    return (payload or {}).get("source", {}).get("lsn"), (payload or {}).get("op"), event.key.payload


def _short(event: Event) -> str:
    shown = event.value.payload
    if isinstance(shown, dict):
        shown = {name: _clipped(part) for name, part in shown.items() if part is not None}
    return f"{event.topic} key {event.key.payload} value {shown} {event.offset}"


def _clipped(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _clipped(item) for name, item in part.items() if item is not None}
    return f"{str(part)[:40]}…" if isinstance(part, str | list) and len(part) > 41 else part
