"""A server that speaks just enough of the protocol to begin a stream, and then says what the test wants, cut as it wants."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Sequence
from types import TracebackType

from headrace.systems.postgres import PgTarget
from headrace.systems.postgres.messages import message

READY = message(b"Z", b"I")
WELCOME = message(b"R", struct.pack("!I", 0)) + message(b"S", b"server_version\x0018.1\x00") + READY
COPY_BOTH = message(b"W", b"\x00\x00\x00")


class ScriptedServer:
    """Takes one connection. To the first query it answers that a stream begins, and `pieces`, each with a call of its own; then it
    closes, or when `hold`, once the client has."""

    def __init__(self, pieces: Sequence[bytes], *, hold: bool = False) -> None:
        self._pieces = pieces
        self._hold = hold
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.target = PgTarget("127.0.0.1", self._listener.getsockname()[1], "db", "user", sslmode="disable")
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self._thread.join(5)

    def _run(self) -> None:
        sock, _ = self._listener.accept()
        with sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.recv(10_000)
            sock.sendall(WELCOME)
            sock.recv(10_000)
            for piece in self._pieces:
                sock.sendall(piece)
            while self._hold and sock.recv(10_000):
                pass
