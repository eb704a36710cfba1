"""What the servers of the demo, the benchmark and the tests have in common: a folder, a free port, a life."""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Final, Self

from headrace.errors import ConnectException
from headrace.testing.processes import ServerProcess, free_port

_ATTEMPTS: Final = 3


class LocalServer(ABC):
    """`start` and `stop` may alternate, on the same port; the data stay until `remove`.

    `data_dir`: a folder to create the data in, None = a temporary one that `remove` (and leaving the `with`) deletes."""

    host: ClassVar[str] = "127.0.0.1"
    folder_prefix: ClassVar[str]
    """Of the temporary folder's name."""

    def __init__(self, data_dir: Path | None, port: int | None) -> None:
        self.port = port or 0
        self._base = data_dir
        self._temporary = data_dir is None
        self._process: ServerProcess | None = None

    def start(self) -> Self:
        """Create the data if there are none, start, wait until connections are accepted; returns self.

        ConnectException (DEMO_NOT_INSTALLED, DEMO_SERVER_FAILED …)."""
        if self.running:
            return self
        if self._base is None:
            self._base = Path(tempfile.mkdtemp(prefix=self.folder_prefix))
        self._base.mkdir(parents=True, exist_ok=True)
        self._prepare()
        attempts = 1 if self.port else _ATTEMPTS
        for attempt in range(attempts):
            self.port = self.port or free_port()
            try:
                self._process = self._launch()
            except ConnectException:
                if attempt + 1 == attempts:
                    raise
                self.port = 0  # another process may have taken the port in between
            else:
                break
        return self

    def _prepare(self) -> None:
        """What has to be there before the first start; the folder is."""

    @abstractmethod
    def _launch(self) -> ServerProcess:
        """Start it on `port`; it accepts connections when this returns."""

    @abstractmethod
    def stop(self) -> None:
        """End it in order; the data stay."""

    @abstractmethod
    def kill(self) -> None:
        """End it at once, as a crash does."""

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop and delete the data."""
        self.kill() if self._temporary else self.stop()
        if self._base is not None:
            shutil.rmtree(self._base, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        if self._temporary:
            self.remove()
        else:
            self.stop()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running()

    @property
    def pid(self) -> int:
        """The server's first process. ConnectException while it does not run."""
        if self._process is None:
            raise _not_started()
        return self._process.pid

    @property
    def base_dir(self) -> Path:
        """The folder that holds its data and `server.log`. ConnectException before the first start."""
        if self._base is None:
            raise _not_started()
        return self._base


def _not_started() -> ConnectException:
    return ConnectException("The server has not been started.", code="DEMO_SERVER_FAILED")
