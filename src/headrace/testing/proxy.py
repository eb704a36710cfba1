"""A TCP proxy between a connector and its system, to lose connections, stall them, or refuse new ones."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

_CHUNK = 65_536


class TcpProxy:
    """Listens on a free port of 127.0.0.1 and passes everything to `host`:`port`. Use as a context manager."""

    host = "127.0.0.1"

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._flows = threading.Event()
        self._flows.set()
        self._refuses = False
        self._closed = False
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self.connections = 0
        """How many were accepted so far."""
        threading.Thread(target=self._accept, name="tcp-proxy", daemon=True).start()

    def cut(self) -> None:
        """Break all connections; new ones are accepted."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            _break(*pair)

    def refuse(self) -> None:
        """Break all connections and every new one until `accept`: the system is down."""
        self._refuses = True
        self.cut()

    def accept(self) -> None:
        """End `refuse`."""
        self._refuses = False

    def pause(self) -> None:
        """Pass nothing on, keep the connections: the network hangs."""
        self._flows.clear()

    def resume(self) -> None:
        """End `pause`; what was held back is passed on."""
        self._flows.set()

    def close(self) -> None:
        """Stop listening and break all connections."""
        self._closed = True
        self._flows.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def __enter__(self) -> TcpProxy:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self._unwelcome():
                _break(client)
                continue
            try:
                server = socket.create_connection(self._target, 10)
                server.settimeout(None)
            except OSError:
                _break(client)
                continue
            with self._lock:
                self._pairs.add((client, server))
            if self._unwelcome():
                # The pair may have been added just behind the `cut` that was meant for it.
                self.cut()
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), name="tcp-proxy-pump", daemon=True).start()

    def _unwelcome(self) -> bool:
        return self._refuses or self._closed

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                self._flows.wait()
                sink.sendall(data)
        _break(source, sink)
        with self._lock:
            self._pairs -= {(source, sink), (sink, source)}


def _break(*sockets: socket.socket) -> None:
    for end in sockets:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            end.close()
