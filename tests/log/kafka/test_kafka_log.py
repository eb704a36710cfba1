"""What the log on Kafka does beyond the contract of every log: transactions with source offsets in them, positions, refusals."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient

from headrace.errors import ConfigException, ConnectException, DataException, IllegalStateException, RetriableException
from headrace.log.kafka.consumer import KafkaConsumer
from headrace.log.kafka.log import KafkaLog
from headrace.log.partitioner import partition_for
from headrace.log.spi import RebalanceListener, SourceOffsetEntry, TopicSpec
from headrace.runtime.topic_creation import TopicDirectory, topic_groups
from headrace.spi.context import TopicPartition
from headrace.testing.kafka_server import KafkaServer
from tests.log.helpers import batch, drain, numbered, tp, triples, until, values_of

OFFSET = SourceOffsetEntry(b'["c",{"server":"s"}]', b'{"lsn":7}')


@pytest.fixture
def log(kafka: KafkaServer, unique: str) -> KafkaLog:
    return KafkaLog({"bootstrap.servers": kafka.bootstrap}, offsets=f"{unique}-offsets", default_partitions=1)


def raw_values(kafka: KafkaServer, topic: str, isolation: str, count: int) -> list[bytes | None]:
    """The values of partition 0 as another reader sees them."""
    settings = {"bootstrap.servers": kafka.bootstrap, "group.id": "none", "isolation.level": isolation}
    reader = confluent_kafka.Consumer({**settings, "auto.offset.reset": "earliest", "enable.partition.eof": True})
    reader.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    found: list[bytes | None] = []
    while True:
        message = reader.poll(20)
        assert message is not None
        if message.error():
            break
        found.append(message.value())
    reader.close()
    assert len(found) == count
    return found


def test_records_and_source_offsets_are_one_transaction(log: KafkaLog, kafka: KafkaServer, unique: str) -> None:
    log.create_topics([TopicSpec(unique, 2), TopicSpec(f"{unique}-offsets", 5, {"cleanup.policy": "compact"})])
    producer = log.producer("p", f"{unique}-tx")
    assert producer.append([numbered(unique, 0, 3), numbered(unique, 9, 1, partition=1)], [OFFSET]) == [0, 0]
    home = tp(f"{unique}-offsets", partition_for(OFFSET.key, 5))
    ends = {home: 2, tp(unique, 0): 4, tp(unique, 1): 2}
    # Each transaction ends with a mark in every partition it wrote to, set after the commit was answered.
    until(lambda: log.end_offsets(ends) == ends and log.read(home, 0, 10) is not None, "all partitions are marked")
    found = log.read(home, 0, 10)
    assert found is not None
    assert triples(found) == [(0, OFFSET.key, OFFSET.value)]
    producer.close()


def test_a_transaction_that_fails_leaves_nothing_to_be_read(log: KafkaLog, kafka: KafkaServer, unique: str) -> None:
    log.create_topics([TopicSpec(unique), TopicSpec(f"{unique}-c", 1, {"cleanup.policy": "compact"})])
    producer = log.producer("p", f"{unique}-tx")
    with pytest.raises(DataException) as caught:
        producer.append([numbered(unique, 0, 3), numbered(f"{unique}-c", 0, 1)], [OFFSET])
    assert caught.value.code == "KEY_REQUIRED"
    with pytest.raises(DataException) as caught:
        producer.append([numbered(unique, 3, 1), batch(unique, [b"x" * 2_000_000])], [OFFSET])
    assert caught.value.code == "RECORD_TOO_LARGE"
    producer.append([numbered(unique, 6, 1)], [OFFSET])
    until(lambda: log.read(tp(unique), 0, 10) is not None, "the transaction is marked")
    assert raw_values(kafka, unique, "read_committed", 1) == [b"6"]
    assert log.read(tp(f"{unique}-c"), 0, 10) is None
    consumer = log.consumer(unique, "c")
    consumer.subscribe([unique], None)
    assert values_of(drain(consumer, 1)) == [b"6"]
    end = log.end_offsets([tp(unique)])[tp(unique)]
    until(
        lambda: consumer.poll(10, 0.05) == [] and consumer.position(tp(unique)) == end, "the position passes the mark"
    )
    assert consumer.end_offsets([tp(unique)]) == {tp(unique): end}
    consumer.close()
    producer.close()


def test_a_fenced_producer_stays_dead(log: KafkaLog, unique: str) -> None:
    log.create_topics([TopicSpec(unique)])
    zombie = log.producer("p", f"{unique}-tx")
    log.producer("q", f"{unique}-tx").append([numbered(unique, 0, 1)], [OFFSET])
    for _ in range(2):
        with pytest.raises(ConnectException) as caught:
            zombie.append([numbered(unique, 1, 1)], [OFFSET])
        assert caught.value.code == "PRODUCER_FENCED"
    until(lambda: log.read(tp(unique), 0, 10) is not None, "the transaction is marked")
    found = log.read(tp(unique), 0, 10)
    assert found is not None
    assert triples(found) == [(0, None, b"0")]


def test_what_was_removed_before_it_was_read_is_passed_over(log: KafkaLog, kafka: KafkaServer, unique: str) -> None:
    log.create_topics([TopicSpec(unique)])
    log.producer("p").append([numbered(unique, 0, 10)])
    log.alter_group_offsets(unique, {tp(unique): 2})
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for removed in admin.delete_records([confluent_kafka.TopicPartition(unique, 0, 6)]).values():
        removed.result(20)
    assert log.begin_offsets([tp(unique)]) == {tp(unique): 6}
    consumer = log.consumer(unique, "c", from_latest=True)
    consumer.subscribe([unique], None)
    assert values_of(drain(consumer, 4)) == [b"6", b"7", b"8", b"9"]
    consumer.close()


def test_an_assignor_that_takes_all_first(kafka: KafkaServer, unique: str) -> None:
    worker = {"bootstrap.servers": kafka.bootstrap, "consumer.heartbeat.interval.ms": "200"}
    name = "org.apache.kafka.clients.consumer.RangeAssignor"
    log = KafkaLog(worker, {"consumer.override.partition.assignment.strategy": name})
    log.create_topics([TopicSpec(unique, 2)])
    log.producer("p").append([numbered(unique, 0, 3), numbered(unique, 3, 3, partition=1)])
    one, two = log.consumer(unique, "one"), log.consumer(unique, "two")
    one.subscribe([unique], None)
    assert len(values_of(drain(one, 6))) == 6
    one.commit({tp(unique, 0): 3, tp(unique, 1): 3})
    two.subscribe([unique], None)

    def shared() -> bool:
        assert two.poll(10, 0.05) == one.poll(10, 0.05) == []
        return len(one.assignment()) == len(two.assignment()) == 1

    until(shared, "each has a partition")
    log.close()


def test_a_cluster_that_is_not_there_may_come(unique: str) -> None:
    worker = {"bootstrap.servers": "127.0.0.1:1", "producer.transaction.timeout.ms": "1000"}
    log = KafkaLog(worker, timeout_s=0.5)
    calls: list[Callable[[], object]] = [
        log.topics,
        lambda: log.group_offsets("g"),
        lambda: log.producer("p", "tx"),
        lambda: log.producer("p").append([numbered(unique, 0, 1)]),
        lambda: log.create_topics([TopicSpec(unique)]),
    ]
    for call in calls:
        with pytest.raises(RetriableException) as caught:
            call()
        assert caught.value.code == "LOG_UNAVAILABLE"


def test_large_values_wait_for_room(log: KafkaLog, unique: str) -> None:
    log.create_topics([TopicSpec(unique)])
    values = [random.Random(n).randbytes(900_000) for n in range(60)]
    assert log.producer("p").append([batch(unique, list(values))]) == [0]
    consumer = log.consumer(unique, "c")
    consumer.subscribe([unique], None)
    assert values_of(drain(consumer, 60)) == values
    consumer.close()


def test_offsets_without_a_place_for_them(kafka: KafkaServer, unique: str) -> None:
    log = KafkaLog({"bootstrap.servers": kafka.bootstrap}, default_partitions=1)
    with pytest.raises(IllegalStateException) as caught:
        log.producer("p").append([numbered(unique, 0, 1)], [OFFSET])
    assert caught.value.code == "NO_OFFSET_STORE"
    assert log.topics().get(unique) is None


def test_names_and_settings_that_cannot_be(log: KafkaLog, unique: str) -> None:
    for spec, code in (
        (TopicSpec("a b"), "TOPIC_NAME_INVALID"),
        (TopicSpec(unique, 1, {"segment.ms": "x"}), "TOPIC_CONFIG_INVALID"),
        (TopicSpec(unique, 1, {}, replication_factor=9), "TOPIC_CONFIG_INVALID"),
    ):
        with pytest.raises(ConfigException) as caught:
            log.create_topics([spec])
        assert caught.value.code == code


def test_a_record_that_is_refused_does_not_stop_the_next(log: KafkaLog, unique: str) -> None:
    log.create_topics([TopicSpec(unique), TopicSpec(f"{unique}-c", 1, {"cleanup.policy": "compact"})])
    producer = log.producer("p")
    for refused, code in (
        ([numbered(unique, 0, 1), batch(unique, [b"x" * 2_000_000])], "RECORD_TOO_LARGE"),
        ([numbered(f"{unique}-c", 0, 1)], "KEY_REQUIRED"),
    ):
        with pytest.raises(DataException) as caught:
            producer.append(refused)
        assert caught.value.code == code
    producer.append([numbered(unique, 1, 2)])
    found = log.read(tp(unique), 0, 10)
    assert found is not None
    assert list(found.values)[-2:] == [b"1", b"2"]


def test_topics_are_made_as_their_group_says(log: KafkaLog, unique: str) -> None:
    config = {"groups": "wide", "default.replication.factor": "-1", "default.partitions": "2"}
    config |= {"wide.include": ".*wide", "wide.replication.factor": "9"}
    groups = topic_groups({f"topic.creation.{key}": value for key, value in config.items()}, {})
    topics = TopicDirectory(log, groups)
    assert topics.partitions(unique) == 2
    assert log.topics()[unique] == 2
    with pytest.raises(ConfigException) as caught:
        topics.partitions(f"{unique}-wide")
    assert caught.value.code == "TOPIC_CONFIG_INVALID"


class Faulty:
    """The library's consumer, but for the calls that give more than one message: each loses them and fails."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self.failures = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)

    def consume(self, count: int, timeout_s: float) -> list[Any]:
        found: list[Any] = self._consumer.consume(count, timeout_s)
        if count > 1 and found and self.failures < 3:
            self.failures += 1
            raise confluent_kafka.KafkaException(confluent_kafka.KafkaError(confluent_kafka.KafkaError._TIMED_OUT))
        return found


def test_what_was_read_with_an_error_is_read_again(log: KafkaLog, unique: str) -> None:
    log.create_topics([TopicSpec(unique, 2)])
    log.producer("p").append([numbered(unique, 0, 50), numbered(unique, 0, 50, partition=1)])
    consumer = log.consumer(unique, "c", fetch_max_bytes=30)
    assert isinstance(consumer, KafkaConsumer)
    faulty = consumer._assignment._consumer = Faulty(consumer._consumer)
    consumer.subscribe([unique], None)
    found: dict[int, list[bytes | None]] = {0: [], 1: []}

    def read() -> bool:
        try:
            for one in consumer.poll(20, 0.2):
                found[one.partition] += list(one.values)
        except RetriableException:
            pass
        return all(len(each) >= 50 for each in found.values())

    until(read, "all records have come")
    assert faulty.failures == 3
    assert found == {p: [b"%d" % n for n in range(50)] for p in range(2)}
    consumer.close()


def test_topics_that_the_brokers_make(log: KafkaLog, unique: str) -> None:
    assert log.own_partitions(unique) == 1
    assert log.topics()[unique] == 1
    assert log.own_partitions(unique) == 1


def test_partitions_come_though_it_is_not_known_at_once_where_to_begin(
    log: KafkaLog, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.create_topics([TopicSpec(unique, 2)])
    log.producer("p").append([numbered(unique, 0, 5), numbered(unique, 0, 5, partition=1)])
    log.alter_group_offsets(unique, {tp(unique, 0): 2})
    consumer = log.consumer(unique, "c")
    assert isinstance(consumer, KafkaConsumer)
    committed, failures = consumer.committed, []

    def refuse_at_first(partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        if len(failures) < 2:
            failures.append(1)
            raise RetriableException("No answer.", code="LOG_UNAVAILABLE")
        return committed(partitions)

    monkeypatch.setattr(consumer, "committed", refuse_at_first)
    assigned: list[TopicPartition] = []
    consumer.subscribe([unique], None, RebalanceListener(assigned.extend, list, list))
    found: dict[int, list[bytes | None]] = {0: [], 1: []}

    def read() -> bool:
        try:
            for one in consumer.poll(20, 0.2):
                found[one.partition] += list(one.values)
        except RetriableException:
            assert consumer.assignment() == set()
        return sum(map(len, found.values())) >= 8

    until(read, "all records have come")
    assert len(failures) == 2
    assert sorted(assigned) == [tp(unique, 0), tp(unique, 1)]
    assert found == {0: [b"2", b"3", b"4"], 1: [b"%d" % n for n in range(5)]}
    consumer.close()
