"""A connection to one broker: opened, versions agreed on, logged in; then one request at a time."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Mapping
from typing import Any, Final

from headrace.errors import ConfigException, ConnectException, RetriableException
from headrace.foundation.scram import AuthError, ScramExchange
from headrace.systems.kafka import messages
from headrace.systems.kafka.errors import answered, failed
from headrace.systems.kafka.messages import Api, Layout
from headrace.systems.kafka.schema import Message, Schema, malformed
from headrace.systems.kafka.security import Login
from headrace.systems.kafka.settings import Address, ClientSettings

_SIZE: Final = struct.Struct(">i")
_LONGEST: Final = 100 << 20
_REQUEST_HEADER: Final = Schema("key:int16 version:int16 number:int32 client:string?")
_RESPONSE_HEADER: Final = Schema("number:int32")


class Connection:
    """Open; see `opened`. A request that fails, or is cancelled while it waits for its answer, closes the connection."""

    def __init__(self, address: Address, client_id: str, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]):
        self.address = address
        self._client_id = client_id
        self._reader, self._writer = streams
        self._turn = asyncio.Lock()
        self._number = 0
        self._ranges: dict[int, tuple[int, int]] | None = None
        self._dropped = False

    @classmethod
    async def opened(cls, address: Address, settings: ClientSettings) -> Connection:
        """A connection that is ready for requests.

        RetriableException when the broker cannot be reached; ConfigException for TLS and logins that fail.
        """
        tls = settings.security.tls
        try:
            async with asyncio.timeout(settings.connect_timeout_s):
                streams = await asyncio.open_connection(
                    address.host, address.port, ssl=tls, server_hostname=address.host if tls else None
                )
        except (OSError, asyncio.IncompleteReadError) as error:
            raise failed(str(address), error) from error
        connection = cls(address, settings.client_id, streams)
        try:
            await connection._agree(settings.request_timeout_s)
            if settings.security.login is not None:
                await connection._log_in(settings.security.login, settings.request_timeout_s)
        except BaseException:
            connection.close()
            raise
        return connection

    async def request(self, api: Api, body: Mapping[str, Any], timeout_s: float) -> Message:
        """The answer to one request, whatever its error number says.

        RetriableException KAFKA_CONNECTION_LOST or KAFKA_TIMEOUT; DataException KAFKA_MALFORMED or KAFKA_UNENCODABLE; ConnectException
        KAFKA_UNSUPPORTED_VERSION when the broker and we have no version in common; ConfigException KAFKA_NOT_A_BROKER.
        """
        version, layout = self._layout(api)
        async with self._turn:
            if self.closed:
                raise RetriableException(f"The connection to {self.address} is closed.", code="KAFKA_CONNECTION_LOST")
            self._number = (self._number + 1) & 0x7FFFFFFF
            frame = self._frame(api, version, layout, body)
            try:
                async with asyncio.timeout(timeout_s):
                    self._writer.write(frame)
                    await self._writer.drain()
                    return layout.response.decode(await self._answer(layout.flexible))
            except (OSError, asyncio.IncompleteReadError) as error:
                self.close()
                raise failed(str(self.address), error) from error
            except BaseException:
                # What arrives later would be taken for the answer to the next request.
                self.close()
                raise

    @property
    def closed(self) -> bool:
        """Whether it is of no more use: the broker may have closed it, as it does with those that are idle."""
        return self._dropped or self._reader.at_eof()

    def close(self) -> None:
        """Drop the connection."""
        self._dropped = True
        with contextlib.suppress(RuntimeError):  # the event loop is closed already
            self._writer.close()

    def _frame(self, api: Api, version: int, layout: Layout, body: Mapping[str, Any]) -> bytes:
        header = {"key": api.key, "version": version, "number": self._number, "client": self._client_id}
        tagged = b"\x00" if layout.flexible else b""
        content = _REQUEST_HEADER.encode(header) + tagged + layout.request.encode(body)
        return _SIZE.pack(len(content)) + content

    async def _answer(self, flexible: bool) -> bytes:
        size = _SIZE.unpack(await self._reader.readexactly(_SIZE.size))[0]
        if not _SIZE.size <= size <= _LONGEST:
            tls = size >> 8 == 0x150303  # an alert
            raise ConfigException(
                f"What answers at {self.address} {'wants TLS' if tls else 'is no broker'}.",
                code="KAFKA_NOT_A_BROKER",
                field="security.protocol" if tls else "bootstrap.servers",
                remedy="Check that bootstrap.servers names a listener of the brokers and security.protocol is that listener's.",
            )
        content = await self._reader.readexactly(size)
        number = _RESPONSE_HEADER.decode(content)["number"]
        if number != self._number:
            raise malformed(f"an answer to request {number} instead of {self._number}")
        if not flexible:
            return content[4:]
        # The header's tagged fields; brokers send none.
        if content[4:5] != b"\x00":
            raise malformed("an answer whose header has tagged fields")
        return content[5:]

    def _layout(self, api: Api) -> tuple[int, Layout]:
        if api is messages.API_VERSIONS or self._ranges is None:
            return next(iter(api.versions.items()))
        least, most = self._ranges.get(api.key, (0, -1))
        common = [version for version in api.versions if least <= version <= most]
        if not common:
            raise ConnectException(
                f"{self.address} has no {api.name} in a version that is known here ({least} to {most}).",
                code="KAFKA_UNSUPPORTED_VERSION",
                remedy="Use brokers of Kafka 2.3 or newer.",
            )
        return max(common), api.versions[max(common)]

    async def _agree(self, timeout_s: float) -> None:
        answer = await self.request(messages.API_VERSIONS, {}, timeout_s)
        if answer["error"]:
            raise answered(messages.API_VERSIONS.name, answer["error"])
        self._ranges = {api["key"]: (api["least"], api["most"]) for api in answer["apis"]}

    async def _log_in(self, login: Login, timeout_s: float) -> None:
        answer = await self.request(messages.SASL_HANDSHAKE, {"mechanism": login.mechanism}, timeout_s)
        if answer["error"]:
            raise answered(messages.SASL_HANDSHAKE.name, answer["error"], f"it has {', '.join(answer['mechanisms'])}")
        if login.mechanism == "PLAIN":
            await self._authenticate(b"\x00".join((b"", login.user.encode(), login.password.encode())), timeout_s)
            return
        digest = login.mechanism.removeprefix("SCRAM-").replace("-", "").lower()
        exchange = ScramExchange(login.password.encode(), user=login.user, digest=digest)
        try:
            final = exchange.final(await self._authenticate(exchange.first(), timeout_s))
            exchange.verify(await self._authenticate(final, timeout_s))
        except AuthError as error:
            raise ConfigException(
                f"{self.address} did not prove that it knows the password: {error}.",
                code="KAFKA_SASL_AUTHENTICATION_FAILED",
                field="sasl.jaas.config",
            ) from error

    async def _authenticate(self, data: bytes, timeout_s: float) -> bytes:
        answer = await self.request(messages.SASL_AUTHENTICATE, {"data": data}, timeout_s)
        if answer["error"]:
            raise answered(messages.SASL_AUTHENTICATE.name, answer["error"], answer["message"])
        result: bytes = answer["data"]
        return result
