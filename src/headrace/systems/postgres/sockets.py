"""Opens sockets to a server: addresses in turn, one deadline, a large receive buffer."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from typing import Final

from headrace.systems.postgres.target import PgTarget

RECEIVE_BUFFER_BYTES: Final = 4 << 20
_SO_RCVBUFFORCE: Final = 33
_RMEM_MAX: Final = Path("/proc/sys/net/core/rmem_max")


def time_left(deadline: float) -> float:
    """Seconds until `deadline` of the monotonic clock. TimeoutError when it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


def open_socket(target: PgTarget, deadline: float) -> socket.socket:
    """A connected socket: the first of the host's addresses that answers; the last one's OSError when none does."""
    if target.host.startswith("/"):
        places: list[tuple[int, object]] = [(socket.AF_UNIX, f"{target.host}/.s.PGSQL.{target.port}")]
    else:
        found = socket.getaddrinfo(target.address or target.host, target.port, type=socket.SOCK_STREAM)
        places = [(family, address) for family, _, _, _, address in found]
    failure: OSError = TimeoutError("no answer in time")
    for family, address in places:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            # Before connecting, for the first window offered depends on it.
            _large_receive_buffer(sock)
            if family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(target.tcp_keepalive))
            sock.settimeout(time_left(deadline))
            sock.connect(address)  # type: ignore[arg-type]
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _large_receive_buffer(sock: socket.socket) -> None:
    """A large kernel buffer, so that the server can send on while we work.

    Asking for more than the system allows would freeze the buffer at a small size: then the kernel's own tuning is better.
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            if int(_RMEM_MAX.read_text()) >= RECEIVE_BUFFER_BYTES:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
