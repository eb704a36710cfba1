"""A member stays heard of, whatever else it does, and notices when the group may not count on it any more."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from headrace.errors import HeadraceError, RetryClass
from headrace.foundation.backoff import Backoff
from headrace.runtime.distributed.group_client import ForgottenError, GroupClient, Joined, RejoinError
from headrace.runtime.distributed.group_settings import GroupSettings

T = TypeVar("T")


class Heartbeats:
    """`rebalances` is called whenever the coordinator says that the group does."""

    def __init__(
        self, client: GroupClient, settings: GroupSettings, retry: Backoff, rebalances: Callable[[], None]
    ) -> None:
        self._client = client
        self._interval_s = settings.heartbeat_interval_ms / 1000
        self._patience_s = settings.patience_s
        self._retry = retry
        self._rebalances = rebalances
        self._quiet = asyncio.Event()
        self._contact = 0.0

    def answered(self) -> None:
        """The coordinator has counted on this member until now."""
        self._contact = time.monotonic()

    @property
    def overdue(self) -> bool:
        """Whether the coordinator may have given this member up."""
        return time.monotonic() - self._contact > self._patience_s

    async def beside(self, doing: Coroutine[Any, Any, T], joined: Joined, *, joining: bool = False) -> T:
        """What `doing` returns, with heartbeats of the place in `joined` meanwhile. `joining`: `doing` is to replace that place.

        `doing` is cancelled with ForgottenError when the coordinator says that the place is lost, or may have decided so by now, and with
        HeadraceError for a person to act on.
        """
        self._quiet.clear()
        beats, work = asyncio.create_task(self._beat(joined, joining)), asyncio.create_task(doing)
        try:
            await asyncio.wait((beats, work), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                # A request that is broken off costs the connection.
                self._quiet.set()
                await asyncio.wait((beats,), timeout=self._interval_s)
            if beats.done() and not (joining and work.done()):
                beats.result()
        finally:
            for task in (beats, work):
                task.cancel()
            await asyncio.gather(beats, work, return_exceptions=True)
        return work.result()

    async def _beat(self, joined: Joined, joining: bool) -> None:
        while not self._quiet.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), self._interval_s)
                return
            attempt = 0
            while not await self._heard(joined, joining) and not self._quiet.is_set():
                await asyncio.sleep(self._retry.delay(attempt))
                attempt += 1

    async def _heard(self, joined: Joined, joining: bool) -> bool:
        sent = time.monotonic()
        left = self._contact + self._patience_s - sent
        if left <= 0:
            raise ForgottenError
        try:
            await self._client.heartbeat(joined, left)
        except RejoinError:
            if not joining:
                self._rebalances()
        except ForgottenError:
            # The new place may be there already, and its message on the way.
            if not joining or not self._client.member:
                raise
            return False
        except HeadraceError as error:
            if error.retry_class is not RetryClass.RETRY:
                raise
            return False
        self._contact = sent
        return True
