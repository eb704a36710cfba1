"""A connection of PostgreSQL's protocol 3.0 over our own socket: open, TLS, log in, send, receive, ask.

The socket is non-blocking; waits go through poll with a deadline. One thread may receive while others send.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Collection, Mapping

from headrace.systems.postgres import messages, tls
from headrace.systems.postgres.auth import AuthError, Scram, md5_answer
from headrace.systems.postgres.certificates import end_point
from headrace.systems.postgres.errors import ConnectionLostError, ServerError
from headrace.systems.postgres.framing import Frame, FrameError, Framer
from headrace.systems.postgres.secure import SecureStream
from headrace.systems.postgres.sockets import open_socket, time_left
from headrace.systems.postgres.target import PgTarget


class Wire:
    """An open, logged-in connection. Raises OSError, ServerError, ConnectionLostError, AuthError; callers map them."""

    def __init__(self, target: PgTarget, parameters: Mapping[str, str]) -> None:
        self._target = target
        self.parameters: dict[str, str] = {}
        self.backend_pid = 0
        self.more = False
        """The last call to `receive` took as much as it might: there may be more at once."""
        self._secure: SecureStream | None = None
        self._sending = threading.Lock()
        deadline = time.monotonic() + target.connect_timeout_s
        modes = tls.attempts(target)
        for mode in modes:
            self.framer, self._secure, self._unsent = Framer(), None, b""
            self._sock = open_socket(target, deadline)
            self._sock.setblocking(False)
            try:
                if mode is not False:
                    self._start_tls(mode, deadline)
                self._log_in(parameters, deadline)
            except BaseException as error:
                self.close()
                if mode is modes[-1] or (mode is None and self._secure is None) or not _encryption_matters(error):
                    raise
            else:
                return

    def _start_tls(self, mode: bool | None, deadline: float) -> None:
        self.send(messages.SSL_REQUEST, time_left(deadline))
        # Exactly one byte is read: anything a man in the middle put behind it reaches TLS and breaks it.
        answer = self.receive(1, time_left(deadline))
        if answer == b"S":
            try:
                secure = SecureStream(tls.context(self._target), self._target.host)
            except FileNotFoundError as error:
                raise ssl.SSLError(f"certificate file: {error}") from error
            received = b""
            while not secure.shaken:
                try:
                    said = secure.shake(received)
                except ssl.SSLError:
                    self.send(secure.seal(b""), time_left(deadline))  # the alert that says why
                    raise
                self.send(said, time_left(deadline))
                received = b"" if secure.shaken else self._received(deadline)
            self._secure = secure
        elif mode:
            raise ssl.SSLError("the server does not support TLS")

    def _received(self, deadline: float) -> bytes:
        """What arrives next. TimeoutError when nothing does."""
        data = self.receive(1 << 16, time_left(deadline))
        if not data:
            raise TimeoutError("no answer in time")
        return data

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
        required = self._target.channel_binding == "require"
        if required and (method in (3, 5) or (method == 0 and scram is None)):
            raise AuthError("channel binding is required, and the server asks for nothing that has it")
        if method == 0:
            if scram is not None and not scram.verified:
                raise AuthError("the server broke off the exchange of proofs")
            return scram
        if method == 11 and scram is not None:
            self.send(messages.sasl_response(scram.final(body[4:])))
        elif method == 12 and scram is not None:
            scram.verify(body[4:])
        elif method in (3, 5, 10):
            password = self._password()
            if method == 10:
                scram = self._scram(password, body[4:].decode("ascii", "replace").split("\x00"))
                self.send(messages.sasl_initial(scram.mechanism, scram.first()))
            else:
                clear = password.encode()
                self.send(
                    messages.password(clear if method == 3 else md5_answer(self._target.user, password, body[4:8]))
                )
        else:
            raise AuthError(f"the server asks for authentication method {method}, which is not supported")
        return scram

    def _scram(self, password: str, offered: Collection[str]) -> Scram:
        bound_to = end_point(self._secure.certificate) if self._secure is not None else None
        return Scram(password, offered=offered, end_point=bound_to, binding=self._target.channel_binding)

    def _password(self) -> str:
        if not self._target.password:
            raise AuthError("the server asks for a password and none is set")
        return self._target.password

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, data: bytes, timeout_s: float = 30.0) -> None:
        """Send all of `data`; thread-safe. TimeoutError when the server does not take it in time; what is left goes out before what is
        sent next, for a message that is cut would end the connection."""
        deadline = time.monotonic() + timeout_s
        with self._sending:
            self._unsent += data if self._secure is None else self._secure.seal(data)
            while self._unsent:
                try:
                    self._unsent = self._unsent[self._sock.send(self._unsent) :]
                except BlockingIOError:
                    if not self._wait(select.POLLOUT, time_left(deadline)):
                        raise TimeoutError("no answer in time") from None

    def receive(self, max_bytes: int, timeout_s: float) -> bytes:
        """What has arrived, up to `max_bytes`; empty when nothing did within `timeout_s`.

        ConnectionLostError at the end of the stream."""
        secure = self._secure
        data = b"" if secure is None else self._opened(secure, b"", max_bytes)
        deadline = time.monotonic() + timeout_s
        while not data:
            try:
                received = self._sock.recv(max_bytes)
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0 or not self._wait(select.POLLIN, left):
                    return b""
                continue
            if not received:
                raise ConnectionLostError("the server closed the connection unexpectedly")
            self.more = len(received) >= max_bytes
            data = received if secure is None else self._opened(secure, received, max_bytes)
        return data

    def _opened(self, secure: SecureStream, received: bytes, max_bytes: int) -> bytes:
        try:
            data = secure.open(received, max_bytes)
        except EOFError:
            raise ConnectionLostError("the server closed the connection") from None
        if secure.unsaid:
            self.send(b"")
        return data

    def next_frame(self, deadline: float) -> Frame:
        """The next message. ServerError for an ErrorResponse, TimeoutError at the deadline."""
        try:
            while (frame := self.framer.next()) is None:
                self.framer.add(self._received(deadline))
        except FrameError as error:
            raise ConnectionLostError(str(error)) from error
        if frame.type == 69:
            raise ServerError(messages.error_fields(frame.body))
        return frame

    def query(self, sql: str, timeout_s: float) -> list[tuple[str | None, ...]]:
        """The rows of a simple query or replication command, values as text. ServerError once the server is ready again, unless it ends
        the session."""
        deadline = time.monotonic() + timeout_s
        self.send(messages.query(sql))
        rows: list[tuple[str | None, ...]] = []
        failure: ServerError | None = None
        while True:
            try:
                frame = self.next_frame(deadline)
            except ServerError as error:
                if error.fields.get("V") in ("FATAL", "PANIC"):
                    raise
                failure = error
                continue
            if frame.type == 68:
                rows.append(messages.data_row(frame.body))
            elif frame.type == 90:
                if failure is not None:
                    raise failure
                return rows

    def _wait(self, event: int, timeout_s: float) -> bool:
        """Whether the socket is ready, in the end."""
        poll = select.poll()
        poll.register(self._sock, event)
        return bool(poll.poll(timeout_s * 1000))

    def shut_down(self) -> None:
        """End the connection, but keep the socket: another thread may be waiting for it, and learns of the end."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Say good-bye if that is possible at once, and close."""
        with contextlib.suppress(OSError, ValueError):
            if not self._sending.locked():
                self.send(messages.TERMINATE, 0.0)
        self._sock.close()


def _encryption_matters(error: BaseException) -> bool:
    """Whether the server may take the connection with TLS where it did not without, or the other way round: pg_hba.conf refuses it
    (28000), or something between breaks it."""
    if isinstance(error, ServerError):
        return error.sqlstate == "28000"
    return isinstance(error, ssl.SSLError | ConnectionResetError | ConnectionLostError)
