"""The log's SQLite file: opening, write transactions under the file lock, consistent reads, and mapped errors.

One connection writes and one reads, each under its own lock; a `Database` may be shared by threads, never by a fork.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.errors import ConfigException, IllegalStateException
from headrace.log.embedded.file_lock import FileLock
from headrace.log.embedded.segment_files import SegmentFolder
from headrace.log.embedded.segment_writer import SEGMENT_BYTES
from headrace.log.embedded.sqlite_errors import PATH_KEY, busy, disk_full, map_error
from headrace.log.embedded.tables import FORMAT, PAGE_SIZE, create_tables, upgrade_tables

FILE_NAME = "log.db"
_RESERVE_PAGES = 128
"""Pages over the quota that commits of positions and states may use, so that a full log can still be read empty."""
_SPARE_BYTES = 32 << 20
_CHECKPOINT_BYTES = 32 << 20
_WAL_KEPT_BYTES = 64 << 20


class Database:
    """The file in `folder`, made when missing. `max_bytes`: quota for it and the segments, 0 for none.

    ConfigException (LOG_PATH_UNUSABLE, LOG_FORMAT_NEWER) if the folder cannot be used."""

    def __init__(self, folder: Path, max_bytes: int = 0, lock_timeout_s: float = 30.0) -> None:
        self.folder = folder
        self.file = folder / FILE_NAME
        self.segments = SegmentFolder(self.file)
        self._quota = max_bytes
        self._max_pages = -(-max_bytes // PAGE_SIZE)  # rounded up: a small quota is not none
        self._lock_timeout_s = lock_timeout_s
        self._pid = os.getpid()
        self._closed = False
        self._reading = threading.RLock()
        try:
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._lock = FileLock(folder / "write.lock")
        except OSError as error:
            raise _unusable(folder, error) from error
        self._hold()
        try:
            self._writer = self._connect()
            self._prepare(self._writer)
            self._reader = self._connect()
        except sqlite3.Error as error:
            raise map_error(error, self.file, max_bytes) from error
        finally:
            self._lock.release()

    @property
    def forked(self) -> bool:
        """Whether this is a child process that inherited the log from the one that opened it."""
        return os.getpid() != self._pid

    def check(self) -> None:
        """IllegalStateException if closed (LOG_CLOSED) or carried over a fork (LOG_FORKED)."""
        if self.forked:
            raise IllegalStateException(
                "This log was opened before a fork and cannot be used in the child process.",
                code="LOG_FORKED",
                remedy="Open the log in the process that uses it.",
            )
        if self._closed:
            raise IllegalStateException("The log is closed.", code="LOG_CLOSED")

    @contextmanager
    def write(self, *, bulk: bool = False) -> Iterator[sqlite3.Connection]:
        """A write transaction: committed and on disk at the end, rolled back when the body raises.

        `bulk`: the quota holds without reserve. RetriableException LOG_BUSY or LOG_DISK_FULL: nothing was written."""
        self.check()
        self._hold()
        writer = self._writer
        try:
            self.check()
            self._limit(writer, bulk)
            writer.execute("BEGIN IMMEDIATE")
            try:
                yield writer
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise map_error(error, self.file, self._quota) from error
        finally:
            self._lock.release()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A read transaction: everything in it sees the log at one moment."""
        self.check()
        with self._reading:
            reader = self._reader
            outermost = not reader.in_transaction
            try:
                if outermost:
                    reader.execute("BEGIN")
                try:
                    yield reader
                finally:
                    if outermost and reader.in_transaction:
                        reader.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise map_error(error, self.file, self._quota) from error

    def data_version(self) -> int:
        """A number that changes whenever anyone has committed since the last call; costs microseconds."""
        self.check()
        with self._reading:
            try:
                version: int = self._reader.execute("PRAGMA data_version").fetchone()[0]
            except sqlite3.Error as error:
                raise map_error(error, self.file, self._quota) from error
            return version

    def close(self) -> None:
        """Close both connections; in a forked child it does nothing, the files are the parent's."""
        if self._closed or self.forked:
            return
        with self._reading:
            self._hold()
            self._closed = True
            self._reader.close()
            self._writer.close()
            self._lock.release()
            self._lock.close()

    def check_quota(self, connection: sqlite3.Connection) -> None:
        """RetriableException LOG_DISK_FULL if the file and the segments, as the open transaction has them, exceed the quota."""
        if self._quota:
            pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
            if pages * PAGE_SIZE + segment_bytes(connection) > self._quota:
                raise disk_full(self.file, self._quota)

    @property
    def segment_limit(self) -> int:
        """Bytes after which a segment is full: small ones where the quota is small, for space comes back segment by segment."""
        return min(SEGMENT_BYTES, max(self._quota // 16, 1 << 20)) if self._quota else SEGMENT_BYTES

    @property
    def spare_bytes(self) -> int:
        """Free pages worth keeping in the file for the next appends."""
        return min(_SPARE_BYTES, self._quota // 8) if self._quota else _SPARE_BYTES

    def _hold(self) -> None:
        if not self._lock.acquire(self._lock_timeout_s):
            raise busy(self.file)

    def _limit(self, writer: sqlite3.Connection, bulk: bool) -> None:
        if self._max_pages:
            in_segments = -(-segment_bytes(writer) // PAGE_SIZE)
            allowed = max(self._max_pages - in_segments + (0 if bulk else _RESERVE_PAGES), 1)
            writer.execute(f"PRAGMA max_page_count = {allowed}").fetchone()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, timeout=5.0, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise ConfigException(
                f"The file system of {self.folder} cannot hold the log: no shared memory for a write-ahead log.",
                code="LOG_PATH_UNUSABLE",
                field=PATH_KEY,
                remedy="Choose a folder on a local disk.",
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_BYTES // PAGE_SIZE}")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}")
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        found: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > FORMAT:
            raise ConfigException(
                f"The log {self.file} was written by a later version (format {found}, known is {FORMAT}).",
                code="LOG_FORMAT_NEWER",
                field=PATH_KEY,
                remedy="Use the later version, or another folder.",
            )
        if found == FORMAT:
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            if found == 0:
                create_tables(connection)
            else:
                upgrade_tables(connection, found)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def segment_bytes(connection: sqlite3.Connection) -> int:
    """How much the segment files hold, by the index."""
    size: int = connection.execute("SELECT coalesce(sum(size), 0) FROM segments").fetchone()[0]
    return size


def _unusable(folder: Path, error: OSError) -> ConfigException:
    return ConfigException(
        f"The folder {folder} of the log cannot be used: {error.strerror}.",
        code="LOG_PATH_UNUSABLE",
        field=PATH_KEY,
        remedy="Name a folder that the worker's user may create and write.",
    )
