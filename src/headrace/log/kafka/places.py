"""Places in a topic: the client library's form and the log's, and where a reader without a committed offset begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from headrace.log.kafka.errors import error_of, translated, translating
from headrace.log.kafka.topics import Topics
from headrace.spi.context import TopicPartition


def library_at(partition: TopicPartition, offset: int = confluent_kafka.OFFSET_INVALID) -> Any:
    """The library's form of a partition, and an offset in it."""
    return confluent_kafka.TopicPartition(partition.topic, partition.partition, offset)


def own_at(at: Any) -> TopicPartition:
    """The log's form of a partition of the library's."""
    return TopicPartition(at.topic, at.partition)


def read_from(consumer: Any, partition: TopicPartition, offset: int) -> None:
    """Let the library's consumer read on from there. `partition`: one that it has been given."""
    try:
        consumer.seek(library_at(partition, offset))
    except KafkaException as error:
        if error_of(error).code() != KafkaError._STATE:
            raise translated(error_of(error), f"seek in {partition.topic}-{partition.partition}") from error
        # It has not begun to read there yet.
        consumer.incremental_unassign([library_at(partition)])
        consumer.incremental_assign([library_at(partition, offset)])


def commit_all(consumer: Any, offsets: Mapping[TopicPartition, int]) -> None:
    """Let the library's consumer commit these, and wait for it."""
    with translating("commit offsets"):
        done = consumer.commit(offsets=[library_at(*each) for each in offsets.items()], asynchronous=False)
    for at in done:
        if at.error is not None:
            raise translated(at.error, f"commit the offset of {at.topic}-{at.partition}")


def beginnings(
    consumer: Any,
    topics: Topics,
    partitions: list[TopicPartition],
    committed: dict[TopicPartition, int],
    from_end: Collection[str] | None,
) -> dict[TopicPartition, int]:
    """Where to begin in each: where its group has committed, else at its start, or its end if its topic is in `from_end`.

    Where `from_end` is not None, what has no committed offset gets one, or the next owner would start at a later end and skip what came
    in between."""
    missing = [each for each in partitions if each not in committed]
    if not missing:
        return committed
    begins = topics.begin_offsets(missing)
    ends = topics.end_offsets([each for each in missing if each.topic in (from_end or ())])
    found = {each: begins.get(each, 0) for each in missing} | ends
    if from_end is not None:
        commit_all(consumer, found)
    return committed | found
