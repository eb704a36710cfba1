"""A Redis-protocol server (Valkey) from a wheel, on a free port of 127.0.0.1."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from headrace.testing.local_server import LocalServer
from headrace.testing.processes import ServerProcess
from headrace.testing.wheels import valkey_server


class RedisServer(LocalServer):
    """One server; see `LocalServer`.

    `persistent`: keep an append-only file, so that data survive `stop` and `kill`; otherwise a stop empties it.
    """

    folder_prefix = "headrace-redis-"

    def __init__(
        self, data_dir: Path | None = None, *, port: int | None = None, password: str = "", persistent: bool = False
    ) -> None:
        super().__init__(data_dir, port)
        self.password = password
        self._persistent = persistent

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            self._process.end(signal.SIGTERM, 10)
            self._process = None

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.end(signal.SIGKILL, 5)
            self._process = None

    @property
    def uri(self) -> str:
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}{self.host}:{self.port}"

    def _launch(self) -> ServerProcess:
        base = self.base_dir
        command: list[str | Path] = [valkey_server(), "--bind", self.host, "--port", str(self.port), "--dir", base]
        command += ["--daemonize", "no", "--save", "", "--appendonly", "yes" if self._persistent else "no"]
        command += ["--appendfsync", "always"] if self._persistent else []
        command += ["--requirepass", self.password] if self.password else []
        process = ServerProcess(command, log_path=base / "server.log", cwd=base)
        process.wait_ready(self._answers, 20, "Valkey")
        return process

    def _answers(self) -> bool:
        """Whether commands are carried out: a server that still reads its file says LOADING instead."""
        login = f"AUTH {self.password}\r\n" if self.password else ""
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as connection:
                connection.sendall(f"{login}PING\r\nQUIT\r\n".encode())
                answers = b"".join(iter(lambda: connection.recv(256), b""))
        except OSError:
            return False
        return b"+PONG" in answers
