"""Which topics a producer may write to: looked up before anything is sent, made where that is allowed."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from typing import Final

from headrace.errors import NotFoundException
from headrace.log.kafka.topics import Topics
from headrace.log.spi import TopicSpec

_KNOWN_S: Final = 1.0
"""How long a topic is taken to be there without looking again."""


class KnownTopics:
    """Of one producer. Not thread-safe."""

    def __init__(self, topics: Topics, auto_create: bool) -> None:
        self._topics = topics
        self._auto_create = auto_create
        self._known: dict[str, int] = {}
        self._until = 0.0

    def require(self, partitions: Collection[tuple[str, int]], others: Iterable[str] = ()) -> None:
        """These partitions and the topics `others` exist, or are made; NotFoundException (TOPIC_UNKNOWN, PARTITION_UNKNOWN)."""
        if time.monotonic() > self._until:
            self.forget()
        unknown = {*others, *(topic for topic, _ in partitions)} - self._known.keys()
        if unknown:
            self._known |= self._find(sorted(unknown))
            self._until = time.monotonic() + _KNOWN_S
        for topic, partition in partitions:
            if not 0 <= partition < self._known[topic]:
                raise NotFoundException(
                    f"There is no partition {topic}-{partition}.",
                    code="PARTITION_UNKNOWN",
                    remedy="Create the topic with enough partitions first.",
                )

    def partitions(self, topic: str) -> int:
        """Of one that was required."""
        return self._known[topic]

    def forget(self) -> None:
        """Look all up again."""
        self._known = {}

    def _find(self, names: list[str]) -> dict[str, int]:
        found = self._topics.partitions(names)
        missing = [name for name, count in found.items() if not count]
        if missing and self._auto_create:
            self._topics.create([TopicSpec(name, -1) for name in missing])
            found = self._topics.partitions(names)
            missing = [name for name, count in found.items() if not count]
        if missing:
            raise unknown_topic(missing[0])
        return found


def unknown_topic(name: str) -> NotFoundException:
    """A topic that is missing and that nobody makes."""
    return NotFoundException(
        f"There is no topic {name}, and topics are not created automatically.",
        code="TOPIC_UNKNOWN",
        remedy="Create the topic, or set topic.creation.default.partitions and .replication.factor.",
    )
