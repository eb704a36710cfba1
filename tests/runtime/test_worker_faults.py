"""A failing, crashing, hanging, leaking plugin costs its own task only, is shown with a code, and is started again by the policy."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.worker_support import Worker, alive


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    worker = Worker(
        tmp_path_factory.mktemp("worker"),
        headrace__task__heartbeat__timeout__ms="3000",
        headrace__task__hang__timeout__ms="2000",
        headrace__task__start__timeout__ms="6000",
        headrace__log__dir=str(tmp_path_factory.mktemp("logs")),
    )
    try:
        worker.start()
        worker.create("neighbour", topic="neighbour")
        worker.until_states("neighbour", "RUNNING", "RUNNING")
        yield worker
        assert worker.metric('headrace_restarts_total{connector="neighbour",task="0"}') == 0
        assert worker.states("neighbour") == ("RUNNING", ["RUNNING"])
    finally:
        worker.close()


def fails_with(worker: Worker, name: str, code: str, **config: str) -> str:
    worker.create(name, headrace__restart__policy="none", **config)
    worker.until_states(name, "RUNNING", "FAILED", timeout_s=12)
    trace = str(worker.status(name)["tasks"][0]["trace"])
    assert f"[{code}]" in trace.splitlines()[0]
    worker.request("DELETE", f"/connectors/{name}", status=204)
    return trace


def test_crash(worker: Worker) -> None:
    assert "SIGSEGV" in fails_with(worker, "crash", "TASK_CRASHED", behave="crash")


def test_hang_in_poll(worker: Worker) -> None:
    fails_with(worker, "hang", "TASK_HUNG", behave="hang")


def test_hang_with_the_interpreter_held(worker: Worker) -> None:
    assert "No sign of life" in fails_with(worker, "gil", "TASK_HUNG", behave="hold-gil")


def test_hang_in_start(worker: Worker) -> None:
    fails_with(worker, "slow", "TASK_HUNG", behave="hang-start")


def test_memory_limit(worker: Worker) -> None:
    limit = {"headrace__task__memory__limit__bytes": str(120 << 20)}
    fails_with(worker, "leak", "TASK_MEMORY_LIMIT", behave="leak", **limit)


def test_a_hanging_stop_is_cut_off(worker: Worker) -> None:
    worker.create("stuck", behave="hang-stop")
    worker.until_states("stuck", "RUNNING", "RUNNING")
    pid = worker.task_pid("stuck")
    worker.request("PUT", "/connectors/stuck/stop", status=204)
    assert not alive(pid)
    worker.request("DELETE", "/connectors/stuck", status=204)


def test_connector_that_hangs_in_start_can_be_deleted(worker: Worker) -> None:
    import threading

    creating = threading.Thread(target=worker.create, args=("slowstart",), kwargs={"connector__behave": "hang-start"})
    creating.start()
    worker.until(lambda: "slowstart" in worker.request("GET", "/connectors"))
    began = time.monotonic()
    worker.request("DELETE", "/connectors/slowstart", status=204)
    assert time.monotonic() - began < 3, "the start is broken off, not waited for"
    creating.join(20)
    assert not creating.is_alive()


def test_connector_failures(worker: Worker) -> None:
    worker.create("refuses", connector__behave="raise")
    worker.until_states("refuses", "FAILED")
    assert "start refused" in worker.status("refuses")["connector"]["trace"]
    worker.create("later", connector__behave="raise-later", headrace__restart__policy="none")
    worker.until_states("later", "FAILED", "RUNNING")
    assert "found later" in worker.status("later")["connector"]["trace"]
    for name in ("refuses", "later"):
        worker.request("DELETE", f"/connectors/{name}", status=204)


def test_restart_policy(worker: Worker, tmp_path: Path) -> None:
    once = tmp_path / "behaved-badly"
    worker.create("heals", behave="crash", behave__once__file=str(once))
    worker.until(lambda: worker.metric('headrace_restarts_total{connector="heals",task="0"}') == 1)
    worker.until_states("heals", "RUNNING", "RUNNING")
    assert once.exists()
    worker.create("never", behave="raise-config")
    worker.until_states("never", "RUNNING", "FAILED")
    assert "stays failed" in worker.log()
    worker.create("thrice", behave="raise", headrace__restart__max__attempts="3")
    worker.until(lambda: worker.metric('headrace_restarts_total{connector="thrice",task="0"}') == 3)
    worker.until_states("thrice", "RUNNING", "FAILED")
    assert worker.metric('headrace_restarts_total{connector="never",task="0"}') == 0
    for name in ("heals", "never", "thrice"):
        worker.request("DELETE", f"/connectors/{name}", status=204)


def test_task_killed_from_outside(worker: Worker) -> None:
    worker.create("victim")
    worker.until_states("victim", "RUNNING", "RUNNING")
    first = worker.task_pid("victim")
    os.kill(first, signal.SIGKILL)
    worker.until(lambda: worker.metric('headrace_failures_total{connector="victim",task="0",code="TASK_CRASHED"}') == 1)
    worker.until_states("victim", "RUNNING", "RUNNING")
    assert worker.task_pid("victim") != first
    worker.request("DELETE", "/connectors/victim", status=204)


def test_log_file_per_connector(worker: Worker) -> None:
    worker.create("logged", behave="raise", headrace__restart__policy="none")
    worker.until_states("logged", "RUNNING", "FAILED")
    folder = Path(worker.properties["headrace.log.dir"])
    assert "[logged|task-0]" in (folder / "logged.log").read_text()
    assert "[logged" not in (folder / "worker.log").read_text()
    worker.request("DELETE", "/connectors/logged", status=204)


def test_the_fork_server_dies(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    try:
        worker.start()
        worker.create("f")
        worker.until_states("f", "RUNNING", "RUNNING")
        children = worker.children()
        os.kill(children[0], signal.SIGKILL)
        worker.until(lambda: not any(alive(pid) for pid in children))
        worker.until_states("f", "RUNNING", "RUNNING")
        worker.until(lambda: worker.children()[0] != children[0])
    finally:
        worker.close()


def test_secrets_stay_out_of_sight(tmp_path: Path) -> None:
    (tmp_path / "secrets.properties").write_text("password=hunter2hunter2\n")
    reference = f"${{file:{tmp_path}/secrets.properties:password}}"
    worker = Worker(
        tmp_path,
        config__providers="file",
        config__providers__file__class="dummy_plugins.FileProvider",
        headrace__log__format="json",
    )
    try:
        worker.start()
        worker.create("s", behave="raise-secret", secret=reference, headrace__restart__policy="none")
        worker.until_states("s", "RUNNING", "FAILED")
        assert "hunter2hunter2" not in json.dumps(worker.status("s"))
        worker.create("literal", behave="raise-secret", secret="correct-horse", headrace__restart__policy="none")
        worker.until_states("literal", "RUNNING", "FAILED")
        assert "correct-horse" not in worker.log() + json.dumps(worker.status("literal"))
        assert worker.request("GET", "/connectors/s/tasks")[0]["config"]["secret"] == reference
        assert worker.request("GET", "/connectors/s/config")["secret"] == reference
        assert "hunter2hunter2" not in worker.log()
        assert "the secret is [hidden]" in worker.log()
        lines = [json.loads(line) for line in worker.log().splitlines() if line.startswith("{")]
        assert any(line.get("connector") == "s" and line.get("scope") == "task-0" for line in lines)
    finally:
        worker.close()


def test_threads_instead_of_processes(tmp_path: Path) -> None:
    worker = Worker(tmp_path, headrace__task__isolation="thread")
    try:
        worker.start()
        worker.create("t")
        worker.until_states("t", "RUNNING", "RUNNING")
        assert worker.children() == []
        worker.request("PUT", "/connectors/t/pause", status=202)
        worker.until_states("t", "PAUSED", "PAUSED")
        worker.request("DELETE", "/connectors/t", status=204)
        assert worker.terminate() == 0
    finally:
        worker.close()


def test_settings_that_cannot_be_met(tmp_path: Path) -> None:
    for settings, code in (
        ({"bootstrap.servers": "kafka:9092", "producer.ack": "1"}, "KAFKA_SETTING_UNKNOWN"),
        ({"headrace.task.hang.timeout.ms": "soon"}, "headrace.task.hang.timeout.ms"),
        ({"headrace.data.dir": "/proc/nowhere"}, "DATA_DIR_UNUSABLE"),
        ({"value.converter": "JasonConverter"}, "value.converter"),
    ):
        worker = Worker(tmp_path)
        worker.properties.update(settings)
        try:
            worker.start(wait=False)
            assert worker.process is not None
            assert worker.process.wait(20) == 2, worker.log()
            assert code in worker.log()
        finally:
            worker.close()
