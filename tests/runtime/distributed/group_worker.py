"""A worker that has no tasks, only notes which it would run; alone, `python -m tests.runtime.distributed.group_worker BOOTSTRAP GROUP …`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

from headrace.runtime.distributed.group_settings import group_settings
from headrace.runtime.distributed.member import Member
from headrace.runtime.distributed.membership import Membership
from headrace.runtime.distributed.work import Configured, Work
from headrace.systems.kafka.cluster import Cluster
from headrace.systems.kafka.settings import client_settings

QUICK = {
    "session.timeout.ms": "1500",
    "heartbeat.interval.ms": "250",
    "rebalance.timeout.ms": "5000",
    "scheduled.rebalance.max.delay.ms": "1500",
    "worker.sync.timeout.ms": "300",
}


class Topic:
    """The config topic: how far it goes, and what it says."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.now = Configured()
        self.set(sizes)

    def set(self, sizes: Mapping[str, int]) -> None:
        """Say how many tasks each connector has."""
        self.now = Configured(self.now.offset + 1, {name: tuple(range(size)) for name, size in sizes.items()})


class NotingWorker:
    """`owners`: which worker runs what, shared by those of one test: nothing may be run by two. `reads`: whether `catch_up` gets anywhere.
    `hold`: what `run` waits for when all is started; `asked`: how often it was asked how far it has read, as before each joining."""

    def __init__(self, name: str, topic: Topic, owners: dict[object, str] | None = None) -> None:
        self.url = f"http://{name}:8083/"
        self.name = name
        self.topic = topic
        self.read = topic.now
        self.reads = True
        self.owners = {} if owners is None else owners
        self.running: set[object] = set()
        self.notes: list[tuple[str, object]] = []
        self.membership: Membership | None = None
        self.told: Callable[[], None] = lambda: None
        self.asked = 0
        self.hold: asyncio.Event | None = None
        self.held = False

    def configured(self) -> Configured:
        self.asked += 1
        return self.read

    async def catch_up(self, timeout_s: float) -> bool:
        await asyncio.sleep(0)
        if self.reads:
            self.read = self.topic.now
        return self.reads

    async def run(self, membership: Membership) -> None:
        self.membership = membership
        for item in _items(membership.work) - self.running:
            assert self.owners.setdefault(item, self.name) == self.name, f"{item} runs on {self.owners[item]}"
            self.running.add(item)
            self.notes.append(("start", item))
        assert self.running == _items(membership.work)
        self.told()
        if self.hold is not None:
            self.held = True
            await self.hold.wait()

    async def stop(self, work: Work) -> None:
        await asyncio.sleep(0)
        for item in _items(work) & self.running:
            self.running.remove(item)
            self.owners.pop(item, None)
            self.notes.append(("stop", item))
        self.told()


def _items(work: Work) -> set[object]:
    return {*work.connectors, *work.tasks}


def member(bootstrap: str, group: str, worker: NotingWorker, **more: str) -> Member:
    """A member with quick times; `more`: keys with `_` for `.`."""
    properties = {"bootstrap.servers": bootstrap, "group.id": group, "request.timeout.ms": "2000", **QUICK}
    properties |= {key.replace("_", "."): value for key, value in more.items()}
    return Member(group_settings(properties), Cluster(client_settings(properties)), worker)


def main() -> None:
    """Be a member and print, after each change, a JSON line: what runs, and whether it is sure of its place."""
    bootstrap, group, name, sizes, more = sys.argv[1:]
    worker = NotingWorker(name, Topic(json.loads(sizes)))

    ours = member(bootstrap, group, worker, **json.loads(more))

    def tell() -> None:
        print(json.dumps([sorted(map(str, worker.running)), ours.membership is not None]), flush=True)

    worker.told = tell
    with suppress(KeyboardInterrupt):
        asyncio.run(ours.run())


if __name__ == "__main__":
    main()
