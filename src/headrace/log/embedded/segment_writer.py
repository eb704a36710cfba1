"""Writing large blobs to segment files: first the blobs, on disk, then the index that refers to them, in SQLite's commit.

So a crash in between leaves bytes to which nothing refers: they are never read, and upkeep cuts them off. Nothing is ever
written over: after a failure the segment is left for good and the next blobs go to a new one. Small blobs stay in the index: an
extra sync, and an extra file to open for a reader, do not pay for them, as writing large ones twice (SQLite's write-ahead
log, then its file) does not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Final, NamedTuple

from headrace.errors import RetriableException
from headrace.foundation.failpoints import failpoint
from headrace.log.embedded.segment_files import OwnedSegment, SegmentFolder
from headrace.log.embedded.sqlite_errors import os_errors
from headrace.spi.columns import Buffer

SEGMENT_BYTES: Final = 64 << 20
"""A segment takes no more when it has reached this; its space comes back when nothing of it is needed any more."""
KEPT_BYTES: Final = 24 << 20
"""So much of the log's end stays in the kernel's cache for those who follow it; memory that is filled with more of it is new to the system
page by page, and that costs several times the writing."""
_STEP_BYTES: Final = 8 << 20
SEGMENT_FROM: Final = 192 << 10
"""The blobs of one commit go to a segment if together they have this many bytes …"""
SEGMENT_BLOB_FROM: Final = 32 << 10
"""… but for those smaller than this."""


class Blob(NamedTuple):
    """An encoded batch, in parts to be written one behind the other; `size`: bytes of all of them."""

    parts: list[Buffer]
    size: int


class Place(NamedTuple):
    """Where a blob lies: the segment's id in the index, and the first byte."""

    segment_id: int
    position: int


class SegmentWriter:
    """The segments of one owner, each of about `limit` bytes. Not thread-safe."""

    def __init__(self, folder: SegmentFolder, limit: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self.limit = limit
        self._file: OwnedSegment | None = None
        self._id: int | None = None
        self._size = 0
        """Of the segment, as the index knows it."""
        self._before: tuple[str, int] | None = None
        """Name and size of the segment before, where it may still be in the kernel's cache."""
        self._forgotten = 0
        """Up to here the kernel's cache need not have the segment; below zero: counted from the end of the one before."""

    @contextmanager
    def staged(self, blobs: Sequence[Blob]) -> Iterator[StagedBlobs]:
        """Write what is large to the segment and see it to the disk; in the body follows the transaction that refers to it.

        RetriableException LOG_DISK_FULL, ConnectException LOG_IO: nothing is left of it."""
        large: list[Blob] = []
        if sum(blob.size for blob in blobs) >= SEGMENT_FROM:
            large = [blob for blob in blobs if blob.size >= SEGMENT_BLOB_FROM]
        if not large:
            yield StagedBlobs(blobs, None, None, 0)
            return
        staged: StagedBlobs | None = None
        try:
            with os_errors(self._folder.log_file):
                if self._file is None:
                    self._file = self._folder.create()
                staged = StagedBlobs(blobs, self._file, self._id, self._size)
                self._file.write(list(chain.from_iterable(blob.parts for blob in large)), self._size)
                failpoint("log.segment_written")
                self._file.sync()
            failpoint("log.segment_synced")
            yield staged
        except BaseException:
            # A commit that failed may, after a crash, turn out to have happened: then the bytes must be there.
            if staged is None or not staged.body_done:
                self._take_back()
            self.close()
            raise
        self._id, self._size = staged.segment_id, staged.end
        self._forget()
        if self._size >= self.limit:
            self._begin_another()

    def close(self) -> None:
        """Let go of the segment; the next blobs begin another."""
        if self._file is not None:
            self._file.close()
        self._file = self._id = None
        self._size = self._forgotten = 0

    def _forget(self) -> None:
        """Let the kernel's cache forget what lies far behind, here or in the segment before."""
        behind = self._size - KEPT_BYTES
        if self._file is None or behind < self._forgotten + _STEP_BYTES:
            return
        if self._before is not None:
            name, size = self._before
            if (far := size + min(behind, 0)) > 0:
                self._folder.drop_from_memory(name, far)
            if behind >= 0:
                self._before = None
        if behind > 0:
            self._file.forget(max(self._forgotten, 0), behind)
        self._forgotten = behind

    def _begin_another(self) -> None:
        assert self._file is not None
        if self._before is not None:
            self._folder.drop_from_memory(*self._before)
        self._before = (self._file.name, self._size)
        forgotten = self._forgotten - self._size
        self.close()
        self._forgotten = forgotten

    def _take_back(self) -> None:
        if self._file is None:
            return
        try:
            if self._id is None:
                self._file.remove()
            else:
                self._file.cut(self._size)
        except OSError:
            pass  # upkeep does it


class StagedBlobs:
    """Blobs some of which lie in a segment already, and the index does not know it."""

    def __init__(self, blobs: Sequence[Blob], file: OwnedSegment | None, segment_id: int | None, position: int) -> None:
        self._blobs = blobs
        self._file = file
        self.segment_id = segment_id
        self._start = position
        self.end = position
        if file is not None:
            self.end += sum(blob.size for blob in blobs if blob.size >= SEGMENT_BLOB_FROM)
        self.body_done = False

    @contextmanager
    def places(self, connection: sqlite3.Connection) -> Iterator[list[Place | None]]:
        """Where each blob lies, None for those to be kept inline; in the body they are referred to, in the open transaction,
        and nothing but its commit follows."""
        if self._file is None:
            yield [None] * len(self._blobs)
            return
        segment_id = self._enter(connection, self._file.name)
        places: list[Place | None] = []
        position = self._start
        for blob in self._blobs:
            if blob.size >= SEGMENT_BLOB_FROM:
                places.append(Place(segment_id, position))
                position += blob.size
            else:
                places.append(None)
        yield places
        self.segment_id = segment_id
        self.body_done = True

    def _enter(self, connection: sqlite3.Connection, name: str) -> int:
        if self.segment_id is None:
            cursor = connection.execute("INSERT INTO segments (name, size) VALUES (?, ?)", (name, self.end))
            assert cursor.lastrowid is not None
            return cursor.lastrowid
        cursor = connection.execute("UPDATE segments SET size = ? WHERE id = ?", (self.end, self.segment_id))
        if cursor.rowcount != 1:
            raise RetriableException(
                f"The segment {name} was removed from the log; nothing was written.", code="LOG_SEGMENT_LOST"
            )
        return self.segment_id
