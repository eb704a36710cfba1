"""The committed offsets of consumer groups, by an admin client: reading, and changing while a group has no members."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Final, TypeVar

import confluent_kafka
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from headrace.errors import ConnectException, IllegalStateException, NotFoundException
from headrace.log.kafka.answers import Answers
from headrace.log.kafka.errors import error_of, translated
from headrace.log.kafka.topics import Topics
from headrace.spi.context import TopicPartition

T = TypeVar("T")

_HAS_MEMBERS: Final = frozenset({KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP})
_NO_GROUP: Final = frozenset({KafkaError.GROUP_ID_NOT_FOUND})


class Groups:
    """Thread-safe."""

    def __init__(self, admin: AdminClient, answers: Answers, topics: Topics) -> None:
        self._admin = admin
        self._answers = answers
        self._topics = topics
        self._timeout_s = answers.timeout_s

    def offsets(self, group: str) -> dict[TopicPartition, int]:
        """As `Log.group_offsets`."""
        asked = self._admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group)], request_timeout=self._timeout_s
        )
        found = self._result(asked[group], f"read the offsets of group {group}")
        if found is None:
            return {}
        return {TopicPartition(at.topic, at.partition): at.offset for at in found.topic_partitions if at.offset >= 0}

    def alter(self, group: str, offsets: Mapping[TopicPartition, int | None]) -> None:
        """As `Log.alter_group_offsets`; NotFoundException (PARTITION_UNKNOWN) before anything is changed.

        The client library cannot remove single offsets: to do so the group is deleted and the others are written again."""
        counts = self._topics.partitions(at.topic for at in offsets)
        for at in offsets:
            if not 0 <= at.partition < counts[at.topic]:
                raise NotFoundException(f"There is no partition {at.topic}-{at.partition}.", code="PARTITION_UNKNOWN")
        kept = {at: offset for at, offset in offsets.items() if offset is not None}
        anew = len(kept) < len(offsets)
        if anew:
            before = self.offsets(group)
            kept = {at: offset for at, offset in before.items() if at not in offsets} | kept
            self.delete(group)
        try:
            self._write(group, kept)
        except ConnectException as error:
            if anew:
                left = ", ".join(f"{at.topic}-{at.partition}: {offset}" for at, offset in kept.items())
                error.remedy = f"Set the offsets of the group again, they are gone: {left}."
            raise

    def _write(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        if not offsets:
            return
        wanted = [confluent_kafka.TopicPartition(*at, offset) for at, offset in offsets.items()]
        asked = self._admin.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, wanted)], request_timeout=self._timeout_s
        )
        what = f"change the offsets of group {group}"
        done = self._result(asked[group], what)
        for at in () if done is None else done.topic_partitions:
            if at.error is not None:
                raise self._refused(at.error, what)

    def delete(self, group: str) -> None:
        """As `Log.delete_group`."""
        asked = self._admin.delete_consumer_groups([group], request_timeout=self._timeout_s)
        self._result(asked[group], f"delete group {group}")

    def _result(self, answer: Future[T], what: str) -> T | None:
        """The answer, None if there is no such group."""
        try:
            return self._answers.result(answer, what)
        except KafkaException as error:
            if error_of(error).code() in _NO_GROUP:
                return None
            raise self._refused(error_of(error), what) from error

    def _refused(self, error: KafkaError, what: str) -> ConnectException:
        if error.code() in _HAS_MEMBERS:
            return IllegalStateException(f"Cannot {what}: it has members.", code="GROUP_NOT_EMPTY")
        return translated(error, what)
