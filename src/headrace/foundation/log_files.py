"""A log file per connector, written by several processes at once and rotated by size."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import re
import sys
import time
from pathlib import Path
from typing import IO, Final

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST: Final = 200
_TELL_EVERY_S: Final = 60.0


def _file_name(connector: str) -> str:
    """Of a very long name a part and its digest: file systems take 255 bytes."""
    name = _UNSAFE.sub("_", connector)
    if len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}-{hashlib.sha256(connector.encode('utf-8', 'replace')).hexdigest()[:16]}"


class ConnectorFileHandler(logging.Handler):
    """Appends a line to `<folder>/<connector>.log`, lines of no connector to `worker.log`.

    Several processes append to one file; each line is one write, so they do not mix. Who finds the file over `max_bytes`
    renames it under a lock (`.1`, `.2`, up to `backups`); the others notice that their file is no longer the named one.
    """

    def __init__(self, folder: Path, max_bytes: int, backups: int) -> None:
        super().__init__()
        self._folder = folder
        self._max_bytes = max_bytes
        self._backups = backups
        self._files: dict[str, IO[bytes]] = {}
        self._told_at = -_TELL_EVERY_S
        self._lost = 0
        folder.mkdir(parents=True, exist_ok=True)

    def emit(self, record: logging.LogRecord) -> None:
        name = getattr(record, "connector", None) or "worker"
        try:
            line = (self.format(record) + "\n").encode("utf-8", "replace")
            self._current(_file_name(name)).write(line)
        except OSError as error:
            self._tell(error)
        except Exception:
            self.handleError(record)

    def _tell(self, error: OSError) -> None:
        """On standard error, where the line itself has gone as well; seldom, for a full disk must not fill another."""
        self._lost += 1
        now = time.monotonic()
        if now - self._told_at < _TELL_EVERY_S:
            return
        text = f"headrace: {self._lost} line(s) could not be written to the log folder {self._folder}: {error.strerror}"
        self._told_at, self._lost = now, 0
        try:
            print(text, file=sys.stderr)
        except (OSError, ValueError):
            pass  # nobody is left to be told

    def _current(self, name: str) -> IO[bytes]:
        path = self._folder / f"{name}.log"
        file = self._files.get(name)
        if file is not None:
            here = os.fstat(file.fileno())
            try:
                there = os.stat(path)
            except FileNotFoundError:
                there = None
            if there is not None and there.st_ino == here.st_ino and here.st_size < self._max_bytes:
                return file
            file.close()
            del self._files[name]
        self._rotate(path)
        self._files[name] = opened = open(path, "ab", buffering=0)  # noqa: SIM115
        return opened

    def _rotate(self, path: Path) -> None:
        with open(path.with_suffix(".lock"), "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists() or path.stat().st_size < self._max_bytes:
                return
            for number in range(self._backups - 1, 0, -1):
                older = path.with_suffix(f".log.{number}")
                if older.exists():
                    older.replace(path.with_suffix(f".log.{number + 1}"))
            if self._backups:
                path.replace(path.with_suffix(".log.1"))
            else:
                path.unlink()

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()
        super().close()
