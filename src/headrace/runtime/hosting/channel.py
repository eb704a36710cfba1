"""The socket between worker and child: each message is its length (4 bytes, big-endian) and msgpack."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from typing import Any, Final, Generic, TypeVar

import msgspec

from headrace.runtime.hosting.messages import Down, Up

_LENGTH: Final = struct.Struct(">I")
_MAX: Final = 256 * 1024 * 1024

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()


def encode(message: Any) -> bytes:
    """A message with its length before it."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


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
            head = self._reader.read(_LENGTH.size)
            if len(head) < _LENGTH.size:
                return None
            (size,) = _LENGTH.unpack(head)
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


class AsyncChannel(Generic[T]):
    """An end on the event loop. `kind` is the union of messages to receive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: Any) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(kind)

    @classmethod
    async def connect(cls, sock: socket.socket, kind: Any) -> AsyncChannel[T]:
        sock.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=sock)
        return cls(reader, writer, kind)

    def send(self, message: Any) -> None:
        """Queue a message; nothing happens when the other end is gone."""
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    async def receive(self) -> T | None:
        """The next message; None when the other end is gone."""
        try:
            (size,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if size > _MAX:
                return None
            return self._decoder.decode(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, OSError):
            return None

    def close(self) -> None:
        self._writer.close()
