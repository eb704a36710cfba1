"""A connection of PostgreSQL's protocol 3.0 over our own socket: open, TLS, log in, send and receive.

The socket is non-blocking; waits go through poll with a deadline. One thread may receive while others send.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from headrace.systems.postgres import messages, tls
from headrace.systems.postgres.auth import AuthError, Scram, md5_answer
from headrace.systems.postgres.errors import ConnectionLostError, ServerError
from headrace.systems.postgres.framing import Frame, FrameError, Framer
from headrace.systems.postgres.target import PgTarget

RECEIVE_BUFFER_BYTES: Final = 4 << 20
_SO_RCVBUFFORCE: Final = 33
_RMEM_MAX: Final = Path("/proc/sys/net/core/rmem_max")


class Wire:
    """An open, logged-in connection. Raises OSError, ServerError, ConnectionLostError, AuthError; callers map them."""

    def __init__(self, target: PgTarget, parameters: Mapping[str, str]) -> None:
        self._target = target
        self.framer = Framer()
        self.parameters: dict[str, str] = {}
        self._frames: list[Frame] = []
        self._io = threading.Lock()
        self._sending = threading.Lock()
        deadline = time.monotonic() + target.connect_timeout_s
        modes = tls.attempts(target)
        for position, mode in enumerate(modes):
            self._sock = self._open(mode, deadline)
            try:
                self._log_in(parameters, deadline)
            except (OSError, ServerError, ConnectionLostError) as error:
                self.close()
                last = position + 1 == len(modes) or (mode is None and not isinstance(self._sock, ssl.SSLSocket))
                if last or (isinstance(error, ServerError) and error.sqlstate != "28000"):
                    raise
                self.framer, self._frames = Framer(), []
            except BaseException:
                self.close()
                raise
            else:
                return

    def _open(self, mode: bool | None, deadline: float) -> socket.socket:
        target = self._target
        sock = _connect(target, deadline)
        try:
            if mode is not False:
                sock = self._start_tls(sock, mode, deadline)
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
        return sock

    def _start_tls(self, sock: socket.socket, mode: bool | None, deadline: float) -> socket.socket:
        sock.settimeout(_left(deadline))
        sock.sendall(messages.SSL_REQUEST)
        # Exactly one byte is read: anything a man in the middle put behind it reaches TLS and breaks it.
        answer = sock.recv(1)
        if answer == b"S":
            try:
                return tls.context(self._target).wrap_socket(sock, server_hostname=self._target.host)
            except FileNotFoundError as error:
                raise ssl.SSLError(f"certificate file: {error}") from error
        if answer == b"":
            raise ConnectionLostError("the server closed the connection instead of answering the TLS request")
        if mode:
            raise ssl.SSLError("the server does not support TLS")
        return sock

    def _log_in(self, parameters: Mapping[str, str], deadline: float) -> None:
        target = self._target
        self.send(messages.startup({"user": target.user, "database": target.dbname, **parameters}))
        scram: Scram | None = None
        while True:
            frame = self.next_frame(deadline)
            kind = chr(frame.type)
            if kind == "R":
                scram = self._answer(frame.body, scram)
            elif kind == "S":
                name, value = frame.body.split(b"\x00")[:2]
                self.parameters[name.decode()] = value.decode()
            elif kind == "Z":
                return
            elif kind not in "KvN":
                raise ConnectionLostError(f"unexpected message {kind!r} at log-in")

    def _answer(self, body: bytes, scram: Scram | None) -> Scram | None:
        method = int.from_bytes(body[:4], "big")
        if method == 0:
            return None
        if method == 11 and scram is not None:
            self.send(messages.sasl_response(scram.final(body[4:])))
        elif method == 12 and scram is not None:
            scram.verify(body[4:])
        elif method in (3, 5, 10):
            password = self._password()
            if method == 10:
                if b"SCRAM-SHA-256" not in body[4:].split(b"\x00"):
                    raise AuthError("the server offers no SCRAM-SHA-256")
                scram = Scram(password)
                self.send(messages.sasl_initial(scram.mechanism, scram.first()))
            else:
                clear = password.encode()
                self.send(
                    messages.password(clear if method == 3 else md5_answer(self._target.user, password, body[4:8]))
                )
        else:
            raise AuthError(f"the server asks for authentication method {method}, which is not supported")
        return scram

    def _password(self) -> str:
        if not self._target.password:
            raise AuthError("the server asks for a password and none is set")
        return self._target.password

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, data: bytes, timeout_s: float = 30.0) -> None:
        """Send all of `data`; thread-safe. TimeoutError when the server does not take it."""
        deadline = time.monotonic() + timeout_s
        view = memoryview(data)
        with self._sending:
            while view:
                try:
                    with self._io:
                        view = view[self._sock.send(view) :]
                except (BlockingIOError, ssl.SSLWantWriteError):
                    self._wait(select.POLLOUT, _left(deadline))
                except ssl.SSLWantReadError:
                    self._wait(select.POLLIN, _left(deadline))

    def receive(self, max_bytes: int, timeout_s: float) -> bytes:
        """What has arrived, up to `max_bytes`; empty when nothing did within `timeout_s`.

        ConnectionLostError at the end of the stream."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                with self._io:
                    data = self._sock.recv(max_bytes)
                    if isinstance(self._sock, ssl.SSLSocket) and data:
                        data = self._gather(data, max_bytes)
            except (BlockingIOError, ssl.SSLWantReadError):
                left = deadline - time.monotonic()
                if left <= 0 or not self._wait(select.POLLIN, left, quiet=True):
                    return b""
                continue
            except ssl.SSLEOFError:
                data = b""
            if not data:
                raise ConnectionLostError("the server closed the connection unexpectedly")
            return data

    def _gather(self, first: bytes, max_bytes: int) -> bytes:
        """TLS hands out one record (16 kB) a time: take what else is there."""
        parts, size = [first], len(first)
        with contextlib.suppress(ssl.SSLWantReadError):
            while size < max_bytes:
                part = self._sock.recv(max_bytes - size)
                if not part:
                    break
                parts.append(part)
                size += len(part)
        return b"".join(parts)

    def next_frame(self, deadline: float) -> Frame:
        """The next message that is no notice. ServerError for an ErrorResponse, TimeoutError at the deadline."""
        while not self._frames:
            data = self.receive(1 << 16, _left(deadline))
            try:
                self._frames = self.framer.feed(data)
            except FrameError as error:
                raise ConnectionLostError(str(error)) from error
        frame = self._frames.pop(0)
        if frame.type == 69:
            raise ServerError(messages.error_fields(frame.body))
        return frame

    def take_frames(self) -> list[Frame]:
        """Messages already received and not yet looked at."""
        frames, self._frames = self._frames, []
        return frames

    def _wait(self, event: int, timeout_s: float, quiet: bool = False) -> bool:
        poll = select.poll()
        poll.register(self._sock, event)
        if poll.poll(timeout_s * 1000):
            return True
        if quiet:
            return False
        raise TimeoutError("no answer in time")

    def close(self) -> None:
        """Say good-bye if that is possible at once, and close."""
        with contextlib.suppress(OSError, ValueError):
            self._sock.send(messages.TERMINATE)
        self._sock.close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


def _connect(target: PgTarget, deadline: float) -> socket.socket:
    """A connected socket: the first of the host's addresses that answers; the last one's OSError when none does."""
    if target.host.startswith("/"):
        places: list[tuple[int, object]] = [(socket.AF_UNIX, f"{target.host}/.s.PGSQL.{target.port}")]
    else:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
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
            sock.settimeout(_left(deadline))
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
