"""Starting the child processes of the log tests, and ending them whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]


class Child:
    """One process in a role of `tests.log.processes`; `events` grows while it runs."""

    def __init__(self, role: str, *arguments: object, **environment: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.killed_at: int | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.log.processes", role, *map(str, arguments)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **environment},
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith(b"\n"):
                self.events.append(json.loads(line))

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone and all it said is read."""
        if self.killed_at is None and self.process.poll() is None:
            self.killed_at = time.monotonic_ns()
            self.process.kill()
        self.wait()

    def wait(self, seconds: float = 30) -> int:
        code = self.process.wait(seconds)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
