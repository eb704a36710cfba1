"""A consumer's place in its group: joins, notices what has changed, gives and takes partitions, and leaves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from headrace.log.embedded import groups
from headrace.log.embedded.catalog import topics_version
from headrace.log.embedded.sqlite_errors import os_errors
from headrace.log.embedded.wake import group_channel

if TYPE_CHECKING:
    from headrace.log.embedded.log import EmbeddedLog

_LOOK_S = 1.0


class Membership:
    """One member. Not thread-safe. `id` is None while it is in no group."""

    def __init__(self, log: EmbeddedLog, group: str, client_id: str, session_ms: int) -> None:
        self._log = log
        self._group = group
        self._client_id = client_id
        self._session_ms = session_ms
        self._uid = ""
        self._seen: tuple[int, int] | None = None
        self._next_look = 0.0
        self.id: int | None = None
        self.horizon: int | None = None
        """The highest partition id when it first joined: later ones are read from their start, whatever was asked."""

    def join(self, subscription: groups.Subscription) -> None:
        """Enter the group under a new id."""
        with os_errors(self._log.database.file):
            uid = self._log.liveness.enter(self._session_ms)
        try:
            with self._log.writing() as (connection, catalog):
                if self.horizon is None:
                    self.horizon = connection.execute("SELECT coalesce(max(id), 0) FROM parts").fetchone()[0]
                self.id = groups.join(connection, self._group, uid, self._client_id, self._session_ms, subscription)
                groups.rebalance(connection, catalog, self._log.liveness, self._group)
        except BaseException:
            self.id = None
            self._log.liveness.leave(uid)
            raise
        self._uid = uid
        self._seen = None
        self._notify()

    def duties(self) -> groups.Duties | None:
        """What has to be done now; None if nothing has changed. Also removes dead neighbours, about once a second."""
        assert self.id is not None
        with self._log.reading() as (connection, catalog):
            seen = (groups.group_version(connection, self._group), topics_version(connection))
            stale = (self._seen is None or seen[1] != self._seen[1]) and groups.needs_rebalance(
                connection, catalog, self._group
            )
            now = time.monotonic()
            if not stale and now >= self._next_look:
                self._next_look = now + _LOOK_S
                stale = any(
                    dead != self.id for dead in groups.dead_members(connection, self._log.liveness, self._group)
                )
            if not stale:
                if seen == self._seen:
                    return None
                self._seen = seen
                return groups.duties(connection, self._group, self.id)
        self._rebalance()
        return self.duties()

    def take(self) -> list[int]:
        """Own what is free for this member; returns partition ids."""
        assert self.id is not None
        with self._log.writing() as (connection, _):
            return groups.take(connection, self._group, self.id)

    def release(self, parts: list[int]) -> None:
        assert self.id is not None
        with self._log.writing() as (connection, _):
            groups.release(connection, self._group, self.id, parts)
        self._seen = None
        self._notify()

    def forget(self) -> None:
        """The group has expelled this member: be nobody, to join anew."""
        self._drop_uid()
        self.id = None

    def leave(self) -> None:
        """Go, and let the others share what this member had. The kernel tells them, should the log be out of order."""
        member, self.id = self.id, None
        if member is None:
            return
        try:
            with self._log.writing() as (connection, catalog):
                groups.leave(connection, self._group, [member])
                groups.rebalance(connection, catalog, self._log.liveness, self._group)
        finally:
            self._drop_uid()
        self._notify()

    def _rebalance(self) -> None:
        with self._log.writing() as (connection, catalog):
            groups.rebalance(connection, catalog, self._log.liveness, self._group)
        self._seen = None
        self._notify()

    def _drop_uid(self) -> None:
        self._log.liveness.leave(self._uid)

    def _notify(self) -> None:
        self._log.wakes.notify([group_channel(self._group)])
