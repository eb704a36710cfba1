"""Positions: where a record stands in the WAL, as Debezium writes it into Connect's offsets, and what lies before it. Pure.

Keys (all LSNs as integers): `lsn` of the last event, `lsn_proc` the same, `lsn_commit` the end of the last transaction that is
complete, `lsn_events_processed` how many events of that `lsn` are done (COPY and multi-row inserts share one), `txId`,
`ts_usec`, `messageType`; in a snapshot `snapshot`, `last_snapshot_record`, `snapshot_completed`. While an incremental or blocking
snapshot runs beside the stream, every offset also carries what it takes to go on with it (`INCREMENTAL_KEYS`, `BLOCKING_KEY`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import ItemsView, Iterator, Mapping
from typing import Any, Final, NamedTuple

from headrace.errors import ConfigException

PARTITION_KEY: Final = "server"
_INTEGERS: Final = ("lsn", "lsn_proc", "lsn_commit", "lsn_events_processed", "txId", "ts_usec", "xmin")
_BOOLEANS: Final = ("last_snapshot_record", "snapshot_completed")
INCREMENTAL_KEYS: Final = (
    "incremental_snapshot_primary_key",
    "incremental_snapshot_maximum_key",
    "incremental_snapshot_collections",
    "incremental_snapshot_correlation_id",
)
"""As Debezium's: keys as hex of serialized Java arrays, the collections as JSON."""
BLOCKING_KEY: Final = "blocking_snapshot_signal"
"""Ours: the signal of a blocking snapshot that is not complete, as JSON. Debezium passes it over, and forgets the snapshot."""
SIGNALS_KEY: Final = "pending_signals"
"""Ours: signals that came in the stream while a broken snapshot caught up, to be heard when it is complete, as JSON."""
_TEXTS: Final = ("messageType", "snapshot", *INCREMENTAL_KEYS, BLOCKING_KEY, SIGNALS_KEY)
_BESIDE_THE_STREAM: Final = ("INCREMENTAL", "BLOCKING")


class TransactionMark:
    """What all events of a transaction share. `previous_end`: where the stream stood before it: the end of the transaction before, or
    the position streaming began at. `xmin`: the slot's oldest transaction, when that is asked for. `extra`: further keys of the
    offsets, None for none."""

    __slots__ = ("commit_us", "extra", "previous_end", "xid", "xmin")

    def __init__(self, xid: int | None, commit_us: int, previous_end: int, xmin: int | None = None) -> None:
        self.xid = xid
        self.extra: Mapping[str, Any] | None = None
        self.commit_us = commit_us
        self.previous_end = previous_end
        self.xmin = xmin


class LazyOffset(Mapping[str, Any]):
    """An offset that becomes a dict only when somebody reads it: few records' offsets are."""

    __slots__ = ()

    @abstractmethod
    def as_dict(self) -> dict[str, Any]:
        """The offset as it is stored."""

    def __getitem__(self, key: str) -> Any:
        return self.as_dict()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    def __len__(self) -> int:
        return len(self.as_dict())

    def items(self) -> ItemsView[str, Any]:
        return self.as_dict().items()

    def __repr__(self) -> str:
        return repr(self.as_dict())


class StreamOffset(LazyOffset):
    """The offset of one streamed event.

    `complete` moves it behind its transaction: allowed as long as nobody has read it."""

    __slots__ = ("_done_at", "events", "lsn", "mark", "operation")

    def __init__(self, mark: TransactionMark, lsn: int, events: int, operation: str) -> None:
        self.mark = mark
        self.lsn = lsn
        self.events = events
        self.operation = operation
        self._done_at = 0

    def complete(self, end_lsn: int) -> None:
        """The event was its transaction's last; the transaction ends at `end_lsn`."""
        self._done_at = end_lsn

    @property
    def done_at(self) -> int:
        """Where its transaction ends, if it was told that it is the last of it; else 0."""
        return self._done_at

    def as_dict(self) -> dict[str, Any]:
        mark = self.mark
        if self._done_at:
            lsn, commit, kind, events = self._done_at, self._done_at, "COMMIT", 0
        else:
            lsn, commit, kind, events = self.lsn, mark.previous_end, self.operation, self.events
        offset: dict[str, Any] = {"lsn_proc": lsn, "messageType": kind, "lsn_commit": commit, "lsn": lsn}
        if mark.xid is not None:
            offset["txId"] = mark.xid
        offset["ts_usec"] = mark.commit_us
        if mark.xmin is not None:
            offset["xmin"] = mark.xmin
        if events:
            offset["lsn_events_processed"] = events
        if mark.extra is not None:
            offset.update(mark.extra)
        return offset


class Position(NamedTuple):
    """Where to go on. `commit_lsn`: all transactions that committed before it are done. `xid`, `lsn`, `events`: the transaction that is
    partly done and how far: events before `lsn` and the first `events` at `lsn` (None = all at `lsn`). `xid` is None when there is
    none.

    `snapshot_running`: an unfinished snapshot stood there."""

    commit_lsn: int
    xid: int | None = None
    lsn: int = 0
    events: int | None = None
    snapshot_running: bool = False

    @classmethod
    def of(cls, offset: Mapping[str, Any]) -> Position:
        """From a stored offset, ours or Debezium's. ConfigException OFFSET_INVALID when it says no position."""
        check_offset(offset)
        lsn, commit = offset.get("lsn"), offset.get("lsn_commit", offset.get("lsn_proc"))
        if lsn is None:
            lsn = commit
        if lsn is None:
            raise ConfigException("The stored offset holds no lsn.", code="OFFSET_INVALID", field="offsets")
        if offset.get("snapshot") and str(offset["snapshot"]).upper() not in _BESIDE_THE_STREAM:
            running = not (offset.get("last_snapshot_record") or offset.get("snapshot_completed"))
            return cls(lsn, snapshot_running=running)
        if "lsn_commit" not in offset:
            # Only a first transaction after a snapshot has no commit before it: it began behind the snapshot's position,
            # which the slot keeps.
            commit = 0
        kind = offset.get("messageType")
        if kind == "BEGIN" and not commit:
            # Debezium's first transaction after a start: what was processed before it is told all the same.
            commit = offset.get("lsn_proc", lsn)
        if kind in ("COMMIT", "BEGIN") or offset.get("txId") is None or (kind == "MESSAGE" and commit == lsn):
            return cls(commit if commit or kind != "COMMIT" else lsn)
        events = offset.get("lsn_events_processed") or None
        if events is None and kind == "TRUNCATE" and offset.get("lsn_proc", lsn) != lsn:
            # Of a truncate of several tables Debezium has told some, and does not say which: all of them come again.
            events = 0
        return cls(commit or 0, offset["txId"], lsn, events)

    def done(self, final_lsn: int) -> bool:
        """True for a transaction whose commit record is at `final_lsn` and that lies wholly before."""
        return final_lsn < self.commit_lsn


def reached_offset(lsn: int, xid: int | None, commit_us: int) -> StreamOffset:
    """The offset of a stream of which everything before `lsn` is handed over; `xid`, `commit_us`: of the last transaction."""
    offset = StreamOffset(TransactionMark(xid, commit_us, lsn), lsn, 0, "")
    offset.complete(lsn)
    return offset


def snapshot_offset(lsn: int, xid: int | None, now_us: int, *, last: bool) -> dict[str, Any]:
    """The offset of a snapshot row; with the last one the snapshot is complete."""
    offset: dict[str, Any] = {"ts_usec": now_us, "lsn": lsn, "snapshot": "INITIAL"}
    if xid is not None:
        offset["txId"] = xid
    offset["last_snapshot_record"] = last
    offset["snapshot_completed"] = last
    return offset


def flush_position(offset: Mapping[str, Any]) -> int | None:
    """What the slot may forget once `offset` is durable; None while a snapshot runs."""
    if offset.get("snapshot") and str(offset["snapshot"]).upper() not in _BESIDE_THE_STREAM:
        complete = offset.get("last_snapshot_record") or offset.get("snapshot_completed")
        return offset.get("lsn") if complete else None
    commit = offset.get("lsn_commit")
    return commit if commit is not None else None


def check_offset(offset: Mapping[str, Any]) -> None:
    """ConfigException OFFSET_INVALID unless every known key has a value of its kind. Unknown keys pass: other versions have
    more."""
    for key, value in offset.items():
        expected: type | None = None
        if key in _INTEGERS:
            expected = int
        elif key in _BOOLEANS:
            expected = bool
        elif key in _TEXTS and not (key == "snapshot" and isinstance(value, bool)):
            # Older releases wrote snapshot as a flag.
            expected = str
        wrong = expected is not None and (
            not isinstance(value, expected) or (expected is int and isinstance(value, bool))
        )
        if wrong and value is not None:
            raise ConfigException(
                f"Offset key {key} is {value!r}, which is no {expected.__name__ if expected else ''}.",
                code="OFFSET_INVALID",
                field=f"offsets.{key}",
                remedy="Give LSNs and ids as integers, flags as true or false.",
            )
        if expected is int and isinstance(value, int) and value < 0:
            raise ConfigException(f"Offset key {key} is negative.", code="OFFSET_INVALID", field=f"offsets.{key}")
