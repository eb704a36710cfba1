"""A worker's membership of its group: join, take what the leader gives, stay heard of, join again, leave.

Rules as the JVM's workers have them, and one more: whoever may have lost its place stops its work at once, and starts it again only when the
group has confirmed it. Towards the group that looks the same, for it goes on telling what it has. Source: KIP-415, Kafka Connect 4.3.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from headrace.errors import HeadraceError, RetryClass
from headrace.runtime.distributed.group_client import ForgottenError, GroupClient, Joined, RejoinError
from headrace.runtime.distributed.group_settings import GroupSettings
from headrace.runtime.distributed.heartbeats import Heartbeats
from headrace.runtime.distributed.leader import Leader
from headrace.runtime.distributed.membership import GroupWorker, Membership
from headrace.runtime.distributed.protocol import (
    NO_ERROR,
    Assignment,
    Metadata,
    SubProtocol,
    decode_assignment,
    encode_metadata,
)
from headrace.runtime.distributed.work import Configured, Work
from headrace.systems.kafka.cluster import Cluster

logger = logging.getLogger(__name__)
_SYNC_RETRIES: Final = 5


class Member:
    """Runs on one event loop; `run` and `rejoin` are called there."""

    def __init__(self, settings: GroupSettings, cluster: Cluster, worker: GroupWorker) -> None:
        self._settings = settings
        self._client = GroupClient(settings, cluster)
        self._retry = cluster.settings.retry
        self._worker = worker
        self._leader = Leader(settings.max_delay_ms)
        self._protocol = settings.offers[0]
        self._told: Assignment | None = None
        """What was assigned last, with all that this worker has; None when it has nothing."""
        self._joined: Joined | None = None
        self._stopped = True
        self._completed = -1
        self._behind = False
        self._sync_retries = _SYNC_RETRIES
        self._reason = "the worker starts"
        self._again = asyncio.Event()
        self._heartbeats = Heartbeats(self._client, settings, self._retry, self._group_rebalances)
        self.membership: Membership | None = None
        """None while this worker is sure of no place."""

    def rejoin(self, reason: str) -> None:
        """Have the group decide anew: connectors or numbers of tasks have changed. The coordinator starts a round for the leader, and for
        others that say something new, such as a further offset of the config topic."""
        self._reason = reason
        self._again.set()

    def _group_rebalances(self) -> None:
        if not self._again.is_set():
            self.rejoin("the group rebalances")

    async def run(self) -> None:
        """Be a member until cancelled; then the group is left, and what still runs is the caller's to stop, best before.

        What only a person can end is raised, with all work stopped: HeadraceError.
        """
        try:
            attempt = 0
            while True:
                if await self._connected() and await self._joined_and_left_off():
                    attempt = 0
                else:
                    await asyncio.sleep(self._retry.delay(attempt))
                    attempt += 1
        except Exception:
            await self._stop_all()
            raise
        finally:
            await self._client.leave("the worker stops")

    async def _connected(self) -> bool:
        """Whether the coordinator is there. Without one nobody can tell whose the work is: it is dropped."""
        try:
            await self._client.connect(self._settings.heartbeat_interval_ms / 1000)
        except HeadraceError as error:
            _raise_unless_passing(error)
            if not self._stopped:
                logger.warning(
                    "The coordinator of %s cannot be reached, all work stops: %s", self._settings.group, error
                )
            await self._stop_all()
            self._told = self._joined = None
            return False
        return True

    async def _joined_and_left_off(self) -> bool:
        """One round, from joining to joining again; whether the next may follow at once."""
        try:
            await self._round()
        except RejoinError:
            self._reason = "the group rebalances"
        except ForgottenError:
            logger.warning("The group %s may not count on this worker any more: all work stops", self._settings.group)
            self._reason = "the place in the group was lost"
            self._joined = None
            await self._stop_all()
        except HeadraceError as error:
            _raise_unless_passing(error)
            logger.warning("The round of %s broke off: %s", self._settings.group, error)
            if self._heartbeats.overdue:
                await self._stop_all()
            return False
        return True

    async def _round(self) -> None:
        if self._behind and not await self._caught_up():
            await self._stay_away()
            return
        await self._free_if(self._protocol)
        configured = self._worker.configured()
        self._again.clear()
        joining = self._client.join(self._offers(configured), self._reason)
        if self._joined is not None and not self._stopped:
            joined = await self._heartbeats.beside(joining, self._joined, joining=True)
        else:
            joined = await joining
        # One that knows the eager protocol alone has come.
        await self._free_if(joined.protocol)
        self._heartbeats.answered()
        assignments = {}
        if joined.leads:
            now_ms = int(time.monotonic() * 1000)
            assignments = self._leader.decide(joined, self._completed, configured, self._worker.configured, now_ms)
        self._joined = joined
        synced = self._client.sync(joined, assignments)
        assignment = decode_assignment(await self._heartbeats.beside(synced, joined))
        logger.info("Member %s of %s in generation %d", joined.member, self._settings.group, joined.generation)
        await self._heartbeats.beside(self._work(joined, assignment), joined)
        if self._behind:
            await self._stay_away()

    async def _work(self, joined: Joined, assignment: Assignment) -> None:
        """Returns when it is time to join again; the reason is told."""
        due = time.monotonic() + assignment.delay_ms / 1000
        revoked = Work() if joined.protocol is SubProtocol.EAGER else assignment.revoked
        if revoked:
            await self._stop(revoked)
        kept = self._told.assigned - revoked if self._told is not None else Work()
        work = kept | assignment.assigned
        self._protocol, self._completed = joined.protocol, joined.generation
        self._told = Assignment(
            assignment.version, NO_ERROR, assignment.leader, assignment.leader_url, assignment.config_offset, work
        )
        failed = assignment.error != NO_ERROR
        behind = self._worker.configured().offset < assignment.config_offset
        if (behind or (failed and joined.leads)) and not await self._caught_up():
            return
        if failed or self._worker.configured().offset != assignment.config_offset:
            self._reason = "the config topic was not read as far as the assignment"
            return
        self.membership = Membership(
            joined.member, joined.generation, joined.protocol, assignment.leader, assignment.leader_url, work
        )
        self._stopped = False
        await self._worker.run(self.membership)
        if revoked:
            self._reason = "what was revoked is free"
            return
        try:
            await asyncio.wait_for(self._again.wait(), due - time.monotonic() if assignment.delay_ms else None)
        except TimeoutError:
            self._reason = "the scheduled delay is over"

    async def _caught_up(self) -> bool:
        caught_up = await self._worker.catch_up(self._settings.sync_timeout_ms / 1000)
        self._behind = not caught_up
        self._sync_retries = _SYNC_RETRIES if caught_up else self._sync_retries
        return caught_up

    async def _stay_away(self) -> None:
        """Out of the group for a while: a member that cannot read the config topic holds up all."""
        logger.warning("The config topic could not be read to its end: the group %s is left", self._settings.group)
        await self._stop_all()
        await self._client.leave("the config topic cannot be read to its end")
        self._joined = None
        if self._protocol is SubProtocol.EAGER:
            await asyncio.sleep(self._settings.unsync_backoff_ms / 1000)
        elif self._sync_retries:
            await asyncio.sleep(self._settings.max_delay_ms / 10 / self._sync_retries / 1000)
            self._sync_retries -= 1
        else:
            self._told, self._sync_retries = None, _SYNC_RETRIES

    def _offers(self, configured: Configured) -> list[tuple[SubProtocol, bytes]]:
        return [
            (offer, encode_metadata(Metadata(offer.version, self._worker.url, configured.offset, self._told)))
            for offer in self._settings.offers
        ]

    async def _free_if(self, protocol: SubProtocol) -> None:
        """An eager round gives everything out anew."""
        if protocol is SubProtocol.EAGER:
            await self._stop_all()
            self._told = None

    async def _stop_all(self) -> None:
        """Stop the work, yet go on telling the group of it."""
        self.membership = None
        if not self._stopped and self._told is not None:
            await self._stop(self._told.assigned)
        self._stopped = True

    async def _stop(self, work: Work) -> None:
        """Not broken off half way."""
        stopping = asyncio.ensure_future(self._worker.stop(work))
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            await stopping
            raise


def _raise_unless_passing(error: HeadraceError) -> None:
    if error.retry_class is not RetryClass.RETRY:
        raise error
