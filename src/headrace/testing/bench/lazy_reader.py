"""Reads a slot's stream and throws it away, a process of its own: `python -m headrace.testing.bench.lazy_reader DSN SLOT PUBLICATION MARKER`.

Nothing is split or decoded: bytes are taken in large reads, a few milliseconds apart when there was little, until MARKER has come.
It is what reading costs at the least, for client and walsender. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from urllib.parse import urlsplit

from headrace.systems.postgres import PgTarget, ReplicationConnection

_READ = 1 << 20
_PAUSE_S = 0.008
_BUFFER = 4 << 20


def main(dsn: str, slot: str, publication: str, marker: bytes) -> None:
    parts = urlsplit(dsn)
    target = PgTarget(
        parts.hostname or "127.0.0.1",
        parts.port or 5432,
        parts.path[1:],
        parts.username or "",
        parts.password,
        "disable",
    )
    with ReplicationConnection(target) as connection, socket.socket(fileno=os.dup(connection.fileno())) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        begun, used = time.monotonic(), time.process_time()
        connection.start_replication(slot, 0, {"proto_version": "1", "publication_names": f'"{publication}"'})
        # What came along with the answer is no longer in the socket.
        taken = _drain(raw, marker, connection.read_chunk(_READ, 0.0))
        wall, used = time.monotonic() - begun, time.process_time() - used
    print(json.dumps({"wall_s": wall, "cpu_s": used, "stream_bytes": taken}))


def _drain(raw: socket.socket, marker: bytes, first: bytes) -> int:
    if marker in first:
        return len(first)
    buffer = bytearray(_READ)
    view = memoryview(buffer)
    taken, tail = len(first), first[-len(marker) :]
    while True:
        select.select([raw], [], [])
        try:
            count = raw.recv_into(view)
        except BlockingIOError:
            continue
        if not count:
            raise SystemExit("the server ended the stream before the marker came")
        taken += count
        # A marker may lie across two reads.
        if buffer.find(marker, 0, count) >= 0 or marker in tail + bytes(view[: len(marker)]):
            return taken
        tail = bytes(view[max(0, count - len(marker)) : count])
        if count < _READ:
            time.sleep(_PAUSE_S)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4].encode())
