"""Which transactions a snapshot of the server saw. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class PgSnapshot(NamedTuple):
    """pg_current_snapshot(): all transactions below `xmin` are over, none from `xmax` on is, and between them `running` are not."""

    xmin: int
    xmax: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> PgSnapshot:
        """From `xmin:xmax:xid,xid`."""
        xmin, xmax, running = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(int(xid) for xid in running.split(",") if xid))

    def sees(self, xid: int) -> bool:
        """Whether the snapshot has the changes of a committed transaction. `xid`: 32 bits, as the stream tells it."""
        full = (self.xmax & ~0xFFFFFFFF) | xid
        if full > self.xmax + 0x7FFFFFFF:
            full -= 1 << 32
        elif full < self.xmax - 0x80000000:
            full += 1 << 32
        return full < self.xmin or (full < self.xmax and full not in self.running)


class RecentTransactions:
    """The transactions streamed last.

    A commit is in the log before others see it, long before where it waits for a standby: a chunk read in between lacks changes that
    have been streamed already, and must be read again."""

    def __init__(self, size: int = 1024) -> None:
        self._xids: deque[int] = deque(maxlen=size)

    def add(self, xid: int) -> None:
        self._xids.append(xid)

    def all_seen(self, snapshot: PgSnapshot) -> bool:
        """Whether the snapshot has all of them."""
        return all(map(snapshot.sees, self._xids))
