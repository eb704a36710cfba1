"""The suites accept what is right and notice each way of being wrong."""

from __future__ import annotations

import itertools
import unittest
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from tests.testing import kit_plugins as kit

from headrace.data import SinkRecord
from headrace.testing import SinkConformance, SourceConformance, TransformConformance, sink_record

_numbers = itertools.count(1)


class Numbers(SourceConformance):
    connector = kit.NumbersConnector
    refused = (({"batch.size": "0"}, "batch.size"),)
    deadline_s = 0.5
    prompt_s = 0.4

    @property
    def world(self) -> list[Any]:
        return kit.WORLDS.setdefault(self.__dict__.setdefault("name", f"world{next(_numbers)}"), [])

    def config(self) -> dict[str, str]:
        assert self.world is not None
        return {"world": self.name}

    def produce(self, count: int) -> Sequence[int]:
        first = len(self.world)
        self.world.extend(range(first, first + count))
        return range(first, first + count)

    def outside(self) -> Any:
        return list(self.world)


class Lists(SinkConformance):
    connector = kit.ListConnector
    deletes = True

    world = Numbers.world

    def config(self) -> dict[str, str]:
        assert self.world is not None
        return {"world": self.name, "topics": self.topic}

    def read(self) -> Collection[tuple[int, int]]:
        return [(number, version) for number, version in self.world]

    def bad_record(self) -> SinkRecord:
        return sink_record(self.topic, {"id": 1}, "text", offset=1)

    @contextmanager
    def interrupt(self) -> Iterator[None]:
        kit.ListTask.away = True
        try:
            yield
        finally:
            kit.ListTask.away = False


class Loud(TransformConformance):
    transform = kit.Louder

    def config(self) -> dict[str, str]:
        return {"field": "name"}

    def records(self) -> Sequence[Any]:
        return [sink_record("t", {"id": n}, {"id": n, "name": f"x{n}"}, offset=n) for n in range(3)]

    def expected(self) -> Sequence[Any]:
        return [{"id": n, "name": f"x{n}!"} for n in range(3)]

    def refused_records(self) -> Sequence[Any]:
        return [sink_record("t", {"id": 1}, {"id": 1}, schemaless=True)]


class TestNumbers(Numbers):
    pass


class TestLists(Lists):
    pass


class TestLoud(Loud):
    pass


def names_of(suite: type[Any]) -> list[str]:
    return [name for name in dir(suite) if name.startswith("test_")]


def failing(suite: type[Any], **changes: Any) -> set[str]:
    """The tests of a suite that fail for a changed subject."""
    changed = type(suite.__name__, (suite,), changes)
    failed = set()
    for name in names_of(changed):
        try:
            getattr(changed(), name)()
        except unittest.SkipTest:
            pass
        except Exception:
            failed.add(name)
    return failed


@pytest.mark.parametrize(
    ("connector", "noticed"),
    [
        (kit.source_with(kit.ForgetfulTask), "test_a_stop_and_start_loses_nothing"),
        (kit.source_with(kit.AheadTask), "test_any_offset_is_a_place_to_go_on_from"),
        (kit.source_with(kit.RepeatingTask), "test_a_stop_and_start_loses_nothing"),
        (kit.source_with(kit.SleepyTask), "test_an_idle_poll_returns"),
        (kit.source_with(kit.UntypedTask), "test_values_fit_their_schemas"),
        (kit.EagerConnector, "test_tasks_are_planned_for_any_number"),
        (kit.EagerConnector, "test_tasks_share_the_work"),
        (kit.SilentConnector, "test_a_missing_setting_is_named"),
        (kit.SilentConnector, "test_a_value_of_the_wrong_type_is_named"),
        (kit.SilentConnector, "test_refused_settings_are_refused"),
        (kit.MeddlingConnector, "test_working_settings_are_accepted"),
    ],
)
def test_wrong_sources_are_noticed(connector: type[Any], noticed: str) -> None:
    changed = type("Changed", (Numbers,), {"connector": connector})
    with pytest.raises(AssertionError):
        _call(changed, noticed)


@pytest.mark.parametrize(
    ("task", "noticed"),
    [
        (kit.AppendingTask, "test_redelivery_changes_nothing"),
        (kit.BoastingTask, "test_only_what_is_durable_is_committed"),
        (kit.ReversingTask, "test_changes_of_a_key_stay_in_order"),
        (kit.SwallowingTask, "test_a_bad_record_is_reported"),
        (kit.SwallowingTask, "test_a_bad_record_fails_the_task_when_it_cannot_be_reported"),
        (kit.DeadSinkTask, "test_a_target_that_is_away_costs_nothing"),
    ],
)
def test_wrong_sinks_are_noticed(task: type[Any], noticed: str) -> None:
    changed = type("Changed", (Lists,), {"connector": kit.sink_with(task)})
    with pytest.raises(AssertionError):
        _call(changed, noticed)


@pytest.mark.parametrize(
    ("transform", "noticed"),
    [
        (kit.InPlace, {"test_the_input_is_left_alone"}),
        (kit.Counting, {"test_results_do_not_depend_on_what_came_before"}),
        (kit.OtherBatch, {"test_batches_and_records_agree"}),
        (kit.Misfit, {"test_results_fit_their_schemas"}),
        (kit.Rerouting, {"test_what_is_kept", "test_tombstones"}),
    ],
)
def test_wrong_transforms_are_noticed(transform: type[Any], noticed: set[str]) -> None:
    assert noticed <= failing(Loud, transform=transform)


def _call(suite: type[Any], name: str) -> None:
    test: Callable[[], None] = getattr(suite(), name)
    test()
