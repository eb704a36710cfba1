"""The suite for any sink.

    class TestShop(SinkConformance):
        connector = ShopSinkConnector
        deletes = True

        def config(self): return {"topics": self.topic, …}
        def read(self): return [(id, version) …] as the target has them

What is asked: what is committed is in the target; what comes again changes nothing; records of a key stay in order; bad records
are reported, none is passed over in silence; a target that is away for a while costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Final

from headrace.data import (
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    Schema,
    SchemaBuilder,
    SinkRecord,
    Struct,
)
from headrace.errors import ConnectException, RetriableException
from headrace.spi.connector import SinkConnector
from headrace.spi.context import TopicPartition
from headrace.testing.conformance.common import ConnectorTests, check, skip
from headrace.testing.drivers import SinkDriver
from headrace.testing.sink_run import SinkRun, run_sink
from headrace.testing.stand_ins import ErrantCollector

KEY: Final = SchemaBuilder.struct().field("id", INT64_SCHEMA).build()
VALUE: Final = (
    SchemaBuilder.struct()
    .field("id", INT64_SCHEMA)
    .field("name", OPTIONAL_STRING_SCHEMA)
    .field("version", INT32_SCHEMA)
    .build()
)

Change = tuple[int, int | None]
"""What a record says: the number of a thing and its new version, None = it is deleted."""


class SinkConformance(ConnectorTests):
    """Subclass it as `Test…`; see the module's docstring. Each test works on an instance, and so on a target, of its own."""

    connector: type[SinkConnector]
    topic: ClassVar[str] = "conformance"
    upserts: ClassVar[bool] = True
    """A record replaces the one of the same key. False: every record is kept."""
    deletes: ClassVar[bool] = False
    """A tombstone removes. False: it is either refused or without effect."""
    idempotent: ClassVar[bool] = True
    """What is put again changes nothing. False (only without `upserts`): it may be there again."""

    def record(self, number: int, version: int) -> tuple[Schema | None, Any, Schema | None, Any]:
        """Key schema, key, value schema and value of thing `number` at `version`. Default: key {id}, value {id, name, version}."""
        return KEY, Struct(KEY, [number]), VALUE, Struct(VALUE, [number, f"thing {number}", version])

    def read(self) -> Collection[tuple[int, int]]:
        """What the target has: (number, version) of each thing, in any order, twice where it is there twice."""
        raise NotImplementedError(f"{type(self).__name__} must read the target: read().")

    def bad_record(self) -> SinkRecord | None:
        """A record at offset 1 of partition 0 that the target cannot take; None: there is none, and nothing is tested."""
        return None

    def interrupt(self) -> AbstractContextManager[Any] | None:
        """Within the context the target is away; None: that cannot be done here, and nothing is tested."""
        return None

    # ---- the tests ------------------------------------------------------------------------------

    def test_nothing_to_put(self) -> None:
        with self._driver() as sink:
            sink.put([])
            sink.commit()
            sink.put([])
        self._check([])

    def test_records_arrive(self) -> None:
        changes: list[Change] = [(number, 0) for number in range(50)]
        with self._driver() as sink:
            sink.put_until_taken(self._records(changes))
            committed = sink.commit()
            check(
                committed.get(self._partition()) == 50, f"After a flush of 50 records pre_commit answers {committed}."
            )
            self._check(changes)

    def test_changes_of_a_key_stay_in_order(self) -> None:
        changes: list[Change] = [(number, version) for version in range(4) for number in range(5)]
        with self._driver() as sink:
            for start in range(0, len(changes), 3):
                sink.put_until_taken(self._records(changes)[start : start + 3])
        self._check(changes)

    def test_tombstones(self) -> None:
        changes: list[Change] = [(1, 0), (2, 0), (1, None), (3, 0), (3, None), (3, 1), (4, None)]
        if self.deletes:
            with self._driver() as sink:
                sink.put_until_taken(self._records(changes))
            self._check(changes)
            return
        kept: list[Change] = [(1, 0), (2, 0)]
        sink = self._driver(ErrantCollector()).start()
        try:
            sink.put_until_taken(self._records([*kept, (1, None)]))
            sink.end()
        except ConnectException:
            sink.abandon()
        else:
            self._check(kept)

    def test_redelivery_changes_nothing(self) -> None:
        changes: list[Change] = [*((number, 0) for number in range(10)), (1, 1), (2, 1)]
        records = self._records(changes)
        with self._driver() as sink:
            sink.put_until_taken(records)
        with self._driver() as sink:
            sink.put_until_taken(records)
        if self.idempotent:
            self._check(changes)
        else:
            self._check(changes, at_least=True)

    def test_only_what_is_durable_is_committed(self) -> None:
        """What pre_commit answers is in the target, even if the process dies the moment after."""
        changes: list[Change] = [(number, 0) for number in range(7)]
        records = self._records(changes)
        sink = self._driver().start()
        try:
            done = 0
            for at, record in enumerate(records):
                sink.put_until_taken([record])
                done = sink.commit().get(self._partition(), done)
                missing = {number for number, _ in changes[:done]} - {number for number, _ in self.read()}
                check(
                    not missing, f"Committed up to {done} of {at + 1} records, but the target lacks {sorted(missing)}."
                )
        finally:
            sink.abandon()
        with self._driver() as sink:
            sink.put_until_taken(records[done:])
        self._check(changes, at_least=not self.idempotent)

    def test_a_failure_before_the_commit_loses_nothing(self) -> None:
        changes: list[Change] = [(number, version) for version in range(2) for number in range(20)]
        records = self._records(changes)
        sink = self._driver().start()
        sink.put_until_taken(records[:30])
        sink.abandon()
        with self._driver() as sink:
            sink.put_until_taken(records)
        self._check(changes, at_least=not self.idempotent)

    def test_partitions_come_and_go(self) -> None:
        one, two = self._partition(0), self._partition(1)
        left: list[Change] = [(number, 0) for number in range(10)]
        right: list[Change] = [(number, 0) for number in range(100, 110)]
        with self._driver(partitions=[one, two]) as sink:
            sink.put_until_taken([*self._records(left[:5]), *self._records(right[:5], partition=1)])
            durable = sink.close([two])
            check(durable.get(two) == 5, f"Before partition 1 was closed, pre_commit answered {durable}.")
            sink.put_until_taken(self._records(left)[5:])
            with self._driver(partitions=[two]) as other:
                other.put_until_taken(self._records(right, partition=1)[5:])
        self._check([*left, *right])

    def test_a_target_that_is_away_costs_nothing(self) -> None:
        changes: list[Change] = [(number, 0) for number in range(10)]
        records = self._records(changes)
        with self._driver() as sink:
            sink.put_until_taken(records[:5])
            sink.commit()
            away = self.interrupt()
            if away is None:
                skip("interrupt() is not given")
                return
            with away:
                try:
                    sink.put(records[5:])
                    check(
                        sink.commit().get(self._partition(), 0) <= 5,
                        "The target is away, yet pre_commit says that records are durable in it.",
                    )
                except RetriableException:
                    pass
                except ConnectException:
                    skip("this sink fails when the target is away, and is started again")
            sink.put_until_taken(records[5:], self.deadline_s)
            sink.commit()
        self._check(changes, at_least=not self.idempotent)

    def test_a_bad_record_is_reported(self) -> None:
        bad = self.bad_record()
        if bad is None:
            skip("bad_record() is not given")
            return
        good = self._records([(1, 0), (2, 0), (3, 0)])
        records = [good[0], bad, good[2]]
        collector = ErrantCollector()
        with self._driver(collector) as sink:
            sink.put_until_taken(records)
            sink.commit()
        reported = [record.original_offset for record, _ in collector.reported]
        check(set(reported) == {1}, f"Of offsets 0, 1 (bad) and 2 were reported: {reported}")
        self._check([(1, 0), (3, 0)])

    def test_a_bad_record_fails_the_task_when_it_cannot_be_reported(self) -> None:
        bad = self.bad_record()
        if bad is None:
            skip("bad_record() is not given")
            return
        sink = self._driver().start()
        failed = False
        try:
            sink.put(self._records([(1, 0)]))
            sink.put([bad])
            sink.commit()
        except RetriableException as error:
            raise AssertionError(f"A bad record does not get better by waiting: {error}") from error
        except ConnectException:
            failed = True
        finally:
            sink.abandon()
        check(failed, "A bad record was taken, though there is nowhere to report it to.")

    def test_the_whole_loop(self) -> None:
        changes: list[Change] = [(number, version) for version in range(3) for number in range(40)]
        records = self._records(changes)
        run = run_sink(self.connector, self.config(), records[:60], deadline_s=self.deadline_s)
        self._check(changes[:60])
        again = SinkRun(self.connector, self.config(), log=run.log, deadline_s=self.deadline_s)
        again.send(records[60:])
        with again:
            again.wait()
        self._check(changes, at_least=not self.idempotent)

    def test_an_idle_sink_stops_promptly(self) -> None:
        with SinkRun(self.connector, self.config(), deadline_s=self.deadline_s) as run:
            run.send(self._records([(1, 0)]))
            run.wait()
            started = time.monotonic()
            run.stop()
            took = time.monotonic() - started
        check(took <= self.prompt_s, f"stop took {took:.1f} s; allowed are {self.prompt_s} s.")

    def test_a_task_that_never_started_stops(self) -> None:
        task = self.connector().task_class()()
        task.stop()
        with self._driver() as sink:
            pass
        sink.task.stop()

    # ---- helpers --------------------------------------------------------------------------------

    def _partition(self, number: int = 0) -> TopicPartition:
        return TopicPartition(self.topic, number)

    def _driver(
        self, reporter: ErrantCollector | None = None, partitions: Sequence[TopicPartition] | None = None
    ) -> SinkDriver:
        return SinkDriver(self.connector, self.config(), partitions or [self._partition()], reporter=reporter)

    def _records(self, changes: Sequence[Change], partition: int = 0) -> list[SinkRecord]:
        records = []
        for offset, (number, version) in enumerate(changes):
            key_schema, key, value_schema, value = self.record(number, version or 0)
            if version is None:
                value_schema = value = None
            stamp = 1_700_000_000_000 + offset
            records.append(SinkRecord(self.topic, partition, key_schema, key, value_schema, value, offset, stamp))
        return records

    def _expected(self, changes: Iterable[Change]) -> list[tuple[int, int]]:
        if not self.upserts:
            return sorted((number, version) for number, version in changes if version is not None)
        last: dict[int, int] = {}
        for number, version in changes:
            if version is None:
                last.pop(number, None)
            else:
                last[number] = version
        return sorted(last.items())

    def _check(self, changes: Iterable[Change], *, at_least: bool = False) -> None:
        expected, found = self._expected(changes), sorted(self.read())
        if at_least:
            check(set(found) == set(expected), f"The target has {found}, expected is {expected}, some maybe twice.")
        else:
            check(found == expected, f"The target has {found}, expected is {expected}.")
