"""The brokers of a cluster: whichever answers tells of the others, and of the coordinator of a group."""

from __future__ import annotations

import asyncio
import time

from headrace.errors import HeadraceError, RetriableException, RetryClass
from headrace.systems.kafka import messages
from headrace.systems.kafka.connection import Connection
from headrace.systems.kafka.errors import answered
from headrace.systems.kafka.settings import Address, ClientSettings

_GROUP = 0


class Cluster:
    """Finds coordinators. `known`: the brokers that the last answer told of, beside those of the settings."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self.known: tuple[Address, ...] = ()

    async def coordinator(self, group: str, timeout_s: float) -> Connection:
        """A new connection to the coordinator of `group`; tried again with pauses for `timeout_s`, once at least.

        An attempt takes as long as the settings let connections and answers take. The last RetriableException when no broker answers or none knows a coordinator; any other error at once.
        """
        deadline, attempt = time.monotonic() + timeout_s, 0
        while True:
            try:
                return await self._found(group)
            except HeadraceError as error:
                pause = self.settings.retry.delay(attempt)
                if error.retry_class is not RetryClass.RETRY or time.monotonic() + pause >= deadline:
                    raise
            attempt += 1
            await asyncio.sleep(pause)

    async def _found(self, group: str) -> Connection:
        """By the first broker that answers."""
        failure: HeadraceError = RetriableException("No broker is known.", code="KAFKA_CONNECT_REFUSED")
        for address in dict.fromkeys((*self.known, *self.settings.bootstrap)):
            try:
                connection = await Connection.opened(address, self.settings)
            except RetriableException as error:
                failure = error
                continue
            try:
                return await self._asked(connection, group)
            except RetriableException as error:
                failure = error
        raise failure

    async def _asked(self, connection: Connection, group: str) -> Connection:
        """The coordinator that this broker tells; `connection` itself when it is that, else it is closed."""
        limit, place = self.settings.request_timeout_s, None
        try:
            cluster = await connection.request(messages.METADATA, {"topics": []}, limit)
            self.known = tuple(Address(broker["host"], broker["port"]) for broker in cluster["brokers"])
            answer = await connection.request(messages.FIND_COORDINATOR, {"key": group, "key_type": _GROUP}, limit)
            if answer["error"]:
                raise answered(messages.FIND_COORDINATOR.name, answer["error"], answer["message"])
            place = Address(answer["host"], answer["port"])
        finally:
            if place != connection.address:
                connection.close()
        return connection if place == connection.address else await Connection.opened(place, self.settings)
