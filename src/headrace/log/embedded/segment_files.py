"""The files that hold large blobs, one behind the other, beside the index in SQLite.

A file has one owner at a time, who holds a lock on it that dies with its process. Only the owner writes, cuts or removes it.
Everyone reads: what the index refers to never changes, until nothing refers to it and the file goes.

The kernel's cache keeps the end of the log for those who follow it, and no more: filling memory with what is read once, if
at all, costs more than the writing (pages that are new to a virtual machine cost it ten times what used ones do), and takes the
cache from a database beside it. Who reads far behind reads from disk and leaves no trace.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from headrace.log.embedded.sqlite_errors import os_errors
from headrace.spi.columns import Buffer

_MOST_BUFFERS = 512
"""Buffers per system call; Linux takes 1024."""


class SegmentGone(Exception):
    """There is no such file: what referred to it was removed since, and whoever read the index reads it again."""


class OwnedSegment:
    """A segment file that is open here and locked for all others."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self._path = path
        self.name = path.name
        _all.add(self)

    def write(self, parts: Sequence[Buffer], position: int) -> None:
        """Write all of the parts, one behind the other, from `position` on. OSError: some of it may be there."""
        views = [memoryview(part) for part in parts if len(part)]
        while views:
            done = os.pwritev(self._fd, views[:_MOST_BUFFERS], position)
            position += done
            whole = 0
            while whole < len(views) and done >= len(views[whole]):
                done -= len(views[whole])
                whole += 1
            del views[:whole]
            if done:
                views[0] = views[0][done:]

    def sync(self) -> None:
        """All that was written is on disk on return."""
        os.fdatasync(self._fd)

    def forget(self, start: int, end: int) -> None:
        """Let the kernel's cache forget what is on disk between two positions."""
        _drop_from_memory(self._fd, start, end - start)

    def cut(self, size: int) -> None:
        """Give back what lies behind `size`."""
        if os.fstat(self._fd).st_size > size:
            os.ftruncate(self._fd, size)

    def remove(self) -> None:
        """Unlink and let go."""
        self._path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of it: it is nobody's then."""
        if self._fd >= 0:
            _all.discard(self)
            os.close(self._fd)
            self._fd = -1

    __del__ = close


class SegmentFolder:
    """The segment files of a log; the folder is made with the first of them. `log_file`: the index they belong to."""

    def __init__(self, log_file: Path) -> None:
        self.log_file = log_file
        self._folder = log_file.parent / "segments"

    def create(self) -> OwnedSegment:
        """A new empty segment, known to the file system for good. OSError if that cannot be."""
        self._make_folder()
        while True:
            path = self._folder / os.urandom(12).hex()
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o660)
            owned = _lock(fd, path)
            if owned is not None:
                _sync_folder(self._folder)
                return owned
            # Upkeep took the file for one left behind, before it was locked.

    def own(self, name: str) -> OwnedSegment | None:
        """Take over a segment whose owner is gone; None while there is one, or no such file."""
        path = self._folder / name
        try:
            return _lock(os.open(path, os.O_RDWR | os.O_CLOEXEC), path)
        except FileNotFoundError:
            return None

    def read(self, name: str, position: int, size: int) -> bytes:
        """The bytes at a place, fewer if the file ends before. SegmentGone if it was removed; ConnectException LOG_IO."""
        with os_errors(self.log_file):
            try:
                fd = os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise SegmentGone(name) from None
            try:
                known = _in_memory(fd, position + size - 1)
                if not known:
                    # Exactly what is wanted, or the next blob is found half in memory, and who wants it cannot be told.
                    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
                blob = os.pread(fd, size, position)
                while len(blob) < size and (more := os.pread(fd, size - len(blob), position + len(blob))):
                    blob += more
                if not known:
                    _drop_from_memory(fd, position, size)
            finally:
                os.close(fd)
        return blob

    def drop_from_memory(self, name: str, size: int) -> None:
        """Let the kernel's cache forget the first bytes, at least one, of a segment that is on disk."""
        try:
            fd = os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            _drop_from_memory(fd, 0, size)
        finally:
            os.close(fd)

    def exists(self, name: str) -> bool:
        return (self._folder / name).exists()

    def unlink(self, name: str) -> None:
        """Remove a segment that has no owner and to which nothing refers."""
        (self._folder / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """All files there are."""
        try:
            return os.listdir(self._folder)
        except FileNotFoundError:
            return []

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o770)
        except FileExistsError:
            return
        _sync_folder(self._folder.parent)


def _lock(fd: int, path: Path) -> OwnedSegment | None:
    """The file, locked; None if someone else holds it, or removed it before it was locked."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_nlink:
            return OwnedSegment(fd, path)
    except BlockingIOError:
        pass
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def _in_memory(fd: int, position: int) -> bool:
    """Whether the kernel has that byte in its cache, as far as it tells."""
    if not hasattr(os, "RWF_NOWAIT"):
        return True  # no Linux: nothing is known, nor done about it
    try:
        return os.preadv(fd, [bytearray(1)], position, os.RWF_NOWAIT) == 1
    except OSError:
        return False


def _drop_from_memory(fd: int, position: int, size: int) -> None:
    """Let the kernel's cache forget what is on disk; `size` 0: to the end. Advice: where it cannot be taken nothing is wrong."""
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            os.posix_fadvise(fd, position, size, os.POSIX_FADV_DONTNEED)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder survive the machine."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


_all: weakref.WeakSet[OwnedSegment] = weakref.WeakSet()


def _after_fork() -> None:
    # A child that kept the descriptor would hold the lock beyond the owner's death.
    for segment in list(_all):
        segment.close()


os.register_at_fork(after_in_child=_after_fork)
