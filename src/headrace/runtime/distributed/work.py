"""What can be assigned: connectors and tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class TaskId(NamedTuple):
    """One task of a connector; ordered by connector, then number."""

    connector: str
    task: int

    def __str__(self) -> str:
        return f"{self.connector}-{self.task}"


def java_order(text: str) -> bytes:
    """A key that sorts texts as the JVM does, by their UTF-16 units."""
    return text.encode("utf-16-be", "surrogatepass")


def _task_order(task: TaskId) -> tuple[bytes, int]:
    return java_order(task.connector), task.task


@dataclass(frozen=True, slots=True)
class Work:
    """Connectors and tasks of one worker, each once, in the order they were told."""

    connectors: tuple[str, ...] = ()
    tasks: tuple[TaskId, ...] = ()

    @classmethod
    def of(cls, connectors: Iterable[str] = (), tasks: Iterable[tuple[str, int]] = ()) -> Work:
        return cls(tuple(dict.fromkeys(connectors)), tuple(dict.fromkeys(TaskId(*task) for task in tasks)))

    def __bool__(self) -> bool:
        return bool(self.connectors or self.tasks)

    def __or__(self, other: Work) -> Work:
        return Work.of(self.connectors + other.connectors, self.tasks + other.tasks)

    def __sub__(self, other: Work) -> Work:
        connectors, tasks = frozenset(other.connectors), frozenset(other.tasks)
        return Work(
            tuple(name for name in self.connectors if name not in connectors),
            tuple(task for task in self.tasks if task not in tasks),
        )

    def __and__(self, other: Work) -> Work:
        return self - (self - other)

    def ordered(self) -> Work:
        """The same, sorted."""
        return Work(tuple(sorted(self.connectors, key=java_order)), tuple(sorted(self.tasks, key=_task_order)))


@dataclass(frozen=True, slots=True)
class Configured:
    """The config topic as far as assignment needs it: the offset it was read up to, and each connector's tasks."""

    offset: int = -1
    tasks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def work(self) -> Work:
        """All that has to run somewhere, sorted."""
        names = sorted(self.tasks, key=java_order)
        return Work(tuple(names), tuple(TaskId(name, task) for name in names for task in sorted(self.tasks[name])))


def union(parts: Iterable[Work]) -> Work:
    """Everything in any of `parts`."""
    connectors: dict[str, None] = {}
    tasks: dict[TaskId, None] = {}
    for part in parts:
        connectors.update(dict.fromkeys(part.connectors))
        tasks.update(dict.fromkeys(part.tasks))
    return Work(tuple(connectors), tuple(tasks))


def duplicated(parts: Iterable[Work]) -> Work:
    """What is in more than one of `parts`."""
    connectors: dict[str, int] = {}
    tasks: dict[TaskId, int] = {}
    for part in parts:
        for name in part.connectors:
            connectors[name] = connectors.get(name, 0) + 1
        for task in part.tasks:
            tasks[task] = tasks.get(task, 0) + 1
    return Work(
        tuple(name for name, count in connectors.items() if count > 1),
        tuple(task for task, count in tasks.items() if count > 1),
    )
