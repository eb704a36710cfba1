"""The data folder: made if missing, and taken by one worker at a time."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from headrace.errors import ConfigException

_WAIT_S: Final = 6.0
"""The children of a worker that was killed end within a few seconds; they hold the lock until then."""


class DataDir:
    """Holds `<folder>/worker.lock`. The descriptor is handed to the fork server, so that the lock lasts as long as any task."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._fd = -1

    @property
    def lock_fd(self) -> int:
        return self._fd

    def acquire(self, wait_s: float = _WAIT_S) -> None:
        """Make the folder and take it. ConfigException: DATA_DIR_UNUSABLE, DATA_DIR_IN_USE."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.folder / "worker.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigException(
                f"The data folder {self.folder} cannot be used: {error.strerror}.",
                code="DATA_DIR_UNUSABLE",
                field="headrace.data.dir",
                remedy="Set headrace.data.dir to a folder this user may write.",
            ) from error
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise self._in_use() from None
                time.sleep(0.05)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def _in_use(self) -> ConfigException:
        owner = os.pread(self._fd, 32, 0).decode(errors="replace").strip()
        os.close(self._fd)
        self._fd = -1
        return ConfigException(
            f"The data folder {self.folder} is in use by another worker (process {owner or 'unknown'}).",
            code="DATA_DIR_IN_USE",
            field="headrace.data.dir",
            remedy="Stop that worker, or give this one a data folder of its own.",
        )

    def publish(self, url: str) -> None:
        """Write the REST address to `<folder>/rest.url`, for scripts."""
        temporary = self.folder / "rest.url.new"
        temporary.write_text(url + "\n")
        temporary.replace(self.folder / "rest.url")

    def release(self) -> None:
        (self.folder / "rest.url").unlink(missing_ok=True)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
