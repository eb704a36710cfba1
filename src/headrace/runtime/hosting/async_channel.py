"""The worker's end of the socket between worker and child. Apart from channel.py: a child needs no event loop in its memory."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final, Generic, TypeVar

import msgspec

from headrace.runtime.hosting.channel import LENGTH, encode

_MAX: Final = 256 * 1024 * 1024

T = TypeVar("T")


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
        self.send_encoded(encode(message))

    def send_encoded(self, data: bytes) -> None:
        """As `send`, of a message that is encoded already."""
        if not self._writer.is_closing():
            self._writer.write(data)

    async def receive(self) -> T | None:
        """The next message; None when the other end is gone."""
        try:
            (size,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            if size > _MAX:
                return None
            return self._decoder.decode(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, OSError):
            return None

    def end_reading(self) -> None:
        """What has been sent is still received, then the end: also when others than the child hold its end of the socket."""
        sock = self._writer.get_extra_info("socket")
        try:
            sock.shutdown(socket.SHUT_RD)
        except OSError:
            pass  # closed already

    def close(self) -> None:
        self._writer.close()
