"""Who runs what: nothing twice, nothing forgotten, evenly, and no more moved than has to be. Groups are played round by round."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from headrace.runtime.distributed.assignor import Memory, Plan, Round, assign, assign_eagerly, revocation_delay_ms
from headrace.runtime.distributed.work import TaskId, Work, duplicated, union

DELAY_MS = 300_000


def configured(sizes: Iterable[int]) -> Work:
    """Connectors c0, c1 … with so many tasks each."""
    sizes = list(sizes)
    return Work.of(
        [f"c{index}" for index in range(len(sizes))],
        [(f"c{index}", task) for index, size in enumerate(sizes) for task in range(size)],
    )


class Group:
    """A group whose leader never changes; every member does at once what it is told."""

    def __init__(self, work: Work, members: Iterable[str], max_delay_ms: int = DELAY_MS) -> None:
        self.work = work
        self.running: dict[str, Work] = {member: Work() for member in members}
        self.max_delay_ms = max_delay_ms
        self.now_ms = 1_000
        self.generation = 0
        self.memory = Memory()
        self.started: list[object] = []

    def rebalance(self) -> Plan:
        plan, self.memory = assign(
            self.memory,
            Round(dict(self.running), self.work, self.generation - 1, self.generation, self.now_ms, self.max_delay_ms),
        )
        self.generation += 1
        for member in self.running:
            kept = self.running[member] - plan.revoked[member]
            new = plan.assigned[member]
            assert not kept & new
            assert not new & plan.revoked[member]
            self.started += [*new.connectors, *new.tasks]
            self.running[member] = kept | new
            assert self.running[member].ordered() == plan.total[member].ordered()
        assert not duplicated(self.running.values())
        assert not union(self.running.values()) - self.work
        return plan

    def settle(self, wait: bool = True) -> int:
        """Rebalance until nobody has to; how many rounds. `wait`: through delays, too."""
        for rounds in range(1, 60):
            plan = self.rebalance()
            if plan.delay_ms and not wait:
                return rounds
            self.now_ms += plan.delay_ms
            if not plan.delay_ms and not any(plan.revoked.values()) and not self.missing():
                return rounds
        raise AssertionError("the group does not settle")

    def missing(self) -> Work:
        return self.work - union(self.running.values())

    def assert_settled(self) -> None:
        assert not self.missing()
        for kind in ("connectors", "tasks"):
            counts = [len(getattr(work, kind)) for work in self.running.values()]
            assert max(counts) - min(counts) <= 1, (kind, counts)


SIZES = st.lists(st.integers(0, 6), max_size=20)
MEMBERS = st.integers(1, 12).map(lambda count: [f"w{number}" for number in range(count)])


@given(SIZES, MEMBERS)
def test_a_new_group_is_complete_and_even_at_once(sizes: list[int], members: list[str]) -> None:
    group = Group(configured(sizes), members)
    group.rebalance()
    group.assert_settled()


@settings(max_examples=60)
@given(
    SIZES,
    MEMBERS,
    st.lists(st.tuples(st.sampled_from(["join", "leave", "grow", "shrink"]), st.integers(0, 99)), max_size=8),
)
def test_whatever_happens_all_runs_once_in_the_end(
    sizes: list[int], members: list[str], events: list[tuple[str, int]]
) -> None:
    group = Group(configured(sizes), members)
    group.settle()
    for number, (what, where) in enumerate(events):
        if what == "join":
            group.running[f"new{number}"] = Work()
        elif what == "leave" and len(group.running) > 1:
            del group.running[sorted(group.running)[where % len(group.running)]]
        elif what == "grow":
            sizes = [*sizes, where % 5]
        elif what == "shrink":
            sizes = sizes[: len(sizes) // 2]
        group.work = configured(sizes)
        group.rebalance()
    group.settle()
    group.assert_settled()


@given(st.lists(st.integers(0, 6), min_size=1, max_size=20), MEMBERS, st.integers(0, 6))
def test_a_connector_more_restarts_nothing_of_the_others(sizes: list[int], members: list[str], more: int) -> None:
    group = Group(configured(sizes), members)
    group.settle()
    before = dict(group.running)
    group.work = configured([*sizes, more])
    group.started.clear()
    group.settle()
    name = f"c{len(sizes)}"
    assert sorted(group.started, key=str) == sorted([name, *(TaskId(name, task) for task in range(more))], key=str)
    for member, work in before.items():
        assert not work - group.running[member]
    group.assert_settled()


@given(st.lists(st.integers(1, 6), min_size=1, max_size=20), st.integers(2, 12))
def test_what_a_lost_worker_ran_waits_for_it_and_then_moves_alone(sizes: list[int], count: int) -> None:
    group = Group(configured(sizes), [f"w{number}" for number in range(count)])
    group.settle()
    gone = group.running.pop("w0")
    kept = dict(group.running)
    group.started.clear()
    plan = group.rebalance()
    if not gone:
        assert not group.started
        return
    assert plan.delay_ms == DELAY_MS
    assert not group.started
    assert group.missing().ordered() == gone.ordered()
    group.now_ms += DELAY_MS
    group.rebalance()
    assert sorted(group.started, key=str) == sorted([*gone.connectors, *gone.tasks], key=str)
    assert all(not work - group.running[member] for member, work in kept.items())
    assert not group.missing()


@given(st.lists(st.integers(1, 6), min_size=1, max_size=20), st.integers(2, 12))
def test_a_worker_that_returns_in_time_gets_its_work_back(sizes: list[int], count: int) -> None:
    group = Group(configured(sizes), [f"w{number}" for number in range(count)])
    group.settle()
    gone = group.running.pop("w0")
    kept = dict(group.running)
    # One that has nothing to do is taken for one that has returned.
    assume(all(kept.values()))
    group.rebalance()
    group.now_ms += DELAY_MS // 2
    group.running["again"] = Work()
    plan = group.rebalance()
    assert plan.delay_ms in (0, DELAY_MS - DELAY_MS // 2)
    group.now_ms += plan.delay_ms
    group.rebalance()
    assert group.running["again"].ordered() == gone.ordered()
    assert {member: work for member, work in group.running.items() if member != "again"} == kept


def test_without_a_delay_lost_work_moves_at_once() -> None:
    group = Group(configured([3, 3]), ["a", "b", "c"], max_delay_ms=0)
    group.settle()
    gone = group.running.pop("c")
    assert group.rebalance().delay_ms == 0
    assert gone
    assert not group.missing()


def test_what_runs_twice_is_revoked_everywhere_and_assigned_once() -> None:
    group = Group(configured([2]), ["a", "b"])
    twice = Work.of(["c0"], [("c0", 0)])
    group.running = {"a": twice, "b": twice | Work.of([], [("c0", 1)])}
    group.rebalance()
    assert {"c0", TaskId("c0", 0)}.isdisjoint(
        {*union(group.running.values()).tasks, *union(group.running.values()).connectors}
    )
    group.settle()
    group.assert_settled()


def test_deleted_work_is_revoked() -> None:
    group = Group(configured([2, 2]), ["a", "b"])
    group.settle()
    group.work = configured([2])
    plan = group.rebalance()
    assert union(plan.revoked.values()).ordered() == Work.of(["c1"], [("c1", 0), ("c1", 1)])
    group.settle()
    group.assert_settled()


def test_revocations_in_succession_wait_longer_and_longer() -> None:
    assert [revocation_delay_ms(rounds, DELAY_MS) for rounds in range(5)] == [1, 40, 1600, 64_000, DELAY_MS]
    assert revocation_delay_ms(3, 0) == 0


@given(SIZES, MEMBERS)
def test_eagerly_by_turns(sizes: list[int], members: list[str]) -> None:
    work = configured(sizes)
    plan = assign_eagerly(dict.fromkeys(members), work)
    assert not duplicated(plan.total.values())
    assert union(plan.total.values()).ordered() == work.ordered()
    counts = [len(part.connectors) + len(part.tasks) for part in plan.total.values()]
    assert max(counts) - min(counts) <= 1


def test_a_large_group() -> None:
    group = Group(configured([10] * 1000), [f"w{number}" for number in range(1000)])
    group.rebalance()
    group.assert_settled()
    group.running["late"] = Work()
    group.settle()
    group.assert_settled()
