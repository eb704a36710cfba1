"""A lock among threads and processes with a deadline; the kernel frees it when its holder dies."""

from __future__ import annotations

import fcntl
import os
import threading
import time
import weakref
from pathlib import Path

_FIRST_WAIT_S = 0.0002
_LONGEST_WAIT_S = 0.004


class FileLock:
    """Exclusive among all threads of all processes that use the same file. Not re-entrant."""

    def __init__(self, file: Path) -> None:
        self._fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        # flock belongs to the open file, so threads of this process need a lock of their own.
        self._threads = threading.Lock()
        _all.add(self)

    def acquire(self, timeout_s: float) -> bool:
        """Take the lock; False if the deadline passed. A timeout of 0 tries once."""
        deadline = time.monotonic() + timeout_s
        if not self._threads.acquire(timeout=timeout_s):
            return False
        wait = _FIRST_WAIT_S
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() + wait > deadline:
                    self._threads.release()
                    return False
                time.sleep(wait)
                wait = min(wait * 1.5, _LONGEST_WAIT_S)
            except BaseException:
                self._threads.release()
                raise
            else:
                return True

    def release(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        _all.discard(self)
        os.close(self._fd)

    def forget(self) -> None:
        """In a forked child: drop the inherited descriptor, or the lock would outlive the parent that holds it."""
        os.close(self._fd)


_all: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _after_fork() -> None:
    for lock in list(_all):
        lock.forget()
    _all.clear()


os.register_at_fork(after_in_child=_after_fork)
