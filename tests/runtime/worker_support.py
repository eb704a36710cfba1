"""A standalone worker as a process, for tests: started with properties, driven over REST, always ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.support import wait_until

PLUGINS = Path(__file__).parent.parent / "plugins"

FAST = {
    "listeners": "http://127.0.0.1:0",
    "plugin.path": str(PLUGINS),
    "key.converter": "TextConverter",
    "value.converter": "TextConverter",
    "header.converter": "TextHeaderConverter",
    "offset.flush.interval.ms": "100",
    "task.shutdown.graceful.timeout.ms": "1500",
    "headrace.restart.backoff.initial.ms": "50",
    "headrace.restart.reset.after.ms": "60000",
}

# The suite itself may run under nohup, whose disposition a worker would take over.
_MAIN = """
import signal, sys
from headrace.app import run_standalone
signal.signal(signal.SIGHUP, signal.SIG_DFL)
sys.exit(run_standalone(sys.argv[1], sys.argv[2:]))
"""


class Worker:
    """One data folder; may be started again and again."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.properties = {**FAST, "headrace.data.dir": str(self.data)}
        self.properties.update({key.replace("__", "."): value for key, value in settings.items()})
        self.process: subprocess.Popen[bytes] | None = None
        self.http = httpx.Client(timeout=30)

    def start(self, *files: Path, env: Mapping[str, str] | None = None, wait: bool = True) -> Worker:
        path = self.folder / "worker.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in self.properties.items()))
        (self.data / "rest.url").unlink(missing_ok=True)
        with open(self.folder / "worker.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _MAIN, str(path), *map(str, files)],
                stderr=log,
                stdout=log,
                env={**os.environ, **(env or {})},
            )
        if wait:
            wait_until(self._answers, 20, "the worker answers")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        self.url = (self.data / "rest.url").read_text().strip()
        return self.http.get(self.url + "/health").status_code == 200

    def log(self) -> str:
        return (self.folder / "worker.log").read_text()

    def request(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        answer = self.http.request(method, self.url + path, json=body)
        if status is not None:
            assert answer.status_code == status, answer.text
        return answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else answer.text

    def create(self, name: str, cls: str = "DummySource", state: str | None = None, **config: str) -> Any:
        full = {"connector.class": cls, **{key.replace("__", "."): value for key, value in config.items()}}
        body: dict[str, Any] = {"name": name, "config": full}
        if state:
            body["initial_state"] = state
        return self.request("POST", "/connectors", body, 201)

    def status(self, name: str) -> Any:
        return self.request("GET", f"/connectors/{name}/status", status=200)

    def states(self, name: str) -> tuple[str, list[str]]:
        status = self.status(name)
        return status["connector"]["state"], [task["state"] for task in status["tasks"]]

    def until(self, condition: Callable[[], Any], timeout_s: float = 10.0) -> Any:
        return wait_until(condition, timeout_s, "the worker's state")

    def until_states(self, name: str, connector: str, *tasks: str, timeout_s: float = 10.0) -> None:
        wanted = (connector, list(tasks))
        seen: list[object] = []

        def reached() -> bool:
            seen[:] = [self.states(name)]
            return seen == [wanted]

        try:
            wait_until(reached, timeout_s, f"{name} is {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it was {seen}\n{self.log()[-4000:]}") from None

    def offset(self, name: str) -> int:
        found = self.request("GET", f"/connectors/{name}/offsets", status=200)["offsets"]
        return int(found[0]["offset"]["at"]) if found else 0

    def metric(self, line_start: str) -> float | None:
        for line in self.request("GET", "/metrics", status=200).splitlines():
            if line.startswith(line_start):
                return float(line.rpartition(" ")[2])
        return None

    def children(self) -> list[int]:
        """The fork server's and its children's process ids."""
        assert self.process is not None
        server = _children(self.process.pid)
        return server + [pid for parent in server for pid in _children(parent)]

    def task_pid(self, name: str, scope: str = "task-0") -> int:
        for pid in self.children():
            if Path(f"/proc/{pid}/comm").read_text().strip() == f"hr-{name} {scope}"[:15]:
                return pid
        raise AssertionError(f"no process for {name} {scope}")

    def terminate(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        self.http.close()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)


def _children(pid: int) -> list[int]:
    try:
        return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def alive(pid: int) -> bool:
    """Running, and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
