"""Blocking snapshots: the stream is stopped, tables are read again, the stream goes on.

The rows join the stream exactly: the snapshot is opened while the stream still runs, the stream is read up to the snapshot's
position, and what comes behind is newer than the rows. What is asked for and not complete is kept in the offsets.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.cdc.notifications import InitialNotices, TableNotices
from headrace.cdc.signals.payload import SignalRefused, SnapshotRequest, compiled
from headrace.data import SourceRecord
from headrace.errors import HeadraceError, RetryClass
from headrace.foundation.failpoints import failpoint
from headrace.native import pgoutput
from headrace.sources.postgres.incremental.tables import as_streamed
from headrace.sources.postgres.offsets import BLOCKING_KEY, INCREMENTAL_KEYS
from headrace.sources.postgres.session import PgSession
from headrace.sources.postgres.signals.beside_offset import BesideOffset
from headrace.sources.postgres.signals.signalled_stream import SignalledStream
from headrace.sources.postgres.snapshot.factory import open_snapshot
from headrace.sources.postgres.snapshot.snapshot import Snapshot, SnapshotCounts
from headrace.systems.postgres import map_error
from headrace.systems.postgres.introspect import TableInfo, TableName

logger = logging.getLogger(__name__)


class BlockingSnapshots:
    """Served one after another, in the order asked for. `changed`: called when what is pending is another."""

    def __init__(self, notices: InitialNotices, counts: SnapshotCounts, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._notices = notices
        self._counts = counts
        self._waiting: deque[tuple[str, SnapshotRequest]] = deque()
        self._session: PgSession | None = None
        self._decoder: SignalledStream | None = None
        self._opening: _Opening | None = None
        self._snapshot: Snapshot | None = None
        self._reading = False

    # What is asked ------------------------------------------------------------------------------------------------

    def ask(self, id: str, request: SnapshotRequest) -> None:
        """Take it up. One that is known already comes again with the stream after a broken connection."""
        plain = request.plain()
        if all(known != id or other.plain() != plain for known, other in self._waiting):
            self._waiting.append((id, request))
            self._changed()

    def pending(self) -> list[dict[str, Any]]:
        """What is not complete, for the offsets."""
        return [{"id": id, "data": request.plain()} for id, request in self._waiting]

    def load(self, text: Any) -> None:
        """What an offset says is not complete."""
        if not text:
            return
        try:
            for item in json.loads(text):
                self._waiting.append((str(item["id"]), SnapshotRequest.of(item["data"])))
        except (ValueError, TypeError, KeyError, SignalRefused) as error:
            logger.warning("The blocking snapshot in the offset cannot be read and is given up: %s", error)

    # Its course ---------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def attach(self, session: PgSession, decoder: SignalledStream) -> None:
        self._session, self._decoder = session, decoder

    def give_up(self) -> None:
        """The session has ended: what is open is closed; what was asked stays asked."""
        if self._opening is not None:
            self._opening.abandon()
        if self._snapshot is not None:
            self._snapshot.close()
        self._opening = self._snapshot = None
        self._reading = False

    def waits_for(self, reached: int | None) -> bool:
        """Move on: stop the stream between two transactions and begin, or see whether it has come to the snapshot. `reached`: everything
        before is decoded, None in the midst of something. Answers whether the stream is yet to come there."""
        decoder = self._decoder
        if not self._waiting or self._reading or self._opening is not None or decoder is None:
            return False
        if self._snapshot is None:
            # What commits from now on may be newer than the snapshot, whose position is not known before it is open.
            decoder.barrier = lambda payload: True
            if decoder.at_barrier or reached is not None:
                self._begin()
            return False
        if decoder.at_barrier or (reached is not None and reached >= self._snapshot.lsn):
            self._reading = True
            decoder.barrier, decoder.at_barrier = None, False
            return False
        # A server that is asked while its answers are not read yet comes to wait for us, and we for it.
        return reached is not None

    @property
    def opening(self) -> bool:
        """Whether one is being opened, and the stream stands still until it is."""
        return self._opening is not None

    def opened(self, timeout_s: float) -> None:
        """Wait for it to be opened; then the stream goes on to the position it was opened at."""
        decoder = self._decoder
        assert self._opening is not None
        assert decoder is not None
        if not self._opening.done.wait(timeout_s):
            return
        opening, self._opening = self._opening, None
        decoder.barrier, decoder.at_barrier = None, False
        try:
            self._snapshot = opening.result()
        except Exception as error:
            self._failed(error)
            return
        self._snapshot.notices = TableNotices(self._notices, self._snapshot.tables)
        lsn = self._snapshot.lsn
        decoder.barrier = lambda payload: pgoutput.begin(payload).final_lsn >= lsn

    @property
    def reading(self) -> bool:
        """Whether the rows of one come now, in place of the stream's changes."""
        return self._reading

    def poll(self, limit: int, extra: Mapping[str, Any] | None) -> Sequence[SourceRecord] | None:
        """The next rows; None when it is over. `extra`: what the offsets carry now."""
        snapshot, decoder = self._snapshot, self._decoder
        assert snapshot is not None
        assert decoder is not None
        self._mark_offsets(snapshot, decoder, extra or {})
        try:
            records = snapshot.poll(limit)
            failpoint("source.blocking.rows_read")
        except Exception as error:
            self._end()
            self._failed(error)
            return None
        if records is not None:
            return records
        self._end()
        logger.info("Blocking snapshot %s is complete.", self._waiting.popleft()[0])
        self._changed()
        self._notices.completed()
        return None

    def _begin(self) -> None:
        id, request = self._waiting[0]
        session = self._session
        assert session is not None
        logger.info("Blocking snapshot of %s begins, asked for by signal %s.", ", ".join(request.collections), id)
        self._notices.started()
        tables, queries = self._chosen(session, request)
        self._opening = _Opening(lambda: open_snapshot(session, tables, self._counts, queries=queries or None), session)

    @staticmethod
    def _chosen(session: PgSession, request: SnapshotRequest) -> tuple[list[TableInfo], dict[str, str]]:
        """The captured tables that the request means, under the names that their changes have, and the SELECTs for them."""
        patterns = [compiled(pattern, ignore_case=True) for pattern in request.collections]
        sql, publication = session.connections.sql, session.config["publication.name"]
        known = {table.name: table for table in session.capture.tables(sql)}
        tables: dict[TableName, TableInfo] = {}
        queries: dict[str, str] = {}
        for name in known:
            plain = f"{name.schema}.{name.table}"
            quoted = f'"{name.schema}"."{name.table}"'
            if any(one.fullmatch(plain) or one.fullmatch(quoted) for one in patterns):
                parts = [part for part in as_streamed(sql, publication, name) if part in known] or [name]
                tables.update({part: known[part] for part in parts})
                if query := request.filter_of(plain):
                    queries[plain] = query
        return list(tables.values()), queries

    def _mark_offsets(self, snapshot: Snapshot, decoder: SignalledStream, extra: Mapping[str, Any]) -> None:
        flags = {"snapshot": "BLOCKING", "last_snapshot_record": False, "snapshot_completed": False}
        snapshot.offset = BesideOffset(decoder.offset, {**extra, **flags})
        rest = self.pending()[1:]
        behind: dict[str, Any] = {key: extra[key] for key in INCREMENTAL_KEYS if key in extra}
        if rest:
            behind[BLOCKING_KEY] = json.dumps(rest, ensure_ascii=False)
        done = {"snapshot": "BLOCKING", "last_snapshot_record": True, "snapshot_completed": True}
        snapshot.final_offset = BesideOffset(decoder.offset, {**behind, **done})

    def _end(self) -> None:
        assert self._session is not None
        if self._snapshot is not None:
            self._snapshot.close()
        self._session.connections.close_snapshot()
        self._snapshot, self._reading = None, False

    def _failed(self, error: Exception) -> None:
        """Once more with the next connection where that may help, else leave it."""
        ours = error
        if not isinstance(error, HeadraceError) and self._session is not None:
            if not (type(error).__module__.startswith("psycopg") or isinstance(error, OSError)):
                raise error
            ours = map_error(error, self._session.target)
        if isinstance(ours, HeadraceError) and ours.retry_class is RetryClass.RETRY:
            raise ours
        logger.warning("Blocking snapshot %s failed and is left out: %s", self._waiting.popleft()[0], ours)
        self._changed()
        self._notices.aborted()


class _Opening:
    """A snapshot being opened beside the stream: that waits for the transactions that run."""

    def __init__(self, action: Any, session: PgSession) -> None:
        self.done = threading.Event()
        self._action = action
        self._session = session
        self._snapshot: Snapshot | None = None
        self._error: Exception | None = None
        self._abandoned = False
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="headrace-open-snapshot", daemon=True).start()

    def _run(self) -> None:
        try:
            snapshot = self._action()
        except Exception as error:
            with self._lock:
                self._error = error
                if self._abandoned:
                    logger.debug("A snapshot that nobody waits for any more failed: %s", error)
                    self._session.connections.close_snapshot()
        else:
            with self._lock:
                self._snapshot = snapshot
                if self._abandoned:
                    snapshot.close()
                    self._session.connections.close_snapshot()
        self.done.set()

    def abandon(self) -> None:
        """Nobody wants it any more."""
        with self._lock:
            self._abandoned = True
            if self._snapshot is not None:
                self._snapshot.close()
        self._session.connections.end_export()

    def result(self) -> Snapshot:
        """What was opened; raises what it failed with."""
        if self._error is not None:
            raise self._error
        assert self._snapshot is not None
        return self._snapshot
