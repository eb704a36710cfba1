"""The source's numbers under the names Debezium's MBeans have on Prometheus: `debezium_metrics_<Attribute>`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from headrace.sources.postgres.incremental.measures import ChunkCounts
from headrace.sources.postgres.snapshot.snapshot import SnapshotCounts
from headrace.sources.postgres.stream.rules import StreamCounts
from headrace.spi import PluginMetrics


@dataclass
class Numbers:
    """What the task counts, read by the metrics from another thread."""

    stream: StreamCounts = field(default_factory=StreamCounts)
    snapshot: SnapshotCounts = field(default_factory=SnapshotCounts)
    connected: bool = False
    captured: list[str] = field(default_factory=list)
    queue_capacity: int = 0
    queued: int = 0
    queued_bytes: int = 0
    queue_bytes_limit: int = 0
    reconnects: int = 0

    def lag_ms(self) -> float:
        """Milliseconds between the last event's commit and its being read; -1 before any."""
        counts = self.stream
        if not counts.last_event_ns or not counts.last_commit_us:
            return -1.0
        return max(0.0, counts.last_event_ns / 1e6 - counts.last_commit_us / 1000)


def _since_ms(ns: int) -> float:
    return -1.0 if not ns else max(0.0, (time.time_ns() - ns) / 1e6)


def register(metrics: PluginMetrics, numbers: Numbers, server: str, tags: dict[str, str], tables: list[str]) -> None:
    """Offer all gauges. `tables` gets a RowsScanned gauge each, also later through `register_table`."""
    for context, readings in (("streaming", _streaming(numbers)), ("snapshot", _snapshot(numbers))):
        labels = {"plugin": "postgres", "name": server, "context": context, **tags}
        for attribute, read in {**readings, **_common(numbers)}.items():
            metrics.gauge(f"debezium_metrics_{attribute}", read, labels)
    for table in tables:
        register_table(metrics, numbers, server, tags, table)


def register_table(metrics: PluginMetrics, numbers: Numbers, server: str, tags: dict[str, str], table: str) -> None:
    """What there is of one table of the snapshot."""
    labels = {"plugin": "postgres", "name": server, "context": "snapshot", "table": table, **tags}
    metrics.gauge("debezium_metrics_RowsScanned", lambda: numbers.snapshot.scanned.get(table), labels)
    for attribute, place in (("TableChunkCounts", 0), ("TableChunksCompletedCounts", 1)):

        def chunks(place: int = place) -> float | None:
            known = numbers.snapshot.chunks.get(table)
            return None if known is None else float(known[place])

        metrics.gauge(f"debezium_metrics_{attribute}", chunks, labels)


def register_chunks(metrics: PluginMetrics, counts: ChunkCounts, server: str, tags: dict[str, str]) -> None:
    """The gauges of incremental snapshots. Of texts those are shown that are one number, as an exporter of MBeans shows them."""
    labels = {"plugin": "postgres", "name": server, "context": "snapshot", **tags}
    readings: Readings = {
        "SnapshotPaused": lambda: float(counts.paused),
        "SnapshotPausedDurationInSeconds": lambda: counts.paused_seconds,
        "ChunkFrom": lambda: _number(counts.chunk_from),
        "ChunkTo": lambda: _number(counts.chunk_to),
        "TableFrom": lambda: _number(counts.table_from),
        "TableTo": lambda: _number(counts.table_to),
    }
    for attribute, read in readings.items():
        metrics.gauge(f"debezium_metrics_{attribute}", read, labels)


def _number(shown: str | None) -> float | None:
    try:
        return None if shown is None else float(shown[1:-1])
    except ValueError:
        return None


Readings = dict[str, Callable[[], float | None]]


def _common(numbers: Numbers) -> Readings:
    return {
        "QueueTotalCapacity": lambda: float(numbers.queue_capacity),
        "QueueRemainingCapacity": lambda: float(max(0, numbers.queue_capacity - numbers.queued)),
        "MaxQueueSizeInBytes": lambda: float(numbers.queue_bytes_limit),
        "CurrentQueueSizeInBytes": lambda: float(numbers.queued_bytes),
        "CapturedTables": lambda: float(len(numbers.captured)),
    }


def _streaming(numbers: Numbers) -> Readings:
    def count(name: str) -> Callable[[], float]:
        return lambda: float(getattr(numbers.stream, name))

    return {
        "Connected": lambda: float(numbers.connected),
        "MilliSecondsBehindSource": numbers.lag_ms,
        "MilliSecondsSinceLastEvent": lambda: _since_ms(numbers.stream.last_event_ns),
        "TotalNumberOfEventsSeen": count("seen"),
        "TotalNumberOfCreateEventsSeen": count("created"),
        "TotalNumberOfUpdateEventsSeen": count("updated"),
        "TotalNumberOfDeleteEventsSeen": count("deleted"),
        "NumberOfTruncateEventsSeen": count("truncated"),
        "NumberOfEventsFiltered": count("filtered"),
        "NumberOfErroneousEvents": count("erroneous"),
        "NumberOfUnchangedEventsSkipped": count("unchanged"),
        "NumberOfCommittedTransactions": count("transactions"),
        "LastTransactionId": lambda: None if numbers.stream.last_xid is None else float(numbers.stream.last_xid),
        "NumberOfDisconnects": lambda: float(numbers.reconnects),
    }


def _snapshot(numbers: Numbers) -> Readings:
    def of(name: str) -> Callable[[], float]:
        return lambda: float(getattr(numbers.snapshot, name))

    return {
        "TotalTableCount": of("tables"),
        "RemainingTableCount": of("remaining"),
        "SnapshotRunning": of("running"),
        "SnapshotPaused": lambda: 0.0,
        "SnapshotAborted": of("aborted"),
        "SnapshotCompleted": of("completed"),
        "SnapshotSkipped": of("skipped"),
        "SnapshotDurationInSeconds": of("seconds"),
        "SnapshotPausedDurationInSeconds": lambda: 0.0,
        "MilliSecondsSinceLastEvent": lambda: _since_ms(numbers.snapshot.last_event_ns),
        "TotalNumberOfEventsSeen": of("rows"),
        "TotalNumberOfCreateEventsSeen": of("rows"),
        "TotalNumberOfUpdateEventsSeen": lambda: 0.0,
        "TotalNumberOfDeleteEventsSeen": lambda: 0.0,
        "NumberOfEventsFiltered": lambda: 0.0,
        "NumberOfErroneousEvents": of("erroneous"),
    }
