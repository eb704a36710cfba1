"""Counting balance: what a worker has too much of, and who gets what is new, as the JVM's assignors decide it.

Source: KIP-415 and Kafka Connect 4.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from headrace.runtime.distributed.work import TaskId, Work, java_order

T = TypeVar("T")


@dataclass(slots=True)
class Load:
    """What one worker will have; in the order it was told, for the first ones are the first to go."""

    worker: str
    connectors: dict[str, None] = field(default_factory=dict)
    tasks: dict[TaskId, None] = field(default_factory=dict)

    @classmethod
    def of(cls, worker: str, work: Work) -> Load:
        return cls(worker, dict.fromkeys(work.connectors), dict.fromkeys(work.tasks))

    def __bool__(self) -> bool:
        return bool(self.connectors or self.tasks)

    def work(self) -> Work:
        return Work(tuple(self.connectors), tuple(self.tasks))

    def drop(self, work: Work) -> None:
        for name in work.connectors:
            self.connectors.pop(name, None)
        for task in work.tasks:
            self.tasks.pop(task, None)


@dataclass(slots=True)
class _Share(Generic[T]):
    """One worker's items of one kind."""

    worker: str
    items: dict[T, None]


def excess(configured: Work, loads: Iterable[Load]) -> dict[str, Work]:
    """What has to be revoked from whom so that nobody has more connectors, or tasks, than an even share; empty when all is even.

    The first `total % workers` workers that have more than the share keep one more, in the order of `loads`.
    """
    loads = list(loads)
    if not any(loads) or not configured:
        return {}
    connectors = _excess(len(configured.connectors), [_Share(load.worker, load.connectors) for load in loads])
    tasks = _excess(len(configured.tasks), [_Share(load.worker, load.tasks) for load in loads])
    return {
        load.worker: Work(connectors.get(load.worker, ()), tasks.get(load.worker, ()))
        for load in loads
        if load.worker in connectors or load.worker in tasks
    }


def _excess(total: int, shares: list[_Share[T]]) -> dict[str, tuple[T, ...]]:
    least, extras = divmod(total, len(shares))
    sizes = [len(share.items) for share in shares]
    if sizes.count(least + 1) == extras and sizes.count(least) + extras == len(shares):
        return {}
    result: dict[str, tuple[T, ...]] = {}
    for share, size in zip(shares, sizes, strict=True):
        if size <= least:
            continue
        most = least
        if extras:
            extras -= 1
            most = least + 1
            if size == most:
                continue
        result[share.worker] = tuple(share.items)[: size - most]
    return result


def hand_out(work: Work, loads: list[Load]) -> None:
    """Add `work` to `loads`, each item to one of those that have fewest of its kind; among equals in the order of names."""
    loads.sort(key=lambda load: (len(load.connectors), java_order(load.worker)))
    _hand_out(work.connectors, [_Share(load.worker, load.connectors) for load in loads])
    loads.sort(key=lambda load: (len(load.tasks), java_order(load.worker)))
    _hand_out(work.tasks, [_Share(load.worker, load.tasks) for load in loads])


def _hand_out(items: tuple[T, ...], shares: list[_Share[T]]) -> None:
    left = list(reversed(items))
    while left:
        # Those level with the first, which has fewest: they come first, for the order is by size.
        level = len(shares[0].items)
        for place, share in enumerate(shares):
            if not left or (place and len(share.items) > level):
                break
            share.items[left.pop()] = None


def shared_out(candidates: list[Load], work: Work) -> None:
    """Add `work` to `candidates` by turns, whatever they have."""
    for place, name in enumerate(work.connectors):
        candidates[place % len(candidates)].connectors[name] = None
    for place, task in enumerate(work.tasks):
        candidates[place % len(candidates)].tasks[task] = None


def works(loads: Iterable[Load]) -> Mapping[str, Work]:
    """What each has."""
    return {load.worker: load.work() for load in loads}
