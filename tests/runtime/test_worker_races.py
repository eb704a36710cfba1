"""Changes that meet: what was queued behind a deletion starts nothing; what cannot be remembered is not begun."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.worker_support import Worker
from tests.support import wait_until


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tmp_path, task__shutdown__graceful__timeout__ms="700")
    try:
        yield worker.start()
    finally:
        worker.close()


def _only_server(worker: Worker) -> bool:
    return len(worker.children()) == 1


@pytest.mark.parametrize("path", ["/restart", "/restart?includeTasks=true", "/tasks/0/restart"])
def test_a_restart_behind_a_deletion_starts_nothing(worker: Worker, path: str) -> None:
    worker.create("slow", behave="hang-stop")
    worker.until_states("slow", "RUNNING", "RUNNING")
    statuses: dict[str, Any] = {}

    def call(method: str, path: str) -> None:
        statuses[method] = worker.http.request(method, f"{worker.url}/connectors/slow{path}").status_code

    deletion = threading.Thread(target=call, args=("DELETE", ""))
    deletion.start()
    # The tasks are taken from the list when the deletion has its turn; their stop takes longer than the restart's coming.
    wait_until(lambda: worker.states("slow")[1] == [])
    restart = threading.Thread(target=call, args=("POST", path))
    restart.start()
    deletion.join(10)
    restart.join(10)
    assert statuses["DELETE"] == 204
    assert statuses["POST"] == (202 if "includeTasks" in path else 404)
    wait_until(lambda: _only_server(worker))
    worker.create("slow")
    worker.until_states("slow", "RUNNING", "RUNNING")
    assert len(worker.children()) == 3


def test_what_has_no_message_form_leaves_no_child_behind(worker: Worker) -> None:
    worker.create("source", state="STOPPED")
    worker.create("sink", "DummySink", state="STOPPED", file="x", topics="t")
    huge = 10**40
    for name, partition, offset in [
        ("source", {"part": "0"}, {"at": huge}),
        ("sink", {"kafka_topic": "t", "kafka_partition": 0}, {"kafka_offset": huge}),
        ("sink", {"kafka_topic": "t", "kafka_partition": huge}, {"kafka_offset": 1}),
    ]:
        body = {"offsets": [{"partition": partition, "offset": offset}]}
        assert "OFFSETS_INVALID" in worker.request("PATCH", f"/connectors/{name}/offsets", body, 400)["message"]
    wait_until(lambda: _only_server(worker))
