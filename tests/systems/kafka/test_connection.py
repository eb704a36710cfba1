"""Answers that no broker gives: each is the coded error, and the connection is not used again."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable

import pytest

from headrace.errors import HeadraceError, RetryClass
from headrace.systems.kafka import messages
from headrace.systems.kafka.connection import Connection
from headrace.systems.kafka.errors import ErrorCode, answered, failed
from headrace.systems.kafka.settings import Address, client_settings

Answer = Callable[[int, int], bytes]
RANGES = bytes.fromhex("0000 00000002 000c 0000 0003 000d 0006 0007")  # Heartbeat to 3, LeaveGroup from 6


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def good(key: int, number: int) -> bytes:
    """What a broker answers."""
    return framed(struct.pack(">i", number) + (RANGES if key == 18 else bytes(6)))


async def scripted(answer: Answer, use: Callable[[Connection], object] | None = None) -> None:
    """A connection to a server that answers as `answer` says by key and number of the request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                size = struct.unpack(">i", await reader.readexactly(4))[0]
                key, _, number = struct.unpack_from(">hhi", await reader.readexactly(size))
                writer.write(answer(key, number))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = client_settings({"bootstrap.servers": f"127.0.0.1:{port}", "request.timeout.ms": "300"})
        connection = await Connection.opened(Address("127.0.0.1", port), settings)
        try:
            body = {"group": "g", "generation": 1, "member": "m", "instance": None}
            assert (await connection.request(messages.HEARTBEAT, body, 1))["error"] == 0
            with pytest.raises(HeadraceError) as raised:
                await connection.request(messages.LEAVE_GROUP, {"group": "g", "members": []}, 1)
            assert raised.value.code == "KAFKA_UNSUPPORTED_VERSION"
            cancelled = asyncio.create_task(connection.request(messages.HEARTBEAT, {**body, "instance": "x"}, 1))
            await asyncio.sleep(0)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            assert connection.closed
        finally:
            connection.close()


def test_requests_are_answered() -> None:
    asyncio.run(scripted(good))


def test_a_connection_that_the_broker_has_closed_is_known_to_be() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = struct.unpack(">i", await reader.readexactly(4))[0]
        number = struct.unpack_from(">i", await reader.readexactly(size), 4)[0]
        writer.write(good(18, number))
        await reader.read(1)
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            place = Address("127.0.0.1", server.sockets[0].getsockname()[1])
            connection = await Connection.opened(place, client_settings({"bootstrap.servers": str(place)}))
            assert not connection.closed
            connection._writer.write(b"x")
            async with asyncio.timeout(5):
                while not connection.closed:
                    await asyncio.sleep(0.01)
            with pytest.raises(HeadraceError) as raised:
                await connection.request(messages.HEARTBEAT, {"group": "g", "generation": 1, "member": "m"}, 1)
            assert raised.value.code == "KAFKA_CONNECTION_LOST"
            connection.close()

    asyncio.run(scenario())


def _error(answer: Answer) -> HeadraceError:
    with pytest.raises(HeadraceError) as raised:
        asyncio.run(scripted(answer))
    return raised.value


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda key, number: b"HTTP/1.1 400 Bad Request\r\n\r\n", "KAFKA_NOT_A_BROKER"),
        (lambda key, number: struct.pack(">i", -5), "KAFKA_NOT_A_BROKER"),
        (lambda key, number: framed(b"\0\0"), "KAFKA_NOT_A_BROKER"),
        (lambda key, number: good(key, number + 1), "KAFKA_MALFORMED"),
        (lambda key, number: good(key, number)[:-1], "KAFKA_TIMEOUT"),
        (lambda key, number: framed(struct.pack(">i", number)), "KAFKA_MALFORMED"),
        (lambda key, number: framed(struct.pack(">ihi", number, 35, 0)), "KAFKA_UNSUPPORTED_VERSION"),
        (lambda key, number: b"", "KAFKA_TIMEOUT"),
    ],
)
def test_answers_that_are_none_give_the_coded_error(answer: Answer, code: str) -> None:
    assert _error(answer).code == code


def test_error_numbers_have_a_code_a_class_and_where_it_helps_a_remedy() -> None:
    assert answered("JoinGroup", 15).retry_class is RetryClass.RETRY
    assert answered("JoinGroup", 15).code == "KAFKA_COORDINATOR_NOT_AVAILABLE"
    assert answered("JoinGroup", -1, "words").message.endswith("(SERVER_ERROR): words.")
    assert answered("JoinGroup", 999).code == "KAFKA_ERROR_999"
    for number in ErrorCode:
        if number not in (ErrorCode.NONE, ErrorCode.ILLEGAL_SASL_STATE, ErrorCode.UNSUPPORTED_VERSION):
            error = answered("JoinGroup", number)
            assert error.retry_class is not RetryClass.OPERATOR
            assert error.retry_class is RetryClass.RETRY or error.message.count(":") == 1
    assert failed("b:1", OSError("gone")).code == "KAFKA_CONNECTION_LOST"
    assert failed("b:1", answered("JoinGroup", 30)).code == "KAFKA_GROUP_AUTHORIZATION_FAILED"
