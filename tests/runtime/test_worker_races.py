"""Changes that meet: what was queued behind a deletion starts nothing; what cannot be remembered is not begun."""

from __future__ import annotations

import random
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.runtime.worker_support import Worker
from tests.support import wait_until


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(
        tmp_path,
        task__shutdown__graceful__timeout__ms="700",
        headrace__restart__operator__backoff__initial__ms="50",
    )
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


def _may_write(worker: Worker, allowed: bool) -> None:
    """Whether the worker itself, not its children, can write files: as if its disk were full."""
    assert worker.process is not None
    hard = resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (hard if allowed else 1, hard))


@pytest.mark.parametrize("path", ["pause", "stop"])
def test_a_target_state_that_cannot_be_stored_changes_nothing(worker: Worker, path: str) -> None:
    worker.create("c")
    worker.until_states("c", "RUNNING", "RUNNING")
    before = sorted(worker.children())
    _may_write(worker, False)
    worker.request("PUT", f"/connectors/c/{path}", status=500)
    assert worker.states("c") == ("RUNNING", ["RUNNING"])
    assert sorted(worker.children()) == before
    _may_write(worker, True)
    worker.request("PUT", f"/connectors/c/{path}")
    wait_until(lambda: worker.states("c") == (("PAUSED", ["PAUSED"]) if path == "pause" else ("STOPPED", [])))


def test_a_deletion_that_cannot_be_stored_leaves_the_connector_to_itself(worker: Worker) -> None:
    worker.create("c")
    worker.until_states("c", "RUNNING", "RUNNING")
    _may_write(worker, False)
    worker.request("DELETE", "/connectors/c", status=500)
    assert worker.states("c")[0] == "FAILED"
    _may_write(worker, True)
    worker.until_states("c", "RUNNING", "RUNNING")
    worker.request("DELETE", "/connectors/c", status=204)
    wait_until(lambda: _only_server(worker))


def test_a_paused_connector_takes_another_class(worker: Worker, tmp_path: Path) -> None:
    worker.create("c")
    worker.until_states("c", "RUNNING", "RUNNING")
    worker.request("PUT", "/connectors/c/pause", status=202)
    sink = {"connector.class": "DummySink", "file": str(tmp_path / "out"), "topics": "dummy"}
    worker.request("PUT", "/connectors/c/config", sink, 200)
    assert worker.states("c") == ("PAUSED", [])
    worker.request("PUT", "/connectors/c/resume", status=202)
    worker.until_states("c", "RUNNING", "RUNNING")
    assert worker.status("c")["type"] == "sink"


def test_a_resumed_connector_that_hangs_in_its_start_is_not_paused(worker: Worker) -> None:
    worker.create("c", state="PAUSED", connector__behave="hang-start")
    worker.request("PUT", "/connectors/c/resume", status=202)
    assert worker.states("c") == ("UNASSIGNED", [])
    worker.request("PUT", "/connectors/c/stop", status=204)
    assert worker.states("c") == ("STOPPED", [])


def test_a_refused_restart_is_the_connectors_failure_not_the_clients(worker: Worker) -> None:
    worker.create("c", connector__behave="raise")
    answer = worker.request("POST", "/connectors/c/restart", status=500)
    assert "start refused" in answer["message"]


def test_many_changes_at_once_leave_no_process_behind(worker: Worker) -> None:
    """Starts, restarts and ends of a few connectors, from several clients; at the end there is what the status says."""
    until = time.monotonic() + 4
    hung: list[object] = []

    def client(number: int) -> None:
        choose = random.Random(number)
        with httpx.Client(base_url=worker.url, timeout=20) as http:
            while time.monotonic() < until:
                path = f"/connectors/c{choose.randrange(2)}"
                config = {"connector.class": "DummySource", "tasks.max": "3", "tasks.plan": str(choose.randrange(1, 4))}
                method, rest = choose.choice(
                    [("PUT", "/config")] * 3
                    + [("POST", "/restart"), ("POST", "/restart?includeTasks=true"), ("POST", "/tasks/0/restart")]
                    + [("PUT", "/pause"), ("PUT", "/resume"), ("PUT", "/stop"), ("DELETE", "")]
                )
                try:
                    answer = http.request(method, path + rest, json=config if rest == "/config" else None)
                except httpx.HTTPError as error:
                    hung.append(error)
                else:
                    if answer.status_code >= 500:
                        hung.append(answer.text)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(6)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert not hung
    for name in ("c0", "c1"):
        worker.request("PUT", f"/connectors/{name}/config", {"connector.class": "DummySource"})
        worker.request("PUT", f"/connectors/{name}/resume", status=202)
        worker.until_states(name, "RUNNING", "RUNNING")
    wait_until(lambda: len(worker.children()) == 5)
    for name in ("c0", "c1"):
        worker.request("DELETE", f"/connectors/{name}", status=204)
    wait_until(lambda: _only_server(worker))
