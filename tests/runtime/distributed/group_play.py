"""Groups whose members a test starts, in its own process and in others, on a real broker."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from headrace.runtime.distributed.member import Member
from tests.runtime.distributed.group_worker import NotingWorker, Topic, member


class Group:
    """Members of one group within the test's own process."""

    def __init__(self, bootstrap: str, group: str, sizes: Mapping[str, int]) -> None:
        self.bootstrap, self.group = bootstrap, group
        self.topic = Topic(sizes)
        self.owners: dict[object, str] = {}
        self.changed = asyncio.Event()
        self.workers: dict[str, NotingWorker] = {}
        self.members: dict[str, Member] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def join(self, name: str, **more: str) -> NotingWorker:
        worker = NotingWorker(name, self.topic, self.owners)
        self.start(name, worker, **more)
        return worker

    def start(self, name: str, worker: NotingWorker, **more: str) -> None:
        self.workers[name] = worker
        worker.told = self.changed.set
        self.members[name] = member(self.bootstrap, self.group, worker, **more)
        self.tasks[name] = asyncio.create_task(self.members[name].run())

    async def leave(self, name: str) -> None:
        """As a worker does that is told to stop: its work first."""
        worker = self.workers.pop(name)
        assert worker.membership is not None
        await worker.stop(worker.membership.work)
        await self.end(name)

    async def end(self, name: str) -> None:
        self.tasks[name].cancel()
        with suppress(asyncio.CancelledError):
            await self.tasks.pop(name)

    async def until(self, holds: Callable[[], bool], timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s):
            while not holds():
                self.check()
                self.changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.changed.wait(), 0.2)

    def check(self) -> None:
        """Raise what has ended a member."""
        for task in self.tasks.values():
            if task.done():
                task.result()

    async def settled(self, timeout_s: float = 20) -> None:
        """Everything runs once, evenly."""
        work = self.topic.now.work
        await self.until(lambda: len(self.owners) == len(work.connectors) + len(work.tasks) and self.even(), timeout_s)

    def even(self) -> bool:
        """All run what they were told, in one generation, and tasks are shared evenly."""
        memberships = [worker.membership for worker in self.workers.values()]
        if None in memberships or len({m.generation for m in memberships if m}) != 1:
            return False
        counts = [len(m.work.tasks) for m in memberships if m]
        return max(counts) - min(counts) <= 1

    def set(self, sizes: Mapping[str, int]) -> None:
        """Change the config topic; all read it, and one asks for a rebalance."""
        self.topic.set(sizes)
        for worker in self.workers.values():
            worker.read = self.topic.now
        next(iter(self.members.values())).rejoin("connectors have changed")


@asynccontextmanager
async def group(bootstrap: str, name: str, sizes: Mapping[str, int]) -> AsyncIterator[Group]:
    made = Group(bootstrap, name, sizes)
    try:
        yield made
    finally:
        for member_name in list(made.tasks):
            await made.end(member_name)


class Process:
    """A member in a process of its own."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.child = child
        assert child.stdout is not None
        self._out = child.stdout

    async def until(self, holds: Callable[[list[str]], bool]) -> bool:
        """Wait until what it runs from now on is so; whether it was sure of its place then."""
        async with asyncio.timeout(30):
            while True:
                line: Any = json.loads(await self._out.readline())
                if holds(line[0]):
                    return bool(line[1])


@asynccontextmanager
async def process(ours: Group, name: str, sizes: Mapping[str, int], **more: str) -> AsyncIterator[Process]:
    words = [ours.bootstrap, ours.group, name, json.dumps(sizes), json.dumps(more)]
    module = "tests.runtime.distributed.group_worker"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in [os.getcwd(), *sys.path] if path)}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *words, stdout=asyncio.subprocess.PIPE, env=environment
    )
    try:
        yield Process(child)
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
