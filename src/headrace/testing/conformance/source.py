"""The suite for any source.

    class TestShop(SourceConformance):
        connector = ShopSourceConnector

        def config(self): return {"topic": "shop", …}
        def produce(self, count): insert `count` rows, return their ids
        def identity(self, record): return record.key["id"]

What is asked: nothing is lost, whenever the task ends and wherever its offsets stand; every record comes once where nothing failed;
`poll`, `stop` and `close` are prompt.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any, ClassVar

from headrace.data import ConnectRecord, SourceRecord, Struct
from headrace.data.validation import validate_value
from headrace.errors import ConnectException, RetriableException
from headrace.spi.connector import SourceConnector
from headrace.testing import faults
from headrace.testing.conformance.common import ConnectorTests, check, skip
from headrace.testing.drivers import SourceDriver
from headrace.testing.source_run import SourceRun, run_source


class SourceConformance(ConnectorTests):
    """Subclass it as `Test…`; see the module's docstring. Each test works on an instance, and so on a source, of its own."""

    connector: type[SourceConnector]
    repeats_after_stop: ClassVar[bool] = False
    """Declare True for a source that gives some records again after a graceful stop."""
    count: ClassVar[int] = 12
    """How many things are produced at a time."""

    def produce(self, count: int) -> Sequence[Hashable]:
        """Make `count` new things at the source, each of which gives one record; return their identities, in any order."""
        raise NotImplementedError(f"{type(self).__name__} must make data at the source: produce(count).")

    def identity(self, record: ConnectRecord) -> Hashable | None:
        """What identifies the thing a record is about; None for a record that is none of them. Default: the key's values, the value
        itself for a key of one field."""
        key = record.key
        if isinstance(key, Struct):
            values = tuple(key.to_dict().values())
            return values[0] if len(values) == 1 else values
        return key  # type: ignore[no-any-return]

    def interrupt(self) -> AbstractContextManager[Any] | None:
        """Within the context the source is away; None: that cannot be done here, and nothing is tested."""
        return None

    # ---- the tests ------------------------------------------------------------------------------

    def test_every_record_comes_once(self) -> None:
        wanted = self.produce(self.count)
        with self._run() as run:
            run.wait(self._has(wanted))
            later = self.produce(self.count)
            records = run.wait(self._has([*wanted, *later]))
        self._check_once(records, [*wanted, *later])
        check(run.offsets, "No source offset was committed: give each record its source_partition and source_offset.")

    def test_tasks_share_the_work(self) -> None:
        wanted = self.produce(self.count)
        with ExitStack() as stack:
            drivers: list[SourceDriver] = []
            for number in range(self._planned(3)):
                driver = SourceDriver(self.connector, self.config(), number=number, max_tasks=3)
                drivers.append(stack.enter_context(driver))
            records: list[SourceRecord] = []
            deadline = time.monotonic() + self.deadline_s
            busy = True
            while busy or not self._has(wanted)(records):
                check(
                    time.monotonic() < deadline,
                    f"{len(drivers)} tasks gave only {len(records)} records: {records[-3:]}",
                )
                polled = [record for driver in drivers for record in driver.poll()]
                records += polled
                busy = bool(polled)
        self._check_once(records, wanted)

    def test_values_fit_their_schemas(self) -> None:
        wanted = self.produce(3)
        with SourceDriver(self.connector, self.config()) as source:
            for record in source.take(self._has(wanted), self.deadline_s):
                check(record.topic, f"A record without topic: {record}")
                for schema, value in ((record.key_schema, record.key), (record.value_schema, record.value)):
                    if schema is not None:
                        validate_value(schema, value)

    def test_a_stop_and_start_loses_nothing(self) -> None:
        wanted = list(self.produce(self.count))
        first = run_source(self.connector, self.config(), self._has(wanted), deadline_s=self.deadline_s)
        wanted += self.produce(self.count)
        second = run_source(self.connector, self.config(), self._has(wanted), resume=first, deadline_s=self.deadline_s)
        if not self.repeats_after_stop:
            self._check_once(second.records, wanted)

    def test_a_stop_in_the_middle_loses_nothing(self) -> None:
        wanted = list(self.produce(self.count * 5))
        first = run_source(self.connector, self.config(), 1, deadline_s=self.deadline_s)
        run_source(self.connector, self.config(), self._has(wanted), resume=first, deadline_s=self.deadline_s)

    def test_a_failure_after_a_poll_loses_nothing(self) -> None:
        wanted = list(self.produce(self.count))
        first = SourceRun(self.connector, self.config(), deadline_s=self.deadline_s)
        with faults.fail("source.after_read") as fault:
            try:
                with first:
                    first.wait(self._has(wanted))
            except ConnectException as error:
                check(error.code == "FAILPOINT", f"The task failed with {error} instead of the fault.")
        check(fault.reached.is_set(), "The source gave no records.")
        wanted += self.produce(self.count)
        run_source(self.connector, self.config(), self._has(wanted), resume=first, deadline_s=self.deadline_s)

    def test_any_offset_is_a_place_to_go_on_from(self) -> None:
        """Whichever record's offset was the last to be stored: the records behind it come, or come again."""
        wanted = self.produce(self.count)
        with SourceDriver(self.connector, self.config()) as source:
            records = source.take(self._has(wanted), self.deadline_s)
        identities = [self.identity(record) for record in records]
        for last in sorted({0, len(records) // 2, len(records) - 2} & set(range(len(records)))):
            behind = [identity for identity in identities[last + 1 :] if identity is not None]
            stored = source.offsets(records[: last + 1])
            with SourceDriver(self.connector, self.config(), offsets=stored) as again:
                try:
                    again.take(self._has(behind), self.deadline_s)
                except AssertionError as error:
                    raise AssertionError(
                        f"After {last + 1} of {len(records)} records, started again at {stored}: {error}"
                    ) from error

    def test_a_log_that_refuses_for_a_while_costs_nothing(self) -> None:
        wanted = self.produce(self.count)
        run = self._run()
        run.log.fail_next("append", RetriableException("no room", code="LOG_DISK_FULL"), times=2)
        with run:
            records = run.wait(self._has(wanted))
        self._check_once(records, wanted)

    def test_a_source_that_is_away_for_a_while_loses_nothing(self) -> None:
        wanted = list(self.produce(self.count * 5))
        with self._run() as run:
            run.wait(1)
            away = self.interrupt()
            if away is None:
                skip("interrupt() is not given")
                return
            with away:
                pass
            wanted += self.produce(self.count)
            with self.interrupt() or nullcontext():
                time.sleep(0.05)
            wanted += self.produce(self.count)
            run.wait(self._has(wanted))

    def test_an_idle_poll_returns(self) -> None:
        wanted = self.produce(1)
        with SourceDriver(self.connector, self.config()) as source:
            source.take(self._has(wanted), self.deadline_s)
            for _ in range(2):
                self._promptly("poll() with nothing new", source.poll)

    def test_an_idle_source_stops_promptly(self) -> None:
        wanted = self.produce(1)
        run = self._run().start()
        try:
            run.wait(self._has(wanted))
        finally:
            self._promptly("stop", run.stop)

    def test_a_paused_source_goes_on(self) -> None:
        wanted = list(self.produce(self.count))
        with self._run() as run:
            run.wait(self._has(wanted))
            for task in run.tasks:
                task.runner.pause()
            wanted += self.produce(self.count)
            for task in run.tasks:
                task.runner.resume()
            records = run.wait(self._has(wanted))
        self._check_once(records, wanted)

    def test_a_task_that_never_started_closes(self) -> None:
        task = self.connector().task_class()()
        task.stop()
        task.close()
        with SourceDriver(self.connector, self.config()) as source:
            source.task.stop()
            source.task.close()

    # ---- helpers --------------------------------------------------------------------------------

    def _run(self, **options: Any) -> SourceRun:
        return SourceRun(self.connector, self.config(), deadline_s=self.deadline_s, **options)

    def _planned(self, most: int) -> int:
        connector = self._started()
        try:
            return len(connector.task_configs(most))
        finally:
            connector.stop()

    def _has(self, wanted: Sequence[Hashable]) -> Callable[[Sequence[ConnectRecord]], bool]:
        missing = set(wanted)
        return lambda records: missing <= {self.identity(record) for record in records}

    def _check_once(self, records: Sequence[ConnectRecord], wanted: Sequence[Hashable]) -> None:
        found = Counter(identity for record in records if (identity := self.identity(record)) is not None)
        twice = {identity: times for identity, times in found.items() if times > 1}
        check(not twice, f"These came more than once though nothing failed: {twice}")
        check(set(found) == set(wanted), f"Never produced, yet found: {set(found) - set(wanted)}")

    def _promptly(self, what: str, action: Callable[[], Any]) -> None:
        started = time.monotonic()
        action()
        took = time.monotonic() - started
        check(took <= self.prompt_s, f"{what} took {took:.1f} s; allowed are {self.prompt_s} s.")
