"""The same pipeline with the log on a real Kafka broker: what is written there, restarts, and a worker that is killed."""

from __future__ import annotations

import json
import os
import signal
from collections import defaultdict
from copy import copy
from pathlib import Path

import confluent_kafka
import pytest
from tests.e2e.pipeline import Pipeline
from tests.support import wait_until

from headrace.log.factory import open_log
from headrace.spi.context import TopicPartition

PARTITIONS = 3
Records = dict[int, list[tuple[bytes | None, bytes | None, object]]]


class KafkaPipeline(Pipeline):
    """From one PostgreSQL database into another, through a topic of three partitions."""

    def connectors(self) -> dict[str, dict[str, str]]:
        found = super().connectors()
        source = {
            **found["src"],
            "topic.creation.default.partitions": str(PARTITIONS),
            "topic.creation.default.replication.factor": "-1",
            "tombstones.on.delete": "true",
        }
        return {"src": source, "pg": {**found["pg"], "tasks.max": "2", "consumer.override.max.poll.records": "100"}}

    def _equal(self) -> bool:
        query = "SELECT id::text, status, amount::numeric(12,2)::text, big FROM orders ORDER BY orders.id"
        if self.target.execute("SELECT to_regclass('orders')").fetchone() == (None,):
            return False
        return self.source.execute(query).fetchall() == self.target.execute(query).fetchall()


class Flat(Pipeline):
    """Only a source, whose records say nothing of when they were read, into a log that `settings` name."""

    slot = ""

    def connectors(self) -> dict[str, dict[str, str]]:
        row = {
            "transforms": "row",
            "transforms.row.type": "io.debezium.transforms.ExtractNewRecordState",
            "transforms.row.delete.tombstone.handling.mode": "rewrite-with-tombstone",
            "transforms.row.add.headers": "op,source.table",
            "topic.creation.default.partitions": str(PARTITIONS),
            "topic.creation.default.replication.factor": "1",
            "slot.name": f"{self.source_db}{self.slot}",
        }
        return {"src": {**super().connectors()["src"], **row}}


def on_kafka(kafka, folder: Path) -> dict[str, str]:
    return {"bootstrap.servers": kafka.bootstrap, "offset.storage.file.filename": str(folder / "connect.offsets")}


@pytest.fixture
def pipeline(tmp_path, postgres, redis, make_database, kafka):
    made = KafkaPipeline(tmp_path, postgres, redis, make_database(), make_database())
    made.settings = on_kafka(kafka, tmp_path)
    # How soon the partitions of a killed task are given to others.
    made.settings |= {"consumer.session.timeout.ms": "1500", "consumer.heartbeat.interval.ms": "300"}
    yield made
    made.close()


def read_topic(kafka, topic: str) -> Records:
    """All there is, as a client of Kafka's that knows nothing of us reads it."""
    settings = {"bootstrap.servers": kafka.bootstrap, "group.id": "none", "enable.partition.eof": True}
    reader = confluent_kafka.Consumer({**settings, "check.crcs": True, "fetch.wait.max.ms": 10})
    reader.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    found: Records = defaultdict(list)
    ended = 0
    while ended < PARTITIONS:
        message = reader.poll(20)
        assert message is not None
        if message.error():
            assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF
            ended += 1
        else:
            found[message.partition()].append((message.key(), message.value(), told(message.headers())))
    reader.close()
    return found


def read_embedded(folder: Path, topic: str) -> Records:
    log = open_log({"log.embedded.path": str(folder / "data" / "log")})
    found: Records = defaultdict(list)
    for number in range(PARTITIONS):
        offset = 0
        while (batch := log.read(TopicPartition(topic, number), offset, 1000)) is not None:
            assert batch.offsets is not None
            rows = zip(batch.keys, batch.values, batch.headers, strict=True)
            found[number] += [(key, value, told(headers)) for key, value, headers in rows]
            offset = batch.offsets[-1] + 1
    log.close()
    return found


def told(headers) -> list[tuple[str, bytes | None]]:
    """Without the one that every run of a connector makes up."""
    return [header for header in headers or () if not header[0].endswith("context.runId")]


def count(records: Records) -> int:
    return sum(map(len, records.values()))


def test_kafka_gets_the_bytes_that_the_embedded_log_gets(tmp_path, postgres, redis, make_database, kafka):
    source = make_database()
    one = Flat(tmp_path / "embedded", postgres, redis, source, make_database())
    one.settings = {"value.converter.schemas.enable": "false"}
    two = copy(one)
    two.folder, two.slot, two.settings = tmp_path / "kafka", "_k", one.settings | on_kafka(kafka, tmp_path)
    topic = f"{source}.public.orders"
    try:
        for each in (one, two):
            each.folder.mkdir()
            each.start()
            each.worker.wait_running(["src"])
        wait_until(lambda: count(read_topic(kafka, topic)) == 200, 20, "the snapshot is in Kafka")
        wait_until(lambda: count(read_embedded(one.folder, topic)) == 200, 20, "the snapshot is in the embedded log")
        one.work(20)
        one.source.execute("DELETE FROM orders WHERE id IN (50, 51, 52)")
        one.source.execute("INSERT INTO orders VALUES (99999, 'last')")
        wait_until(lambda: b"99999" in str(read_embedded(one.folder, topic)).encode(), 20, "the stream is there")
        wait_until(lambda: b"99999" in str(read_topic(kafka, topic)).encode(), 20, "the stream is in Kafka")
    finally:
        for each in (one, two):
            if each.worker is not None:
                each.worker.stop()
        one.close()
    theirs, ours = read_topic(kafka, topic), read_embedded(one.folder, topic)
    assert theirs == ours
    assert len(theirs) == PARTITIONS
    assert any(value is None for rows in theirs.values() for _, value, _ in rows)
    assert all(headers for rows in theirs.values() for _, value, headers in rows if value is not None)
    assert_murmur2(kafka, f"{topic}-java", theirs)


def assert_murmur2(kafka, topic: str, records: Records) -> None:
    """Java's default partitioner puts each key where it lies."""
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_topics([NewTopic(topic, PARTITIONS)])[topic].result(20)
    placed: dict[bytes, int] = {}
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random"})
    for rows in records.values():
        for key, _, _ in rows:
            producer.produce(
                topic, b"", key, on_delivery=lambda _, message: placed.update({message.key(): message.partition()})
            )
    producer.flush(20)
    producer.close()
    for partition, rows in records.items():
        assert {placed[key] for key, _, _ in rows} == {partition}


def test_snapshot_stream_restart_and_a_killed_worker_lose_nothing(pipeline, kafka):
    pipeline.work(10)
    pipeline.start()
    pipeline.worker.wait_running(("src", "pg"))
    pipeline.work(20)
    pipeline.wait_rows_equal()
    offsets = pipeline.worker.rest("/connectors/src/offsets")["offsets"]
    assert pipeline.worker.rest("/")["kafka_cluster_id"] == "AAAAAAAAAAAAAAAAAAAAAA"
    topic = f"{pipeline.source_db}.public.orders"
    before = count(read_topic(kafka, topic))
    # In order: nothing is read or written again.
    assert pipeline.worker.stop() == 0
    pipeline.start()
    pipeline.worker.wait_running(("src", "pg"))
    assert pipeline.worker.rest("/connectors/src/offsets")["offsets"][0]["partition"] == offsets[0]["partition"]
    pipeline.work(5)
    pipeline.wait_rows_equal()
    done = count(read_topic(kafka, topic))
    assert done - before == 4 * 3 + 1 + 1  # of five transactions one is rolled back, one has a DELETE and its tombstone
    # Midway, with all its children: what was not yet committed is done again.
    pipeline.work(20)
    os.killpg(pipeline.worker.process.pid, signal.SIGKILL)
    pipeline.worker.process.end(signal.SIGKILL, 10)
    pipeline.work(20)
    pipeline.start()
    pipeline.worker.wait_running(("src", "pg"))
    pipeline.work(5)
    pipeline.wait_rows_equal()
    seen = [json.loads(value) for rows in read_topic(kafka, topic).values() for _, value, _ in rows if value]
    assert {row["payload"]["op"] for row in seen} == {"r", "c", "u", "d"}
    found = pipeline.worker.rest("/connectors/pg/offsets")["offsets"]
    assert {entry["partition"]["kafka_topic"] for entry in found} == {topic}
