"""What the leader of a round answers to its members: everybody's work, or that it has to catch up with the config topic first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from headrace.errors import DataException
from headrace.runtime.distributed.assignor import Memory, Plan, Round, assign, assign_eagerly
from headrace.runtime.distributed.group_client import Joined
from headrace.runtime.distributed.protocol import (
    CONFIG_MISMATCH,
    NO_ERROR,
    Assignment,
    Metadata,
    SubProtocol,
    decode_metadata,
    encode_assignment,
)
from headrace.runtime.distributed.work import Configured, Work

logger = logging.getLogger(__name__)
_NOTHING: Final = Work()


class Leader:
    """Remembers from round to round, as long as this worker leads. `max_delay_ms`: scheduled.rebalance.max.delay.ms."""

    def __init__(self, max_delay_ms: int) -> None:
        self._max_delay_ms = max_delay_ms
        self._memory = Memory()

    def decide(
        self, joined: Joined, completed: int, configured: Configured, latest: Callable[[], Configured], now_ms: int
    ) -> dict[str, bytes]:
        """The assignment of each member, encoded. `completed`: the generation that this worker last finished joining, −1 for none;
        `configured`: what it said to have read when it joined; `latest`: what it has read by now."""
        told = _told(joined.members)
        newest = max(metadata.config_offset for metadata in told.values())
        if configured.offset < newest:
            configured = latest()
        url = told[joined.leader].url
        if configured.offset < newest:
            logger.info("Config topic read to %d, a member is at %d: catching up first", configured.offset, newest)
            return _encoded(joined, url, newest, Plan({}, {}, {}), CONFIG_MISMATCH)
        work = configured.work
        if joined.protocol is SubProtocol.EAGER:
            plan = assign_eagerly(told, work)
        else:
            active = {member: metadata.active for member, metadata in told.items()}
            round_ = Round(active, work, completed, joined.generation, now_ms, self._max_delay_ms)
            plan, self._memory = assign(self._memory, round_)
        return _encoded(joined, url, configured.offset, plan, NO_ERROR)


def _told(members: Mapping[str, bytes]) -> dict[str, Metadata]:
    """What the members said. One whose words cannot be read gets no work, and stops nobody else's."""
    told: dict[str, Metadata] = {}
    for member, data in members.items():
        try:
            told[member] = decode_metadata(data)
        except DataException as error:
            logger.warning("The member %s gets no work: %s", member, error)
    return told


def _encoded(joined: Joined, url: str, offset: int, plan: Plan, error: int) -> dict[str, bytes]:
    return {
        member: encode_assignment(
            Assignment(
                joined.protocol.version,
                error,
                joined.leader,
                url,
                offset,
                plan.assigned.get(member, _NOTHING),
                plan.revoked.get(member, _NOTHING),
                plan.delay_ms,
            )
        )
        for member in joined.members
    }
