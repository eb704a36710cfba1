"""A worker started as a user would: `headrace standalone worker.properties connector.json …`, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headrace.errors import ConnectException
from headrace.testing.processes import ServerProcess


def command() -> list[str]:
    """The `headrace` program of this environment."""
    program = Path(sys.executable).with_name("headrace")
    return [str(program)] if program.exists() else [sys.executable, "-m", "headrace.cli.main"]


class WorkerProcess:
    """`files`: worker.properties and connectors' JSON. The worker's log goes to `log_path`."""

    def __init__(
        self, files: Sequence[Path], rest_port: int, log_path: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.url = f"http://127.0.0.1:{rest_port}"
        self.process = ServerProcess(
            [*command(), "standalone", *map(str, files)],
            log_path=log_path,
            env={**os.environ, **(env or {})},
            death_signal=signal.SIGTERM,
        )

    def rest(self, path: str, method: str = "GET", body: Any = None, timeout_s: float = 30) -> Any:
        """A call of the REST API; None for an empty answer. ConnectException for an error answer or no answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ConnectException(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        except OSError as error:
            raise ConnectException(f"{method} {path}: {error}", code="REST_UNREACHABLE") from error
        return json.loads(text) if text else None

    def text(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            body: bytes = answer.read()
        return body.decode()

    def wait_up(self, timeout_s: float = 30) -> None:
        """Until the REST API answers. ConnectException with the end of the log if the worker ends before."""

        def up() -> bool:
            try:
                self.rest("/", timeout_s=5)
            except ConnectException:
                return False
            return True

        self.process.wait_ready(up, timeout_s, "The worker")

    def wait_running(self, names: Sequence[str], timeout_s: float = 60) -> None:
        """Until these connectors and their tasks are RUNNING. ConnectException when one fails or the time is over."""
        deadline = time.monotonic() + timeout_s
        while not all(self.state(name) == "RUNNING" for name in names):
            if time.monotonic() > deadline:
                raise ConnectException(
                    f"Not running after {timeout_s:g} s: { {n: self.state(n) for n in names} }\n{self.process.log_tail()}"
                )
            time.sleep(0.02)

    def state(self, name: str) -> str:
        """RUNNING when the connector and at least one task run, MISSING, else the first state that is not RUNNING.

        ConnectException with the trace when something FAILED, or when the worker is gone."""
        try:
            status = self.rest(f"/connectors/{name}/status")
        except ConnectException:
            if not self.process.running():
                raise ConnectException(f"The worker has ended: {self.process.log_tail()}") from None
            return "MISSING"
        parts = [status["connector"], *status["tasks"]]
        for part in parts:
            if part["state"] == "FAILED":
                raise ConnectException(f"{name} has failed: {part.get('trace')}", code="DEMO_CONNECTOR_FAILED")
        states = [part["state"] for part in parts if part["state"] != "RUNNING"]
        return states[0] if states else ("RUNNING" if status["tasks"] else "STARTING")

    def stop(self, timeout_s: float = 15) -> int:
        return self.process.end(signal.SIGTERM, timeout_s)
