"""How many records a topic of the peer's broker has: one request of Kafka's protocol, ListOffsets version 1, over a plain socket.

Source: Kafka protocol guide, "ListOffsets API (Key: 2)". A client library would be one more thing to install for one number.
"""

from __future__ import annotations

import socket
import struct
from types import TracebackType
from typing import Final

from headrace.errors import ConnectException

_LIST_OFFSETS: Final = 2
_VERSION: Final = 1
_LATEST: Final = -1
_NOT_THERE: Final = frozenset({3, 5, 6})
"""Unknown topic or partition, leader not available, not the leader: a topic that does not exist yet, or only just."""
_CLIENT: Final = b"headrace-bench"


class Offsets:
    """A connection to a broker that leads all partitions, opened anew where the broker has closed it, as it does with those that ask
    nothing for ten minutes. Not thread-safe."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._socket = socket.create_connection(self._address, timeout=30)

    def end(self, topic: str) -> int:
        """The end offset of the topic's partition 0; 0 while there is none."""
        try:
            return self._ask(topic.encode())
        except ConnectionError:
            self._socket.close()
            self._socket = socket.create_connection(self._address, timeout=30)
            return self._ask(topic.encode())

    def _ask(self, name: bytes) -> int:
        body = struct.pack(">iih", -1, 1, len(name)) + name + struct.pack(">iiq", 1, 0, _LATEST)
        head = struct.pack(">hhih", _LIST_OFFSETS, _VERSION, 1, len(_CLIENT)) + _CLIENT
        self._socket.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        return end_offset(self._take(*struct.unpack(">i", self._take(4))), name)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Offsets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise ConnectionResetError("The peer's broker has closed the connection.")
            data += part
        return bytes(data)


def end_offset(answer: bytes, topic: bytes) -> int:
    """The offset in an answer about one partition of `topic`. ConnectException PEER_FAILED for any other answer."""
    error, _, offset = struct.unpack_from(">hqq", answer, 18 + len(topic))
    if error in _NOT_THERE:
        return 0
    if error:
        raise ConnectException(f"The peer's broker answers with error {error}.", code="PEER_FAILED")
    return int(offset)
