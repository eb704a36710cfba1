"""A standalone worker with its log on a real broker: what it is refused with, security, dead letters, names of clients and groups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from headrace.testing.kafka_server import KafkaServer
from headrace.testing.processes import free_port
from tests.runtime.worker_support import Worker
from tests.support import wait_until

JSON = "org.apache.kafka.connect.json.JsonConverter"
MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"


def security(password: str, prefix: str = "") -> dict[str, str]:
    return {
        f"{prefix}security.protocol": "SASL_PLAINTEXT",
        f"{prefix}sasl.mechanism": "PLAIN",
        f"{prefix}sasl.jaas.config": f'{MODULE} required username="headrace" password="{password}";',
    }


def secured(kafka: KafkaServer, password: str = "river") -> dict[str, str]:
    clients = [security(password, prefix) for prefix in ("", "producer.", "consumer.")]
    return {"bootstrap.servers": kafka.address("SASL")} | clients[0] | clients[1] | clients[2]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    made = Worker(tmp_path, consumer__heartbeat__interval__ms="200", consumer__session__timeout__ms="3000")
    yield made
    made.close()


def read(kafka: KafkaServer, topic: str, count: int) -> list[Any]:
    """The first messages of partition 0."""
    reader = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": "none", "fetch.wait.max.ms": 10}
    )
    reader.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    found: list[Any] = []
    while len(found) < count:
        message = reader.poll(20)
        assert message is not None
        if not message.error():
            found.append(message)
    reader.close()
    return found


def trace(worker: Worker, name: str) -> str:
    worker.until(lambda: worker.status(name)["tasks"][0]["state"] == "FAILED", 20)
    return str(worker.status(name)["tasks"][0]["trace"])


def ends(worker: Worker) -> tuple[int, str]:
    worker.start(wait=False)
    assert worker.process is not None
    return worker.process.wait(30), worker.log()


def test_a_cluster_that_is_not_there(worker: Worker) -> None:
    worker.properties |= {"bootstrap.servers": f"127.0.0.1:{free_port()}", "default.api.timeout.ms": "700"}
    code, log = ends(worker)
    assert (code, "[LOG_UNAVAILABLE] Cannot reach Kafka at 127.0.0.1:" in log) == (1, True), log
    assert not (worker.data / "kafka").exists()


def test_credentials_that_are_refused(worker: Worker, kafka: KafkaServer) -> None:
    worker.properties |= secured(kafka, "brook")
    code, log = ends(worker)
    assert (code, "[KAFKA_AUTHENTICATION]" in log, "brook" in log) == (1, True, False), log
    assert not (worker.data / "kafka").exists()


def test_security_of_worker_and_connectors(worker: Worker, kafka: KafkaServer, unique: str, tmp_path: Path) -> None:
    worker.properties |= secured(kafka)
    worker.start()
    worker.create("source", topic=unique)
    worker.create("sink", "DummySink", topics=unique, file=str(tmp_path / "out"))
    worker.until(lambda: (tmp_path / "out").read_text().startswith("1\n2\n3\n"), 20)
    assert [message.value() for message in read(kafka, unique, 3)] == [b"1", b"2", b"3"]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    group = admin.describe_consumer_groups(["connect-sink"])["connect-sink"].result(20)
    assert [member.client_id for member in group.members] == ["connector-consumer-sink-0"]
    worker.request("PUT", "/connectors/sink/stop", status=204)
    worker.until_states("sink", "STOPPED")
    found = worker.request("GET", "/connectors/sink/offsets", status=200)["offsets"]
    assert found[0]["partition"] == {"kafka_topic": unique, "kafka_partition": 0}
    to = [{"partition": found[0]["partition"], "offset": {"kafka_offset": 1}}]
    worker.request("PATCH", "/connectors/sink/offsets", {"offsets": to}, 200)
    assert worker.request("GET", "/connectors/sink/offsets", status=200)["offsets"] == to
    worker.request("DELETE", "/connectors/sink/offsets", status=200)
    assert worker.request("GET", "/connectors/sink/offsets", status=200) == {"offsets": []}
    # Of one connector, and what it may not be.
    worker.create("wrong", topic=unique, **security("brook", "producer.override."))
    assert "[KAFKA_AUTHENTICATION]" in trace(worker, "wrong")
    worker.create("deaf", "DummySink", topics=unique, file="x", **security("brook", "consumer.override."))
    assert "[KAFKA_AUTHENTICATION]" in trace(worker, "deaf")
    for key, value in (
        ("producer.override.lingerms", "5"),
        ("producer.override.linger.ms", "soon"),
        ("admin.override.security.providers", "x.Y"),
    ):
        config = {"connector.class": "DummySource", "topic": unique, key: value}
        answer = worker.request("POST", "/connectors", {"name": "bad", "config": config}, 400)
        assert key.removeprefix("producer.override.").removeprefix("admin.override.") in answer["message"]
    assert worker.request("GET", "/connectors/wrong/offsets", status=200) == {"offsets": []}


def test_overrides_are_the_policys(worker: Worker, kafka: KafkaServer, unique: str) -> None:
    worker.properties |= {
        "bootstrap.servers": kafka.bootstrap,
        "connector.client.config.override.policy": "Principal",
        "producer.compression.type": "gzip",
        "headrace.task.isolation": "thread",
    }
    worker.start()
    config = {"connector.class": "DummySource", "topic": unique, "producer.override.linger.ms": "1"}
    answer = worker.request("POST", "/connectors", {"name": "c", "config": config}, 400)
    assert "policy Principal" in answer["message"]
    refused = security("brook", "producer.override.") | {"producer.override.security.protocol": "SASL_PLAINTEXT"}
    worker.create("c", topic=unique, **refused)
    worker.create("d", topic=unique)
    worker.until_states("d", "RUNNING", "RUNNING")
    read(kafka, unique, 1)
    worker.request("PUT", "/connectors/c/stop", status=204)


def test_dead_letters_have_their_copies(worker: Worker, kafka: KafkaServer, unique: str, tmp_path: Path) -> None:
    worker.properties |= {"bootstrap.servers": kafka.bootstrap, "value.converter": JSON}
    worker.properties["value.converter.schemas.enable"] = "false"
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap})
    for value in (b"{", b"7", b"]"):
        producer.produce(unique, value, b"k", headers=[("own", b"h")])
    producer.flush(20)
    worker.start()
    letters = {
        "topics": unique,
        "file": str(tmp_path / "out"),
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": f"{unique}-dlq",
        "errors.deadletterqueue.context.headers.enable": "true",
    }
    worker.create("sink", "DummySink", **letters)
    found = trace(worker, "sink")
    assert "[TOPIC_CONFIG_INVALID]" in found
    assert "errors.deadletterqueue.topic.replication.factor" in found
    copies = {"errors.deadletterqueue.topic.replication.factor": "1"}
    config = {"connector.class": "DummySink", **letters, **copies}
    worker.request("PUT", "/connectors/sink/config", config, 200)
    dead = read(kafka, f"{unique}-dlq", 2)
    assert [(message.key(), message.value()) for message in dead] == [(b"k", b"{"), (b"k", b"]")]
    headers = dict(dead[1].headers())
    assert headers["own"] == b"h"
    assert headers["__connect.errors.topic"] == unique.encode()
    assert (headers["__connect.errors.offset"], headers["__connect.errors.stage"]) == (b"2", b"VALUE_CONVERTER")
    assert dead[0].headers()[0] == ("own", b"h")
    worker.until(lambda: (tmp_path / "out").read_text() == "7\n")


def test_topics_are_made_as_the_settings_or_the_brokers_say(worker: Worker, kafka: KafkaServer, unique: str) -> None:
    worker.properties |= {"bootstrap.servers": kafka.bootstrap}
    worker.start()
    made = {"topic.creation.default.partitions": "2", "topic.creation.default.replication.factor": "-1"}
    made |= {"topic.creation.default.retention.ms": "12345678"}
    worker.create("own", topic=f"{unique}-own", **made)
    worker.create("brokers", topic=f"{unique}-brokers")
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})

    def partitions(name: str) -> int:
        found = admin.list_topics(timeout=20).topics.get(name)
        return 0 if found is None else len(found.partitions)

    wait_until(lambda: (partitions(f"{unique}-own"), partitions(f"{unique}-brokers")) == (2, 1), 20)
    resource = ConfigResource(ResourceType.TOPIC, f"{unique}-own")
    assert admin.describe_configs([resource])[resource].result(20)["retention.ms"].value == "12345678"
    worker.create("cannot", topic=f"{unique}-x", **{**made, "topic.creation.default.replication.factor": "3"})
    assert "[TOPIC_CONFIG_INVALID]" in trace(worker, "cannot")
