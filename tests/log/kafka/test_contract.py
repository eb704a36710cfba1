"""The log on Kafka keeps the contract of every log, on a broker of its own that is emptied for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from headrace.errors import NotFoundException
from headrace.log.kafka.log import KafkaLog
from headrace.log.spi import SourceOffsetEntry
from headrace.testing.kafka_server import KafkaServer, missing
from tests.log.suite import LogContract


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaServer]:
    if reason := missing():
        pytest.skip(reason)
    settings = {
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.num.partitions": "1",
    }
    with KafkaServer(settings=settings) as server:
        yield server


@pytest.fixture
def open_log(broker: KafkaServer) -> Iterator[Callable[..., KafkaLog]]:
    """Opens one more connection to the broker; groups and topics are deleted afterwards."""
    opened: list[KafkaLog] = []
    kept: list[SourceOffsetEntry] = []

    def open_one(*, default_partitions: int = 1, auto_create: bool = True) -> KafkaLog:
        worker = {"bootstrap.servers": broker.bootstrap, "consumer.heartbeat.interval.ms": "200"}
        log = KafkaLog(worker, offsets=kept.extend, default_partitions=default_partitions, auto_create=auto_create)
        opened.append(log)
        return log

    yield open_one
    for one in opened:
        one.close()
    log = open_one()
    log.delete_topics(list(log.topics()))
    groups: Any = AdminClient({"bootstrap.servers": broker.bootstrap}).list_consumer_groups().result()
    for group in groups.valid:
        log.delete_group(group.group_id)
    log.close()


class TestKafkaLog(LogContract):
    """Runs on the `open_log` of this file."""

    prompt = False
    steps = 25
    shared_prefixes = False


def test_brokers_that_make_no_topics(open_log: Callable[..., KafkaLog], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.log.kafka.topics._MADE_S", 0.1)
    with pytest.raises(NotFoundException) as caught:
        open_log().own_partitions("never")
    assert caught.value.code == "TOPIC_UNKNOWN"
