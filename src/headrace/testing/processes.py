"""Child processes that never outlive us: servers for the demo, the benchmark and the tests.

Each is started through a few lines of Python that give up root where asked, tie the process to ours (on Linux the kernel
ends it when we die, even by SIGKILL) and then become the server, so that the process id stays the same. The tie is to
the thread that called `spawn`: call it from a thread that lives as long as the server is wanted.
"""

from __future__ import annotations

import atexit
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from headrace.errors import ConnectException

_LAUNCHER = """
import os, sys
parent, death_signal, uid, gid = (int(a) for a in sys.argv[1:5])
if sys.platform == "linux":
    import ctypes
    libc = ctypes.CDLL(None)
if uid >= 0:
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
if sys.platform == "linux":
    libc.prctl(1, death_signal)
    if os.getppid() != parent:
        sys.exit(1)
os.execv(sys.argv[5], sys.argv[5:])
"""
# ctypes is loaded before root is given up: the other account may not be able to read this Python. The kernel forgets
# the death signal when the account changes, so that comes after.

_living: weakref.WeakSet[ServerProcess] = weakref.WeakSet()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def unprivileged_user() -> pwd.struct_passwd | None:
    """The account to run a server as that refuses root; None when we are not root."""
    if os.getuid() != 0:
        return None
    for name in ("nobody", "daemon", "postgres"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        if account.pw_uid != 0:
            return account
    raise ConnectException(
        "PostgreSQL does not run as root and there is no account 'nobody' to run it as.",
        code="DEMO_NO_ACCOUNT",
        remedy="Run as an ordinary user.",
    )


class ServerProcess:
    """A started server. `log_path` holds its output."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log_path: Path,
        account: pwd.struct_passwd | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.log_path = log_path
        uid, gid = (-1, -1) if account is None else (account.pw_uid, account.pw_gid)
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-ISc",
                    _LAUNCHER,
                    str(os.getpid()),
                    str(int(death_signal)),
                    str(uid),
                    str(gid),
                    *map(str, command),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=cwd or "/",
                env=None if env is None else dict(env),
                start_new_session=True,
            )
        self._death_signal = death_signal
        _living.add(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens if the process has ended."""
        if self.running():
            self._process.send_signal(number)

    def wait(self, timeout_s: float) -> int:
        """Wait for the end, then SIGKILL; returns the exit code."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            _living.discard(self)

    def end(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 10.0) -> int:
        """Signal and wait; returns the exit code."""
        self.send(number)
        return self.wait(timeout_s)

    def wait_ready(self, ready: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Poll `ready` until it holds. ConnectException (DEMO_SERVER_FAILED) with the end of the log if the process ends
        before, or the time is over (then it is ended)."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.running() or time.monotonic() > deadline:
                self.end(self._death_signal, 2)
                raise ConnectException(
                    f"{what} did not start: {self.log_tail()}",
                    code="DEMO_SERVER_FAILED",
                    remedy=f"See {self.log_path}.",
                )
            time.sleep(0.01)

    def log_tail(self, size: int = 2000) -> str:
        """The last part of the log."""
        try:
            return self.log_path.read_text(errors="replace")[-size:]
        except OSError:
            return ""


@atexit.register
def _end_all() -> None:
    for process in list(_living):
        process.send(process._death_signal)
    for process in list(_living):
        process.wait(5)
