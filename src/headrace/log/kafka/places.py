"""Places in a topic: the client library's form and the log's, and where a reader without a committed offset begins."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import confluent_kafka

from headrace.log.kafka.topics import Topics
from headrace.spi.context import TopicPartition


def library_at(partition: TopicPartition, offset: int = confluent_kafka.OFFSET_INVALID) -> Any:
    """The library's form of a partition, and an offset in it."""
    return confluent_kafka.TopicPartition(partition.topic, partition.partition, offset)


def own_at(at: Any) -> TopicPartition:
    """The log's form of a partition of the library's."""
    return TopicPartition(at.topic, at.partition)


def start_offsets(
    topics: Topics, partitions: list[TopicPartition], from_end: Collection[str]
) -> dict[TopicPartition, int]:
    """The first offset of each, but the end of those whose topic is in `from_end`."""
    begins = topics.begin_offsets(partitions)
    starts = {each: begins.get(each, 0) for each in partitions}
    return starts | topics.end_offsets([each for each in partitions if each.topic in from_end])
