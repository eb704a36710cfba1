"""RedisLink: one connection, used for single commands and for long pipelines of commands encoded beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis
from redis.exceptions import ConnectionError, InvalidResponse, ResponseError

from headrace.native import core
from headrace.systems.redis.errors import map_error, map_reply, reply_text
from headrace.systems.redis.resp import encode_command
from headrace.systems.redis.target import RedisTarget

_RECEIVE = 1 << 16


class ReplyError:
    """An error answer inside a pipeline; `text` as the server wrote it."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class RedisLink:
    """A connection, opened at first use and again after it was lost. Not thread-safe.

    Every method raises mapped errors only (`systems.redis.errors`); after RetriableException the link may be used again.
    """

    def __init__(self, target: RedisTarget, client_name: str = "headrace") -> None:
        self.target = target
        self._client_name = client_name
        self._connection: Any = None

    def connect(self) -> None:
        """Open the connection now if it is not."""
        if self._connection is None:
            connection = _make(self.target, self._client_name)
            try:
                connection.connect()
            except Exception as error:
                connection.disconnect()
                raise map_error(error, self.target) from error
            self._connection = connection

    def call(self, *words: bytes | str | int) -> Any:
        """Send one command, return its answer (bytes, int, list, None). A server's error answer is raised, mapped."""
        encoded = encode_command(*(w if isinstance(w, bytes) else str(w).encode() for w in words))
        (answer,) = self.pipeline([encoded], 1)
        if isinstance(answer, ReplyError):
            raise map_reply(answer.text, self.target)
        return answer

    def pipeline(self, chunks: Sequence[bytes], replies: int) -> list[Any]:
        """Send encoded commands and read `replies` answers; error answers are `ReplyError` elements.

        If it raises, it is not known which commands were carried out."""
        self.connect()
        try:
            self._connection.send_packed_command(chunks, check_health=False)
            return self._answers(replies)
        except BaseException as error:
            self._give_up(error)
            raise

    def carry_out(self, chunks: Sequence[bytes], replies: int) -> list[Any] | None:
        """As `pipeline`, for answers that nobody reads as long as all is well: None may stand for answers without error or null.

        With the Rust core, finding the end of the answers costs next to nothing."""
        self.connect()
        reader = getattr(self._connection._parser, "_reader", None)
        if core is None or reader is None:
            return self.pipeline(chunks, replies)
        try:
            self._connection.send_packed_command(chunks, check_health=False)
            received = self._scan(replies)
            if received is None:
                return None
            reader.feed(received)
            return self._answers(replies)
        except BaseException as error:
            self._give_up(error)
            raise

    def _scan(self, replies: int) -> bytes | None:
        """Receive that many answers; None, or what was received if it is not all plain success."""
        scanner, receive = core.RespScanner(replies), self._connection._sock.recv
        received: list[bytes] = []
        found: tuple[bool, bool] | None = None
        while found is None:
            data = receive(_RECEIVE)
            if not data:
                raise ConnectionError("Connection closed by server.")
            received.append(data)
            try:
                found = scanner.feed(data)
            except core.DeclinedError as error:
                raise InvalidResponse(str(error)) from error
        return b"".join(received) if any(found) else None

    def _answers(self, replies: int) -> list[Any]:
        answers: list[Any] = []
        read = self._connection.read_response
        for _ in range(replies):
            try:
                answers.append(read(disable_decoding=True))
            except ResponseError as error:
                answers.append(ReplyError(reply_text(error)))
        return answers

    def _give_up(self, error: BaseException) -> None:
        """Drop the connection: answers that were not read would be taken for those of the next commands. Raises what a mere
        exception means."""
        self.close()
        if isinstance(error, Exception):
            raise map_error(error, self.target) from error

    def modules(self) -> set[str]:
        """The names of the modules loaded, in lower case."""
        names = set()
        for module in self.call("MODULE", "LIST"):
            pairs = module.items() if isinstance(module, dict) else zip(module[::2], module[1::2], strict=False)
            names |= {bytes(value).decode().lower() for name, value in pairs if name == b"name"}
        return names

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None


def _make(target: RedisTarget, client_name: str) -> Any:
    common: dict[str, Any] = {
        "host": target.host,
        "port": target.port,
        "db": target.database,
        "username": target.username or None,
        "password": target.password or None,
        "client_name": client_name,
        "socket_timeout": target.timeout_s,
        "socket_connect_timeout": min(target.timeout_s, 10.0),
        "socket_keepalive": True,
        "protocol": 2,
        # Retrying is the framework's: a transaction must never be sent twice by the driver.
        "retry": redis.retry.Retry(redis.backoff.NoBackoff(), 0),
    }
    plain: Any = redis.Connection
    if not target.tls:
        return plain(**common)
    return redis.SSLConnection(
        **common,
        ssl_keyfile=target.key_file or None,
        ssl_certfile=target.cert_file or None,
        ssl_password=target.key_password or None,
        ssl_ca_certs=target.ca_file or None,
        ssl_cert_reqs="none" if target.tls_insecure else "required",
        ssl_check_hostname=not target.tls_insecure,
    )
