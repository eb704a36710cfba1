"""From the client library's messages to batches of the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError

from headrace.log.kafka.errors import UNKNOWN_TOPIC, translated
from headrace.log.spi import EncodedBatch, HeaderBytes
from headrace.spi.columns import Column, Repeated
from headrace.spi.context import TopicPartition

_PASSING: Final = frozenset({KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE, *UNKNOWN_TOPIC})
"""What the library reports and mends by itself."""


def records_of(messages: Iterable[Any], positions: dict[TopicPartition, int]) -> list[Any]:
    """The messages that are records of these partitions; `positions` move, also over what is no record (ends of transactions).

    Raises what a message says, if it is an error that does not pass, and then no position moves."""
    records = []
    moved: dict[TopicPartition, int] = {}
    for message in messages:
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            if error.code() not in _PASSING:
                raise translated(error, "read")
            continue
        at = TopicPartition(message.topic(), message.partition())
        position = moved.get(at, positions.get(at))
        if position is None or message.offset() < position:
            continue
        moved[at] = message.offset()
        if error is None:
            records.append(message)
            moved[at] += 1
    positions |= moved
    return records


def batches_of(messages: Iterable[Any]) -> list[EncodedBatch]:
    """One batch for each partition of these messages, none of which is an error; partitions in the order in which they come."""
    by_partition: dict[tuple[str, int], list[Any]] = {}
    for message in messages:
        at = (message.topic(), message.partition())
        found = by_partition.get(at)
        if found is None:
            by_partition[at] = [message]
        else:
            found.append(message)
    return [_batch(TopicPartition(*at), found) for at, found in by_partition.items()]


def _batch(at: TopicPartition, messages: list[Any]) -> EncodedBatch:
    offsets: Sequence[int] = [message.offset() for message in messages]
    if offsets[-1] - offsets[0] == len(offsets) - 1:
        offsets = range(offsets[0], offsets[-1] + 1)
    # A packed column is what the native decoders take, and lets go of the messages.
    return EncodedBatch(
        at.topic,
        at.partition,
        _shared([message.timestamp()[1] for message in messages]),
        Column([message.key() for message in messages]).packed(),
        Column([message.value() for message in messages]).packed(),
        _headers(messages),
        offsets,
    )


def _shared(numbers: list[int]) -> Sequence[int]:
    return Repeated(numbers[0], len(numbers)) if numbers.count(numbers[0]) == len(numbers) else numbers


def _headers(messages: list[Any]) -> Sequence[HeaderBytes]:
    found = [message.headers() for message in messages]
    if not any(found):
        return Repeated((), len(found))
    shared: dict[HeaderBytes, HeaderBytes] = {}
    result = []
    for headers in found:
        own: HeaderBytes = tuple(headers) if headers else ()
        result.append(shared.setdefault(own, own))
    return result
