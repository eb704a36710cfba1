"""What plugins leave behind or cannot say: the worker notices at once, says what it can, and is rid of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.worker_support import Worker, alive
from tests.support import wait_until


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tmp_path, headrace__restart__policy="none")
    try:
        yield worker.start()
    finally:
        worker.close()


def _group(pid: int) -> list[int]:
    """The other processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == pid and int(stat.parent.name) != pid:
            found.append(int(stat.parent.name))
    return found


def test_a_crash_is_noticed_although_a_forked_process_holds_the_socket(worker: Worker) -> None:
    worker.create("crash", behave="fork-and-crash")
    worker.until_states("crash", "RUNNING", "FAILED", timeout_s=5)
    assert "SIGSEGV" in worker.status("crash")["tasks"][0]["trace"]


def test_programs_a_task_has_started_end_with_it_and_hold_no_lock(worker: Worker) -> None:
    worker.create("starter", behave="start-program")
    worker.until_states("starter", "RUNNING", "RUNNING")
    task = worker.task_pid("starter")
    [program] = wait_until(lambda: [pid for pid in _group(task) if Path(f"/proc/{pid}/comm").read_text() == "sleep\n"])
    assert not [fd for fd in Path(f"/proc/{program}/fd").iterdir() if fd.resolve().name == "worker.lock"]
    worker.request("PUT", "/connectors/starter/stop", status=204)
    wait_until(lambda: not alive(program))


@pytest.mark.parametrize(
    ("behave", "told"),
    [
        ("raise-half-surrogate", r"ValueError: no such file: \udcff"),
        ("raise-mute", "MuteError: (its text cannot be had"),
        ("raise-long", "characters left out"),
    ],
)
def test_a_failure_is_told_whatever_its_text(worker: Worker, behave: str, told: str) -> None:
    worker.create("odd", behave=behave)
    worker.until_states("odd", "RUNNING", "FAILED")
    trace = worker.status("odd")["tasks"][0]["trace"]
    assert told in trace
    assert "in poll" in trace
    assert len(trace) < 200_000


def test_a_hangup_ends_the_worker_in_good_order(worker: Worker) -> None:
    worker.create("c")
    worker.until_states("c", "RUNNING", "RUNNING")
    assert worker.process is not None
    worker.process.send_signal(signal.SIGHUP)
    assert worker.process.wait(10) == 0
    assert "Worker stopped." in worker.log()
