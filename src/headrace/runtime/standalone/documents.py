"""What a standalone worker remembers between starts: connectors, target states, task configurations, topics in use."""

from __future__ import annotations

import asyncio
import base64
import logging
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from headrace.log.stores import OffsetStore, StateStore
from headrace.runtime.herder import TargetState
from headrace.runtime.standalone.taken_over import take_over_offsets

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Remembered:
    """One connector as stored. `config` is raw."""

    config: dict[str, str]
    target: TargetState = TargetState.STARTED
    tasks: list[dict[str, str]] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)


class Documents:
    """The worker's stores, used from one thread of their own; a write is durable when it has been awaited."""

    def __init__(self, open_stores: Callable[[], tuple[OffsetStore, StateStore]]) -> None:
        self._open = open_stores
        self._thread = ThreadPoolExecutor(1, "headrace-stores")
        self._offsets: OffsetStore
        self._state: StateStore

    async def open(self) -> None:
        self._offsets, self._state = await self._run(self._open)

    async def take_over(self, path: Path) -> int:
        """See `take_over_offsets`."""
        return await self._run(lambda: take_over_offsets(path, self._offsets, self._state))

    async def load(self) -> dict[str, Remembered]:
        """All connectors, in order of creation."""
        return await self._run(self._load)

    def _load(self) -> dict[str, Remembered]:
        targets = self._state.load("target-state")
        tasks = self._state.load("task-configs")
        topics = self._state.load("topics")
        return {
            name: Remembered(
                dict(document["config"]),
                TargetState(targets.get(name, {}).get("state", "STARTED")),
                list(tasks.get(name, {}).get("tasks", [])),
                list(topics.get(name, {}).get("topics", [])),
            )
            for name, document in self._state.load("connector").items()
        }

    async def save_config(self, name: str, config: Mapping[str, str]) -> None:
        await self._save("connector", name, {"config": dict(config)})

    async def save_target(self, name: str, state: TargetState) -> None:
        await self._save("target-state", name, {"state": state.value})

    async def save_tasks(self, name: str, tasks: list[dict[str, str]]) -> None:
        await self._save("task-configs", name, {"tasks": tasks})

    async def save_topics(self, name: str, topics: list[str]) -> None:
        await self._save("topics", name, {"topics": topics})

    async def forget(self, name: str) -> None:
        """Remove a connector; its offsets stay. The configuration goes first: what is left of the rest is never read."""
        for kind in ("connector", "target-state", "task-configs", "topics"):
            await self._run(lambda kind=kind: self._state.delete(kind, name))  # type: ignore[misc]

    async def cluster_id(self, kafka: str | None = None) -> str:
        """The Kafka cluster's id, if the log is on one; else one for this data folder, made up at its first use: as Kafka's,
        16 bytes in URL-safe base64."""
        known = (await self._run(lambda: self._state.load("cluster"))).get("id", {}).get("id")
        if known is not None and kafka not in (None, known):
            logger.warning(
                "The Kafka cluster is %s now, and was %s: sources go on at their offsets, what they wrote before is not there.",
                *(kafka, known),
            )
        cluster = kafka or known or base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if cluster != known:
            await self._save("cluster", "id", {"id": cluster})
        return str(cluster)

    async def source_offsets(self, name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        return await self._run(lambda: self._offsets.list(name))

    async def _save(self, kind: str, name: str, document: Any) -> None:
        await self._run(lambda: self._state.save(kind, name, document))

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
