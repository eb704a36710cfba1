"""The topics of a cluster: creating, deleting, what there is and what it is, offsets at both ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeVar

import confluent_kafka
from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec  # type: ignore[attr-defined]

from headrace.errors import RetriableException
from headrace.log.kafka.answers import Answers
from headrace.log.kafka.errors import UNKNOWN_TOPIC, error_of, translated, translating
from headrace.log.spi import TopicSpec
from headrace.spi.context import TopicPartition

T = TypeVar("T")

_INTERNAL: Final = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
"""What the brokers keep for themselves; a client cannot ask for that of all topics at once."""
_EARLIEST: Final = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_MADE_S: Final = 5.0
_SPREAD_S: Final = 10.0
"""A change of topics is known to all brokers within moments; who waits longer goes on with what there is."""


class Topics:
    """All by one admin client. Thread-safe."""

    def __init__(self, admin: AdminClient, answers: Answers, default_partitions: int = -1) -> None:
        self._admin = admin
        self._answers = answers
        self._default_partitions = default_partitions
        self._timeout_s = answers.timeout_s

    def create(self, specs: Sequence[TopicSpec]) -> list[str]:
        """As `Log.create_topics`: all are checked by the cluster before one is made. Partitions -1: the log's default, or the
        brokers' where that is -1 as well. ConfigException (TOPIC_NAME_INVALID, TOPIC_CONFIG_INVALID)."""
        new = {spec.name: self._new(spec) for spec in specs}
        missing = [topic for topic, found in self._create(list(new.values()), validate_only=True).items() if found]
        if not missing:
            return []
        created = [topic for topic, done in self._create([new[name] for name in missing]).items() if done]
        self._until(lambda: all(count for count in self.partitions(missing).values()))
        return created

    def _new(self, spec: TopicSpec) -> NewTopic:
        partitions = self._default_partitions if spec.partitions == -1 else spec.partitions
        return NewTopic(spec.name, partitions, spec.replication_factor, config=dict(spec.configs))

    def _create(self, topics: list[NewTopic], *, validate_only: bool = False) -> dict[str, bool]:
        """Whether each was (or would be) made; not if it is there already."""
        with translating("create topics"):
            asked = self._admin.create_topics(
                topics, validate_only=validate_only, request_timeout=self._timeout_s, operation_timeout=self._timeout_s
            )
        return {
            name: self._done(answer, f"create topic {name}", frozenset({KafkaError.TOPIC_ALREADY_EXISTS}))
            for name, answer in asked.items()
        }

    def delete(self, names: Sequence[str]) -> None:
        """As `Log.delete_topics`; those that are not there are passed over."""
        if not names:
            return
        with translating("delete topics"):
            asked = self._admin.delete_topics(
                list(names), request_timeout=self._timeout_s, operation_timeout=self._timeout_s
            )
        for name, answer in asked.items():
            self._done(answer, f"delete topic {name}", UNKNOWN_TOPIC)
        self._until(lambda: not any(self.partitions(names).values()))

    def _until(self, spread: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _SPREAD_S
        while not spread() and time.monotonic() < deadline:
            time.sleep(0.005)

    def all(self) -> dict[str, int]:
        """Name → partitions, without the brokers' internal topics."""
        found = self._list(None)
        return {
            name: len(topic.partitions)
            for name, topic in found.items()
            if name not in _INTERNAL and topic.error is None
        }

    def made_by_brokers(self, name: str) -> int:
        """The partitions of a topic, which the brokers make now if it is missing and they may (auto.create.topics.enable); 0 if not.

        A broker that makes it says at first that there is none, as does one that does not: that is told apart by waiting."""
        deadline = time.monotonic() + _MADE_S
        while True:
            found = self._list(name).get(name)
            if found is not None and found.error is None and found.partitions:
                return len(found.partitions)
            if time.monotonic() > deadline:
                return 0
            time.sleep(0.02)

    def _list(self, name: str | None) -> dict[str, Any]:
        what = "list the topics" if name is None else f"look up topic {name}"
        try:
            with translating(what):
                return dict(self._admin.list_topics(name, self._timeout_s).topics)
        except RetriableException:
            self._answers.check(what)
            raise

    def partitions(self, names: Iterable[str]) -> dict[str, int]:
        """The partitions of each of these, 0 for one that does not exist."""
        return {name: 0 if topic is None else len(topic.partitions) for name, topic in self._describe(names).items()}

    def ids(self, names: Iterable[str]) -> dict[str, str]:
        """As `Log.topic_ids`: the UUID, as Kafka's tools write it."""
        return {name: str(topic.topic_id) for name, topic in self._describe(names).items() if topic is not None}

    def _describe(self, names: Iterable[str]) -> dict[str, Any]:
        wanted = list(dict.fromkeys(names))
        if not wanted:
            return {}
        with translating("look up topics"):
            asked = self._admin.describe_topics(TopicCollection(wanted), request_timeout=self._timeout_s)
        return {name: self._found(answer, f"look up topic {name}") for name, answer in asked.items()}

    def begin_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset kept; partitions that do not exist are left out."""
        return self._offsets(partitions, _EARLIEST, committed=False)

    def end_offsets(
        self, partitions: Iterable[TopicPartition], *, committed: bool = False
    ) -> dict[TopicPartition, int]:
        """The offset the next record gets, or up to which transactions are decided if `committed`; as `begin_offsets`."""
        return self._offsets(partitions, _LATEST, committed=committed)

    def _offsets(
        self, partitions: Iterable[TopicPartition], spec: OffsetSpec, *, committed: bool
    ) -> dict[TopicPartition, int]:
        wanted = list(partitions)
        counts = self.partitions(each.topic for each in wanted)
        there = [each for each in wanted if 0 <= each.partition < counts[each.topic]]
        if not there:
            return {}
        isolation = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        request = {confluent_kafka.TopicPartition(*each): spec for each in there}
        deadline = time.monotonic() + _SPREAD_S
        while True:
            try:
                return self._ask_offsets(request, isolation)
            except RetriableException:
                # Who leads a new partition is not known everywhere at once.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _ask_offsets(
        self, request: dict[confluent_kafka.TopicPartition, OffsetSpec], isolation: IsolationLevel
    ) -> dict[TopicPartition, int]:
        with translating("ask for offsets"):
            asked = self._admin.list_offsets(request, isolation_level=isolation, request_timeout=self._timeout_s)
        found = {
            TopicPartition(at.topic, at.partition): self._found(answer, f"ask for offsets of {at.topic}-{at.partition}")
            for at, answer in asked.items()
        }
        return {at: answer.offset for at, answer in found.items() if answer is not None}

    def _done(self, answer: Future[Any], what: str, harmless: frozenset[int]) -> bool:
        """Whether it was done; not if the error is harmless."""
        try:
            self._answers.result(answer, what)
        except KafkaException as error:
            if error_of(error).code() in harmless:
                return False
            raise translated(error_of(error), what) from error
        return True

    def _found(self, answer: Future[T], what: str) -> T | None:
        """The answer, None for what does not exist."""
        try:
            return self._answers.result(answer, what)
        except KafkaException as error:
            if error_of(error).code() in UNKNOWN_TOPIC:
                return None
            raise translated(error_of(error), what) from error
