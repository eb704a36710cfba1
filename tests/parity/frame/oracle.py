"""The oracle as a child process: one request, one answer. See tests/parity/oracle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".oracle" / "bin" / "python"
PROGRAM = ROOT / "tests" / "parity" / "oracle"
INSTALLED = ROOT / ".oracle" / ".installed"
MISSING = "The oracle is not installed: run `make oracle`, or set HEADRACE_NO_ORACLE=1 to skip what needs it."


class Oracle:
    """Started with the first question, ended by `close` or at the end of its `with` block. Not for several threads."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        if self._child is None:
            if not INSTALLED.exists():
                raise RuntimeError(MISSING)
            environment = {**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
            self._child = subprocess.Popen(
                [str(PYTHON), str(PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=environment,
            )
        return self._child

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one request. RuntimeError when the oracle ends, or cannot understand the request."""
        child = self.start()
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(request) + "\n")
        child.stdin.flush()
        line = child.stdout.readline()
        if not line:
            raise RuntimeError(f"the oracle ended with status {child.wait(10)}; its messages are on stderr")
        answer: dict[str, Any] = json.loads(line)
        if answer.get("error", {}).get("stage") == "input":
            raise RuntimeError(f"the oracle cannot use this request: {answer['error']}\n{json.dumps(request)[:2000]}")
        return answer

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The whole process stands still within the block."""
        child = self.start()
        child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            child.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the child; it goes by itself once its input ends."""
        child, self._child = self._child, None
        if child is None:
            return
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.close()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()

    def __enter__(self) -> Oracle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
