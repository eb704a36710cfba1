"""Groups over processes that die, stop and come: every record is delivered, in order, and no partition has two owners."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from headrace.log.embedded.log import EmbeddedLog
from headrace.log.spi import TopicSpec
from tests.log.children import Child
from tests.log.helpers import numbered, tp, until

OpenLog = Callable[..., EmbeddedLog]
PARTITIONS = 6
TOTAL = 3000


def check_owners(children: list[Child]) -> int:
    """Fail if two owned a partition at once; returns how often partitions changed hands."""
    stints: dict[int, list[tuple[int, int]]] = {}
    for child in children:
        since: dict[int, int] = {}
        for event in child.events:
            if event.get("event") == "assigned":
                since |= dict.fromkeys(event["partitions"], event["at"])
            elif event.get("event") in ("revoked", "lost"):
                for partition in event["partitions"]:
                    stints.setdefault(partition, []).append((since.pop(partition), event["at"]))
        for partition, start in since.items():
            assert child.killed_at is not None
            stints.setdefault(partition, []).append((start, child.killed_at))
    for partition, times in stints.items():
        times.sort()
        for (_, end), (start, _) in pairwise(times):
            assert end <= start, f"partition {partition} had two owners"
    return sum(len(times) - 1 for times in stints.values())


def check_order(children: list[Child]) -> None:
    """Fail unless each stint of a member read a partition in order and without gaps, from a committed place on."""
    for child in children:
        expected: dict[int, int] = {}
        for event in child.events:
            if event.get("event") == "assigned":
                for partition in event["partitions"]:
                    expected.pop(partition, None)
            elif event.get("event") == "read":
                first = event["first"]
                assert expected.get(event["partition"], first) == first
                assert event["values"] == list(range(first, first + len(event["values"])))
                expected[event["partition"]] = first + len(event["values"])


def test_members_killed_while_others_append(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    log.create_topics([TopicSpec("t", PARTITIONS)])
    chance = random.Random(5)
    everyone: list[Child] = []
    try:
        alive = [Child("consume", folder, 10_000) for _ in range(2)]
        everyone += alive
        until(lambda: all(child.events for child in alive), "both read")
        writer = Child("produce", folder, 0, TOTAL, PARTITIONS)
        everyone.append(writer)
        for _ in range(4):
            newcomer = Child("consume", folder, 10_000)
            everyone.append(newcomer)
            until(lambda newcomer=newcomer: len(newcomer.events) > 0, "the newcomer has a part")  # type: ignore[misc]
            victim = alive.pop(chance.randrange(len(alive)))
            victim.kill()
            alive.append(newcomer)
        assert writer.wait() == 0
        ends = {tp("t", n): TOTAL for n in range(PARTITIONS)}
        assert log.end_offsets(ends) == ends
        until(lambda: log.group_offsets("g") == ends, "all is read and committed")
    finally:
        for child in everyone:
            child.kill()
    readers = [child for child in everyone if child is not writer]
    delivered: dict[int, set[int]] = {}
    for child in readers:
        for event in child.events:
            if event.get("event") == "read":
                delivered.setdefault(event["partition"], set()).update(event["values"])
    assert delivered == {n: set(range(TOTAL)) for n in range(PARTITIONS)}
    check_order(readers)
    assert check_owners(readers) >= 4


def test_a_killed_member_is_replaced_at_once(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    log.create_topics([TopicSpec("t")])
    consumer = log.consumer("g", "c", session_timeout_ms=60_000)
    consumer.subscribe(["t"], None)
    with Child("consume", folder, 60_000) as child:
        until(lambda: bool(child.events), "the child reads")
        consumer.poll(1, 0)
        assert consumer.assignment() == set()
    killed = time.monotonic()
    while not consumer.assignment():
        consumer.poll(1, 1)
        assert time.monotonic() - killed < 5
    consumer.close()


def test_a_stopped_member_is_expelled_after_its_session_and_its_commits_are_refused(
    open_log: OpenLog, folder: Path
) -> None:
    log = open_log()
    producer = log.producer("p")
    producer.append([numbered("t", 0, 5)])
    with Child("consume", folder, 1_200) as child:
        until(lambda: log.group_offsets("g") == {tp("t"): 5}, "the child reads")
        child.signal(signal.SIGSTOP)
        consumer = log.consumer("g", "c", session_timeout_ms=1_200)
        consumer.subscribe(["t"], None)
        until(lambda: consumer.poll(1, 0.1) is not None and bool(consumer.assignment()), "the partition comes")
        producer.append([numbered("t", 5, 5)])
        until(lambda: bool(consumer.poll(5, 0.1)), "this one reads")
        child.signal(signal.SIGCONT)
        until(lambda: any(event.get("event") == "lost" for event in child.events), "the child learns it")
        consumer.commit({tp("t"): 10})
        consumer.close()


def test_a_slow_reader_keeps_its_partitions(open_log: OpenLog, folder: Path) -> None:
    log = open_log()
    log.create_topics([TopicSpec("t")])
    slow = log.consumer("g", "slow", session_timeout_ms=400)
    slow.subscribe(["t"], None)
    slow.poll(1, 0)
    other = open_log().consumer("g", "other", session_timeout_ms=400)
    other.subscribe(["t"], None)
    deadline = time.monotonic() + 1.6
    while time.monotonic() < deadline:
        other.poll(1, 0.2)
        assert other.assignment() == set()
    slow.commit({tp("t"): 0})
    other.close()
    slow.close()
