"""What a member says to the group's coordinator, and what an answer means for it: join, sync, heartbeat, leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from headrace.errors import HeadraceError, RetriableException
from headrace.runtime.distributed.group_settings import GroupSettings
from headrace.runtime.distributed.protocol import PROTOCOL_TYPE, SubProtocol
from headrace.systems.kafka import messages
from headrace.systems.kafka.cluster import Cluster
from headrace.systems.kafka.connection import Connection
from headrace.systems.kafka.errors import ErrorCode, answered
from headrace.systems.kafka.messages import Api
from headrace.systems.kafka.schema import Message

logger = logging.getLogger(__name__)
_JOIN_MARGIN_S: Final = 5.0
_LEAVE_S: Final = 3.0
_ELSEWHERE: Final = frozenset({ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE})
_FORGOTTEN: Final = frozenset({ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.ILLEGAL_GENERATION})


class RejoinError(Exception):
    """The group is rebalancing: the member has to join again, and has its work meanwhile."""


class ForgottenError(Exception):
    """The coordinator does not count on the member any more: others may have its work."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A round that this member is part of. `members`: everybody's metadata, for the leader alone."""

    generation: int
    member: str
    leader: str
    protocol: SubProtocol
    members: Mapping[str, bytes]

    @property
    def leads(self) -> bool:
        return self.member == self.leader


class GroupClient:
    """One member's side. HeadraceError (RETRY): the coordinator has to be sought anew; any other class: a person has to act."""

    def __init__(self, settings: GroupSettings, cluster: Cluster) -> None:
        self._settings = settings
        self._cluster = cluster
        self._connection: Connection | None = None
        self._pulse: Connection | None = None
        self._timeout_s = cluster.settings.request_timeout_s
        self.member = ""
        """The id that the coordinator gave; empty before."""

    async def connect(self, timeout_s: float) -> None:
        """Find the coordinator, unless there is a connection to it. HeadraceError (RETRY) when that takes longer."""
        if self._connection is None or self._connection.closed:
            self._connection = await self._found(timeout_s)

    async def _found(self, timeout_s: float) -> Connection:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._cluster.coordinator(self._settings.group, timeout_s)
        except TimeoutError as error:
            raise RetriableException(
                f"No coordinator of the group {self._settings.group} was found in {timeout_s:g} s.",
                code="KAFKA_TIMEOUT",
            ) from error

    async def join(self, offers: Sequence[tuple[SubProtocol, bytes]], reason: str) -> Joined:
        """Join, or join again; it takes as long as the other members need. RejoinError, ForgottenError."""
        body = {
            "group": self._settings.group,
            "session_timeout": self._settings.session_timeout_ms,
            "rebalance_timeout": self._settings.rebalance_timeout_ms,
            "protocol_type": PROTOCOL_TYPE,
            "protocols": [{"name": offer.wire_name, "metadata": metadata} for offer, metadata in offers],
            "reason": reason[:255],
        }
        timeout_s = max(self._timeout_s, self._settings.rebalance_timeout_ms / 1000 + _JOIN_MARGIN_S)
        answer = await self._request(messages.JOIN_GROUP, {**body, "member": self.member}, timeout_s)
        if answer["error"] == ErrorCode.MEMBER_ID_REQUIRED:
            self.member = answer["member"]
            answer = await self._request(messages.JOIN_GROUP, {**body, "member": self.member}, timeout_s)
        self._check(messages.JOIN_GROUP, answer)
        self.member = answer["member"]
        return Joined(
            answer["generation"],
            self.member,
            answer["leader"],
            SubProtocol.named(answer["protocol"]),
            {member["member"]: member["metadata"] for member in answer["members"]},
        )

    async def sync(self, joined: Joined, assignments: Mapping[str, bytes]) -> bytes:
        """This member's assignment; `assignments` from the leader, empty from others. RejoinError, ForgottenError."""
        body = {
            **self._self(joined),
            "protocol_type": PROTOCOL_TYPE,
            "protocol": joined.protocol.wire_name,
            "assignments": [{"member": member, "assignment": data} for member, data in assignments.items()],
        }
        timeout_s = max(self._timeout_s, self._settings.rebalance_timeout_ms / 1000 + _JOIN_MARGIN_S)
        answer = await self._request(messages.SYNC_GROUP, body, timeout_s)
        self._check(messages.SYNC_GROUP, answer)
        data: bytes = answer["assignment"]
        return data

    async def heartbeat(self, joined: Joined, timeout_s: float) -> None:
        """Let the coordinator hear of the member, also while `join` or `sync` waits: a broker answers requests of one connection in turn, so
        heartbeats have their own. RejoinError, ForgottenError."""
        try:
            async with asyncio.timeout(timeout_s):
                if self._pulse is None or self._pulse.closed:
                    self._pulse = await self._found(timeout_s)
                answer = await self._pulse.request(messages.HEARTBEAT, self._self(joined), timeout_s)
        except TimeoutError as error:
            raise RetriableException("The coordinator did not answer in time.", code="KAFKA_TIMEOUT") from error
        self._check(messages.HEARTBEAT, answer)

    async def leave(self, reason: str) -> None:
        """Leave the group and close the connections; when that fails the coordinator finds out by itself."""
        if self.member:
            body = {"group": self._settings.group, "members": [{"member": self.member, "reason": reason[:255]}]}
            try:
                async with asyncio.timeout(_LEAVE_S):
                    await self.connect(_LEAVE_S)
                    await self._request(messages.LEAVE_GROUP, body, _LEAVE_S)
            except (HeadraceError, TimeoutError) as error:
                logger.warning("Could not leave the group %s in order: %s", self._settings.group, error)
        self.member = ""
        self.close()

    def close(self) -> None:
        """Drop the connections."""
        for connection in (self._connection, self._pulse):
            if connection is not None:
                connection.close()

    def _self(self, joined: Joined) -> dict[str, Any]:
        return {"group": self._settings.group, "generation": joined.generation, "member": joined.member}

    async def _request(self, api: Api, body: Mapping[str, Any], timeout_s: float) -> Message:
        if self._connection is None:
            raise RetriableException("The coordinator is not known.", code="KAFKA_CONNECTION_LOST")
        return await self._connection.request(api, body, timeout_s)

    def _check(self, api: Api, answer: Message) -> None:
        number = answer["error"]
        if number == ErrorCode.REBALANCE_IN_PROGRESS:
            raise RejoinError
        if number in _FORGOTTEN:
            # With the generation alone forgotten the id may be known still.
            if number == ErrorCode.UNKNOWN_MEMBER_ID:
                self.member = ""
            raise ForgottenError
        if number in _ELSEWHERE:
            self.close()
        if number:
            raise answered(api.name, number)
