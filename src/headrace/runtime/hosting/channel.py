"""The child's end of the socket between worker and child: each message is its length (4 bytes, big-endian) and msgpack."""

from __future__ import annotations

import socket
import struct
import threading
from typing import Any, Final

import msgspec

from headrace.runtime.hosting.messages import Down, Up

LENGTH: Final = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()


def encode(message: Any) -> bytes:
    """A message with its length before it."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


class ChildChannel:
    """The child's end: blocking; `send` from any thread, `receive` from one."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(True)
        self._socket = sock
        self._reader = sock.makefile("rb")
        self._lock = threading.Lock()
        self._decoder = msgspec.msgpack.Decoder(Down)

    def send(self, message: Up) -> None:
        """OSError when the worker is gone."""
        data = encode(message)
        with self._lock:
            self._socket.sendall(data)

    def receive(self) -> Down | None:
        """The next message; None when the worker is gone."""
        try:
            head = self._reader.read(LENGTH.size)
            if len(head) < LENGTH.size:
                return None
            (size,) = LENGTH.unpack(head)
            body = self._reader.read(size)
        except (OSError, ValueError):
            return None
        return self._decoder.decode(body) if len(body) == size else None

    def close(self) -> None:
        """Also ends a waiting `receive`."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
