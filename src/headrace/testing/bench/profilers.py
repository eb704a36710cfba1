"""The two programs that look at a task while it runs: py-spy sees Python's functions, perf the native ones and the kernel's.

Python 3.11 does not tell perf its functions, and py-spy, asked for native stacks, counts threads that wait; so each does what it is good
at, in a run of its own.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from headrace.errors import ConnectException
from headrace.testing.bench import flame, perf_script
from headrace.testing.bench.meter import name_of, tree

RATE: Final = 250
"""Looks per second."""


class Profiler(ABC):
    """Attaches to the task of a connector. `folder`: for what it writes."""

    name: str
    """For file names: python, native."""
    told: str
    """What the picture shows."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self._folder = folder

    @contextmanager
    def watching(self, worker: int, connector: str, name: str) -> Iterator[None]:
        """Look at the task of `connector` as soon as there is one; what is seen is kept under `name`."""
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(worker, connector, self._file(name), stop), name="profiler")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def stacks(self, name: str) -> flame.Stacks:
        """What was seen. ConnectException PROFILE_EMPTY when it is nothing."""
        stacks = self._stacks(self._file(name)) if self._file(name).exists() else {}
        if not stacks:
            raise ConnectException(
                f"The task of {name} has ended before it could be looked at.",
                code="PROFILE_EMPTY",
                remedy="Ask for more rows.",
            )
        return stacks

    @abstractmethod
    def _command(self, pid: int, output: Path) -> Sequence[str]: ...

    @abstractmethod
    def _stacks(self, output: Path) -> flame.Stacks: ...

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.{self.name}"

    def _run(self, worker: int, connector: str, output: Path, stop: threading.Event) -> None:
        word = f"-{connector} task"
        task = None
        while task is None and not stop.wait(0.01):
            task = next((pid for pid in tree(worker) if word in name_of(pid)), None)
        if task is None:
            return
        command = self._command(task, output)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stop.wait()
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class PySpy(Profiler):
    name = "python"
    told = "Python's functions; what they call in native code counts as theirs (py-spy)"

    def _command(self, pid: int, output: Path) -> Sequence[str]:
        # To stop the process would wake the threads that wait, and they would count.
        options = ["--nonblocking", "--function", "--rate", str(RATE), "--format", "raw"]
        return [self.program, "record", *options, "--pid", str(pid), "--output", str(output)]

    def _stacks(self, output: Path) -> flame.Stacks:
        return without_waits(flame.parse(output.read_text(errors="replace")))


_WAITS: Final = re.compile(
    r"^(Condition\.|Event\.|Thread\.)?(_?wait\w*|join) \((threading|queue)|^SocketIO\.readinto |\bselect \(selectors"
)


def without_waits(stacks: flame.Stacks) -> dict[tuple[str, ...], int]:
    """Without the stacks of threads that wait for each other or for the worker: on a busy machine they look as if they ran."""
    return {stack: count for stack, count in stacks.items() if not _WAITS.search(stack[-1])}


class Perf(Profiler):
    name = "native"
    told = "native code and the kernel, the interpreter as one frame (perf)"

    def _command(self, pid: int, output: Path) -> Sequence[str]:
        options = ["-e", "cpu-clock", "-F", str(RATE), "--call-graph", "dwarf,16384"]
        return [self.program, "record", "--quiet", *options, "-p", str(pid), "-o", str(output)]

    def _stacks(self, output: Path) -> flame.Stacks:
        command = [self.program, "script", "--no-inline", "-F", "ip,sym,dso", "-i", str(output)]
        done = subprocess.run(command, capture_output=True, timeout=600)
        return perf_script.parse(done.stdout.decode(errors="replace"))


def profilers(folder: Path) -> list[Profiler]:
    """Those that are there. ConnectException PROFILE_NO_TOOL when there is none."""
    found: list[Profiler] = []
    spy = next((str(Path(place).absolute()) for place in _places("py-spy") if Path(place).exists()), None)
    if spy is not None:
        found.append(PySpy(spy, folder))
    perf = shutil.which("perf")
    if perf is not None and _perf_works(perf):
        found.append(Perf(perf, folder))
    if not found:
        raise ConnectException(
            "There is neither py-spy nor a perf that may be used.",
            code="PROFILE_NO_TOOL",
            remedy="make profile installs py-spy; perf comes with the system.",
        )
    return found


def _places(name: str) -> list[str]:
    return [f".bench/bin/{name}", *([on_path] if (on_path := shutil.which(name)) else [])]


def _perf_works(program: str) -> bool:
    command = [program, "record", "--quiet", "-e", "cpu-clock", "-o", "/dev/null", "true"]
    return subprocess.run(command, capture_output=True).returncode == 0
