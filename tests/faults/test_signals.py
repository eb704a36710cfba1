"""Signals through a real worker: by REST, by the log, by the table; and snapshots beside the stream whose task is killed."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.main import main
from headrace.client.connect import ConnectClient
from headrace.errors import ConfigException, ConnectException, NotFoundException
from headrace.log.spi import EncodedBatch
from headrace.spi.converter import Column
from headrace.testing.servers import PostgresServer
from tests.faults.kit import JSON, create, laboratory, log_of, read_all, worker_at
from tests.runtime.worker_support import Worker
from tests.support import wait_until

ROWS = 60


def values(worker: Worker, topic: str) -> list[Any]:
    """The payloads of a topic's records."""
    batch = read_all(worker, topic)
    found = [] if batch is None else [json.loads(bytes(value)) for value in batch.values if value is not None]
    return [one["payload"] for one in found]


def write(worker: Worker, topic: str, key: bytes, value: str) -> None:
    log = log_of(worker)
    try:
        producer = log.producer("test")
        producer.append(
            [EncodedBatch(topic, 0, [int(time.time() * 1000)], Column([key]), Column([value.encode()]), [()])]
        )
        producer.close()
    finally:
        log.close()


@pytest.mark.parametrize("point", ["source.incremental.chunk_read", "source.blocking.rows_read"])
def test_a_task_killed_in_a_snapshot_beside_the_stream(
    postgres: PostgresServer, tmp_path: Path, point: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with laboratory(postgres) as lab:
        lab.table("a", ROWS)
        lab.src.execute("CREATE TABLE sig (id varchar(64) PRIMARY KEY, type varchar(32), data varchar(2048))")
        worker = worker_at(tmp_path / "worker")
        marks = tmp_path / "marks"
        marks.mkdir()
        fails = {"HEADRACE_FAILPOINTS": f"{point}@src=kill:2", "HEADRACE_FAILPOINTS_DIR": str(marks)}
        worker.start(env=fails)
        try:
            config = lab.source("a", snapshot__mode="no_data", incremental__snapshot__chunk__size="7")
            config |= {
                "signal.data.collection": "public.sig",
                "signal.enabled.channels": "source,kafka,jmx",
                "signal.poll.interval.ms": "100",
                "notification.enabled.channels": "sink,jmx",
                "notification.sink.topic.name": f"{lab.prefix}.notes",
                "max.batch.size": "20",
                "value.converter": JSON,
                "key.converter": JSON,
            }
            create(worker, "src", config)
            topic, kind = lab.topic("a"), "incremental" if "incremental" in point else "blocking"
            request = {"data-collections": ["public.a"], "type": kind}
            with ConnectClient(worker.url, timeout_s=20) as client:
                wait_until(lambda: client.notifications("src") != [], 20, "the skipped snapshot is told of")
                client.signal("src", "log", {"message": "from the REST interface: {}"})
                if kind == "incremental":
                    write(worker, f"{lab.prefix}-signal", b"another", json.dumps({"type": "log", "data": {}}))
                    signal = {"id": "k-1", "type": "execute-snapshot", "data": request}
                    write(worker, f"{lab.prefix}-signal", lab.prefix.encode(), json.dumps(signal))
                else:
                    assert client.signal("src", "execute-snapshot", request, id="r-1") == "r-1"

                def told() -> list[str]:
                    return [note["type"] for note in client.notifications("src")]

                wait_until(lambda: told()[-1] == "COMPLETED", 40, "the snapshot is complete")
                assert main(["connectors", "notifications", "src", "--url", worker.url]) == 0
                assert "TABLE_SCAN_COMPLETED" in capsys.readouterr().out
                assert main(["connectors", "signal", "src", "log", "--data", "{", "--url", worker.url]) != 0
                data = '{"message": "from the command line"}'
                assert main(["connectors", "signal", "src", "log", "--data", data, "--url", worker.url]) == 0
            assert [file.name for file in marks.iterdir()] != []
            lab.insert("a", 1)
            wait_until(lambda: any(one["op"] == "c" for one in values(worker, topic)), 20, "the stream goes on")
            read = Counter(one["after"]["id"] for one in values(worker, topic) if one["op"] == "r")
            assert set(read) == set(range(1, ROWS + 1))
            if kind == "incremental":
                # Goes on where it was: records and offset were one commit.
                assert set(read.values()) == {1}
            stored = worker.request("GET", "/connectors/src/offsets")["offsets"][0]["offset"]
            assert not [key for key in stored if key.startswith(("incremental", "blocking"))]
            wait_until(lambda: "from the command line" in worker.log(), 10, "the signal was taken")
            assert "from the REST interface: {lsn" in worker.log()
        finally:
            worker.close()


def test_signals_that_are_refused(worker: Worker) -> None:
    create(worker, "dummy", {"connector.class": "DummySource", "topic": "t"})
    with ConnectClient(worker.url, timeout_s=20) as client:
        with pytest.raises(NotFoundException):
            client.signal("nobody", "log")
        with pytest.raises(NotFoundException):
            client.notifications("nobody")
        wait_until(lambda: client.status("dummy").tasks[0].state == "RUNNING", 10, "the task runs")
        with pytest.raises(ConfigException, match="takes no signals"):
            client.signal("dummy", "log")
        for body in ({}, {"type": 3}, {"type": "log", "data": [1]}, {"type": "log", "id": 1}):
            assert worker.http.post(f"{worker.url}/connectors/dummy/signals", json=body).status_code == 400
        client.stop("dummy")
        with pytest.raises(ConnectException, match="no running task"):
            client.signal("dummy", "log")
        assert client.notifications("dummy") == []
        client.delete("dummy")
