"""The broker of the tests: it starts, is frozen and killed, and keeps what it has."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from headrace.errors import ConnectException
from headrace.testing.bench.peer.offsets import Offsets
from headrace.testing.kafka_server import KafkaServer, missing
from headrace.testing.processes import free_port


def test_what_a_killed_broker_had_is_there_again() -> None:
    if reason := missing():
        pytest.skip(reason)
    soon = {"broker.session.timeout.ms": "1000", "broker.heartbeat.interval.ms": "200"}
    with KafkaServer(settings=soon, listeners={"MORE": "PLAINTEXT"}) as server:
        producer = Producer({"bootstrap.servers": server.address("MORE"), "acks": "all"})
        producer.produce("kept", b"1")
        assert producer.flush(30) == 0
        server.pause()
        with Offsets(server.host, server.port) as offsets:
            server.kill()
            assert not server.running
            server.start()
            assert offsets.end("kept") == 1
        assert AdminClient({"bootstrap.servers": server.bootstrap}).list_topics(timeout=30).topics.keys() >= {"kept"}


def test_a_broker_that_cannot_start_says_why() -> None:
    if reason := missing():
        pytest.skip(reason)
    server = KafkaServer(port=free_port(), settings={"num.partitions": "none"})
    with pytest.raises(ConnectException, match=r"num\.partitions"), server:
        pass
    server.remove()


def test_a_machine_without_java_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PEER_JAVA", "/nowhere/java")
    assert "No Java" in (missing() or "")
