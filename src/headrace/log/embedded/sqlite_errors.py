"""What an SQLite error means for a user of the log: the one table from result codes to our errors."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.errors import ConfigException, ConnectException, DataException, HeadraceError, RetriableException

PATH_KEY = "log.embedded.path"
QUOTA_KEY = "log.embedded.max.bytes"
_SMALL_ROOM = 4 << 20

_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_UNUSABLE = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})


def map_error(error: sqlite3.Error, file: Path, quota: int = 0) -> HeadraceError:
    """The error to raise instead. `quota`: the limit in bytes that holds for the file, 0 for none."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _room(file) < _SMALL_ROOM):
        return disk_full(file, quota)
    if code in _BUSY:
        return busy(file)
    if code in _CORRUPT:
        return DataException(
            f"The log file {file} is damaged: {error}.",
            code="LOG_CORRUPT",
            remedy="Stop the worker, check the disk, and restore the folder from a copy.",
        )
    if code in _UNUSABLE:
        return ConfigException(
            f"The log file {file} cannot be used: {error}.",
            code="LOG_PATH_UNUSABLE",
            field=PATH_KEY,
            remedy="Give the worker's user the right to read and write this folder and its files.",
        )
    return ConnectException(
        f"The log file {file} failed: {error}.",
        code="LOG_IO",
        remedy="See the message; check the disk and its file system.",
    )


def disk_full(file: Path, quota: int) -> HeadraceError:
    """LOG_DISK_FULL, told apart by what ran out."""
    if quota and _room(file) >= _SMALL_ROOM:
        return RetriableException(
            f"The log {file} has reached its limit of {quota} bytes; nothing was written.",
            code="LOG_DISK_FULL",
            field=QUOTA_KEY,
            remedy=f"Raise {QUOTA_KEY}, shorten retention.ms or retention.bytes of its topics, or delete topics; "
            "writing then goes on by itself.",
        )
    return RetriableException(
        f"The disk of the log {file} is full; nothing was written.",
        code="LOG_DISK_FULL",
        field=PATH_KEY,
        remedy="Free space on this disk; writing then goes on by itself.",
    )


@contextmanager
def os_errors(file: Path) -> Iterator[None]:
    """Around work on the log's other files: OSError becomes LOG_DISK_FULL or LOG_IO."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise disk_full(file, 0) from error
        raise ConnectException(
            f"The folder {file.parent} of the log failed: {error}.",
            code="LOG_IO",
            remedy="Check the rights of the folder, its file system and the limit of open files.",
        ) from error


def busy(file: Path) -> HeadraceError:
    """LOG_BUSY: other writers held the log for the whole deadline."""
    return RetriableException(
        f"The log {file} was held by other writers until the deadline; nothing was written.",
        code="LOG_BUSY",
        remedy="If it lasts, look for a stopped process or a very slow disk under this folder.",
    )


def _room(file: Path) -> int:
    try:
        stat = os.statvfs(file.parent)
    except OSError:
        return _SMALL_ROOM
    return stat.f_bavail * stat.f_frsize
