"""A member stays heard of, and notices when it may not be any more."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from headrace.errors import HeadraceError, RetryClass
from headrace.foundation.backoff import Backoff
from headrace.runtime.distributed.group_client import ForgottenError, GroupClient, Joined, RejoinError
from headrace.runtime.distributed.group_settings import GroupSettings


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

    def end(self) -> None:
        """`beat` returns when the answer has come for which it waits: a request that is broken off costs the connection."""
        self._quiet.set()

    async def beat(self, joined: Joined) -> None:
        """Until `end`. ForgottenError when the coordinator says so, or may have decided so by now; HeadraceError for a person to act on."""
        self._quiet.clear()
        while not self._quiet.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), self._interval_s)
                return
            attempt = 0
            while not await self._heard(joined) and not self._quiet.is_set():
                await asyncio.sleep(self._retry.delay(attempt))
                attempt += 1

    async def _heard(self, joined: Joined) -> bool:
        sent = time.monotonic()
        left = self._contact + self._patience_s - sent
        if left <= 0:
            raise ForgottenError
        try:
            await self._client.connect(left)
            await self._client.heartbeat(joined, left)
        except RejoinError:
            self._rebalances()
        except HeadraceError as error:
            if error.retry_class is not RetryClass.RETRY:
                raise
            return False
        self._contact = sent
        return True
