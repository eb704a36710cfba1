"""Which topics a consumer asks for: those of its names, or that match its pattern, as far as they exist now."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from headrace.errors import ConfigException, RetriableException
from headrace.log.kafka.topics import Topics


class TopicChoice:
    """Looked up anew every `interval_s`. A name that does not exist is not subscribed to, for the library would report it as an error
    again and again; it is once it is there. Exactly one of `names` and `pattern` is given, else ConfigException."""

    def __init__(self, topics: Topics, names: Sequence[str] | None, pattern: str | None, interval_s: float) -> None:
        if (names is None) == (pattern is None):
            raise ConfigException("Give either topic names or a pattern.", code="SUBSCRIPTION_INVALID", field="topics")
        try:
            self._pattern = None if pattern is None else re.compile(pattern)
        except re.error as error:
            raise ConfigException(
                f"{pattern!r} is no regular expression: {error}.", code="SUBSCRIPTION_INVALID", field="topics.regex"
            ) from error
        self._topics = topics
        self._names = list(names or ())
        self._interval_s = interval_s
        self._next = 0.0
        self._partitions: dict[str, int] = {}
        self.first: frozenset[str] | None = None
        """The topics that there were when it was looked up first."""

    def look(self) -> dict[str, int] | None:
        """Topic → partitions, when it is time and they have changed. A cluster that does not answer has not changed."""
        now = time.monotonic()
        if now < self._next:
            return None
        try:
            found = self._find()
        except RetriableException:
            if self.first is None:
                raise
            self._next = now + self._interval_s
            return None
        self._next = now + self._interval_s
        if self.first is None:
            self.first = frozenset(found)
        elif found == self._partitions:
            return None
        self._partitions = found
        return found

    def exists(self, topic: str) -> bool:
        """Whether it did when last looked."""
        return topic in self._partitions

    def _find(self) -> dict[str, int]:
        if self._pattern is None:
            return {name: count for name, count in self._topics.partitions(self._names).items() if count}
        return {name: count for name, count in self._topics.all().items() if self._pattern.fullmatch(name)}
