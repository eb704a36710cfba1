"""A Redis-protocol server (Valkey) from a wheel, on a free port of 127.0.0.1."""

from __future__ import annotations

import shutil
import signal
import socket
import tempfile
from pathlib import Path

from headrace.errors import ConnectException
from headrace.testing.processes import ServerProcess, free_port
from headrace.testing.wheels import valkey_server


class RedisServer:
    """One server; `start` and `stop` may alternate on the same port.

    `persistent`: keep an append-only file, so that data survive `stop` and `kill`; otherwise a stop empties it.
    """

    host = "127.0.0.1"

    def __init__(
        self, data_dir: Path | None = None, *, port: int | None = None, password: str = "", persistent: bool = False
    ) -> None:
        self.port = port or 0
        self.password = password
        self._persistent = persistent
        self._base = data_dir
        self._temporary = data_dir is None
        self._process: ServerProcess | None = None

    def start(self) -> RedisServer:
        """Start and wait until it answers; returns self. ConnectException (DEMO_NOT_INSTALLED, DEMO_SERVER_FAILED)."""
        if self.running:
            return self
        program = valkey_server()
        if self._base is None:
            self._base = Path(tempfile.mkdtemp(prefix="headrace-redis-"))
        self._base.mkdir(parents=True, exist_ok=True)
        attempts = 1 if self.port else 3
        for attempt in range(attempts):
            self.port = self.port or free_port()
            try:
                self._launch(program, self._base)
            except ConnectException:
                if attempt + 1 == attempts:
                    raise
                self.port = 0  # another process may have taken the port in between
            else:
                break
        return self

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

    def restart(self) -> None:
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop and delete the data."""
        self.stop()
        if self._base is not None:
            shutil.rmtree(self._base, ignore_errors=True)

    def __enter__(self) -> RedisServer:
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
    def uri(self) -> str:
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}{self.host}:{self.port}"

    def _launch(self, program: Path, base: Path) -> None:
        command: list[str | Path] = [program, "--bind", self.host, "--port", str(self.port), "--dir", base]
        command += ["--daemonize", "no", "--save", "", "--appendonly", "yes" if self._persistent else "no"]
        command += ["--appendfsync", "always"] if self._persistent else []
        command += ["--requirepass", self.password] if self.password else []
        process = ServerProcess(command, log_path=base / "server.log", cwd=base)
        process.wait_ready(self._answers, 20, "Valkey")
        self._process = process

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
