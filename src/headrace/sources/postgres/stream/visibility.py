"""A transaction is sent once its commit is in the log, which is a moment before other sessions see it. Whoever looks into the catalog on
account of what was sent has to wait for that moment, or finds the tables as they were.

With synchronous standbys the moment lasts until they have answered. Source: CommitTransaction of PostgreSQL's xact.c, where the lock on the
transaction's id is given up last.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Final

from headrace.systems.postgres.introspect import Conn

logger = logging.getLogger(__name__)

_PATIENCE_S: Final = 10.0
_LOCKED: Final = "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'transactionid' AND transactionid = ANY (%s::xid[]))"


class Visibility:
    """Waits over one SQL connection. `patience_s`: how long at most, for one transaction."""

    def __init__(self, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._seen: int | None = None

    def wait(self, connection: Conn, xid: int | None) -> None:
        """Return when the committed transaction is visible; after the patience, with a warning. The driver's errors are raised."""
        if xid is None or xid == self._seen:
            return
        self._seen = xid
        if not self.wait_all(connection, [xid]):
            logger.warning(
                "Transaction %d is committed but not visible yet, as when a synchronous standby does not answer. The tables it "
                "changes are taken as the catalog has them now.",
                xid,
            )

    def wait_all(self, connection: Conn, xids: Iterable[int]) -> bool:
        """Return True when all these committed transactions are visible, False after the patience. The driver's errors are raised."""
        listed = f"{{{','.join(map(str, xids))}}}"
        deadline, pause = time.monotonic() + self._patience_s, 0.001
        while connection.execute(_LOCKED, (listed,)).fetchone() == (True,):
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        return True
