"""What a Redis server takes: HSET commands made beforehand, sent over one connection as fast as it reads, every answer counted."""

from __future__ import annotations

import select
import socket
import time

from headrace.errors import ConnectException
from headrace.testing.bench.figures import Run
from headrace.testing.bench.rig import Rig
from headrace.testing.bench.workload import COLUMNS
from headrace.testing.servers import RedisServer

_READ = 1 << 18


def measure(rig: Rig, server: RedisServer, rows: int) -> Run:
    """A hash of ten fields for each of the table's first `rows` rows."""
    commands = _commands(rig, rows)
    with socket.create_connection((server.host, server.port)) as connection:
        connection.sendall(b"*1\r\n$8\r\nFLUSHALL\r\n")
        if connection.recv(64) != b"+OK\r\n":
            raise ConnectException("The server is not emptied.", code="BENCH_LIMIT_FAILED")
        begun = time.monotonic()
        answers = _exchange(connection, commands, rows)
        wall = time.monotonic() - begun
    if answers != b":10\r\n" * rows:
        raise ConnectException("Not every row was written as a new hash.", code="BENCH_NOT_EQUAL")
    return {"prebuilt_resp_rows_per_s": rows / wall, "prebuilt_resp_wall_s": wall}


def _exchange(connection: socket.socket, commands: bytes, rows: int) -> bytes:
    connection.setblocking(False)
    view = memoryview(commands)
    answers = bytearray()
    expected = rows * len(b":10\r\n")
    while len(answers) < expected:
        readable, writable, _ = select.select([connection], [connection] if view else [], [], 30)
        if not readable and not writable:
            break
        if writable:
            view = view[connection.send(view[: 4 * _READ]) :]
        if readable:
            data = connection.recv(_READ)
            if not data:
                break
            answers += data
    return bytes(answers)


def _commands(rig: Rig, rows: int) -> bytes:
    names = [name.encode() for name in COLUMNS.split(", ")]
    fields = [_bulk(name) for name in names]
    head = b"*%d\r\n$4\r\nHSET\r\n" % (2 + 2 * len(names))
    parts: list[bytes] = []
    query = f"COPY (SELECT {COLUMNS} FROM orders ORDER BY id LIMIT {int(rows)}) TO STDOUT"
    with rig.source.cursor().copy(query.encode()) as copy:
        for line in b"".join(bytes(block) for block in copy).splitlines():
            values = line.split(b"\t")
            parts.append(head)
            parts.append(_bulk(b"bench.public.orders:" + values[0]))
            for field, value in zip(fields, values, strict=True):
                parts.append(field)
                parts.append(_bulk(value))
    return b"".join(parts)


def _bulk(text: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(text), text)
