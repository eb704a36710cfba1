"""Which members of consumer groups are alive, seen from any process of this machine.

A member is a file it holds locked: the kernel frees the lock the moment its process dies, so a killed member is known at the
next look. A thread per log touches the files: a process that is stopped but not dead is known after its session timeout.
The touch writes the machine's monotonic clock into the file's time, so that changes of the wall clock expel nobody.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
import weakref
from pathlib import Path

_LONGEST_BEAT_S = 3.0


class Liveness:
    """The members' files of a log, and the heartbeats of this process's own. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "members"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._own: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None
        _all.add(self)

    def enter(self, session_timeout_ms: int) -> str:
        """Make a live member; returns its unique id."""
        uid = os.urandom(16).hex()
        hidden = self._folder / f".{uid}"
        fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o660)
        fcntl.flock(fd, fcntl.LOCK_EX)
        _touch(fd)
        # Seen only once it is locked, or another process could take it for dead.
        hidden.rename(self._folder / uid)
        with self._lock:
            self._own[uid] = (fd, min(session_timeout_ms / 4000, _LONGEST_BEAT_S))
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="log-heartbeat", daemon=True)
                self._thread.start()
        self._changed.set()
        return uid

    def leave(self, uid: str) -> None:
        with self._lock:
            fd, _ = self._own.pop(uid)
        (self._folder / uid).unlink(missing_ok=True)
        os.close(fd)
        self._changed.set()

    def alive(self, uid: str, session_timeout_ms: int) -> bool:
        """Whether that member's process lives and has shown a sign of life within its session timeout."""
        try:
            fd = os.open(self._folder / uid, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            age_ns = time.monotonic_ns() - os.fstat(fd).st_mtime_ns
            if age_ns > session_timeout_ms * 1_000_000:
                return False
            # Shared, so that two who look at once do not take each other for the member.
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def sweep(self) -> int:
        """Remove the files of dead members; returns how many."""
        removed = 0
        for name in os.listdir(self._folder):
            path = self._folder / name
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                young = time.time() - os.fstat(fd).st_ctime < 60
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                if not (name.startswith(".") and young):
                    path.unlink(missing_ok=True)
                    removed += 1
            except BlockingIOError:
                pass
            finally:
                os.close(fd)
        return removed

    def close(self) -> None:
        """Leave with all members of this process."""
        for uid in list(self._own):
            self.leave(uid)

    def _beat(self) -> None:
        while True:
            with self._lock:
                if not self._own:
                    self._thread = None
                    return
                for fd, _ in self._own.values():
                    _touch(fd)
                pause = min(beat for _, beat in self._own.values())
            self._changed.wait(pause)
            self._changed.clear()

    def forget(self) -> None:
        """In a forked child: drop the inherited descriptors, or the parent's members would outlive the parent."""
        for fd, _ in self._own.values():
            os.close(fd)
        self._own.clear()
        self._thread = None


def _touch(fd: int) -> None:
    now = time.monotonic_ns()
    os.utime(fd, ns=(now, now))


_all: weakref.WeakSet[Liveness] = weakref.WeakSet()


def _after_fork() -> None:
    for liveness in list(_all):
        liveness.forget()


os.register_at_fork(after_in_child=_after_fork)
