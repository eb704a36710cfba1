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

from headrace.systems.postgres import messages, tls
from headrace.systems.postgres.auth import AuthError, Scram, md5_answer
from headrace.systems.postgres.errors import ConnectionLostError, ServerError
from headrace.systems.postgres.framing import Frame, FrameError, Framer
from headrace.systems.postgres.sockets import open_socket, time_left
from headrace.systems.postgres.target import PgTarget


class Wire:
    """An open, logged-in connection. Raises OSError, ServerError, ConnectionLostError, AuthError; callers map them."""

    def __init__(self, target: PgTarget, parameters: Mapping[str, str]) -> None:
        self._target = target
        self.framer = Framer()
        self.parameters: dict[str, str] = {}
        self.backend_pid = 0
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
                self.framer = Framer()
            except BaseException:
                self.close()
                raise
            else:
                return

    def _open(self, mode: bool | None, deadline: float) -> socket.socket:
        target = self._target
        sock = open_socket(target, deadline)
        try:
            if mode is not False:
                sock = self._start_tls(sock, mode, deadline)
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
        return sock

    def _start_tls(self, sock: socket.socket, mode: bool | None, deadline: float) -> socket.socket:
        sock.settimeout(time_left(deadline))
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
            elif kind == "K":
                self.backend_pid = int.from_bytes(frame.body[:4], "big")
            elif kind not in "vN":
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
                    self._wait(select.POLLOUT, time_left(deadline))
                except ssl.SSLWantReadError:
                    self._wait(select.POLLIN, time_left(deadline))

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
        try:
            while (frame := self.framer.next()) is None:
                self.framer.add(self.receive(1 << 16, time_left(deadline)))
        except FrameError as error:
            raise ConnectionLostError(str(error)) from error
        if frame.type == 69:
            raise ServerError(messages.error_fields(frame.body))
        return frame

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
