"""What a task counts, once per batch, and how it becomes samples under the names Kafka Connect's MBeans have in Prometheus.

Rates, averages and maxima cover two windows of 30 s, as Kafka's metrics do. Written by the task's threads, read by any: a reader
may see a batch counted in one number and not yet in the next. Source: connect-runtime SourceTaskMetricsGroup,
SinkTaskMetricsGroup, ConnectTaskMetrics, ErrorHandlingMetrics (Kafka 4.3).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from headrace.foundation.telemetry import Sample

Labels = tuple[tuple[str, str], ...]
WINDOW_S = 30.0
WINDOWS = 2

_Window = tuple[float, int, float, float, float]
"""start, count, sum, maximum, minimum"""


class Windowed:
    """Count, sum and maximum of what was recorded within the last windows."""

    __slots__ = ("_clock", "_windows", "total")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: list[_Window] = [(clock(), 0, 0.0, -math.inf, math.inf)]
        self.total = 0.0
        """Sum over all time."""

    def record(self, value: float) -> None:
        """Enter one measurement."""
        self.total += value
        now = self._clock()
        start, count, total, highest, lowest = self._windows[-1]
        if now - start >= WINDOW_S:
            self._windows = [*self._windows[1 - WINDOWS :], (now, 1, value, value, value)]
        else:
            self._windows[-1] = (start, count + 1, total + value, max(highest, value), min(lowest, value))

    def _recent(self) -> list[_Window]:
        oldest = self._clock() - WINDOW_S * WINDOWS
        return [window for window in self._windows if window[0] >= oldest]

    def rate(self) -> float:
        """Sum per second; the first window counts as full, as in Kafka, so that a start shows no peak."""
        recent = self._recent()
        if not recent:
            return 0.0
        elapsed = self._clock() - recent[0][0]
        elapsed += max(0, (WINDOWS - 1) - int(elapsed / WINDOW_S)) * WINDOW_S
        return sum(window[2] for window in recent) / elapsed

    def average(self) -> float:
        """NaN when nothing was recorded."""
        recent = self._recent()
        count = sum(window[1] for window in recent)
        return sum(window[2] for window in recent) / count if count else math.nan

    def maximum(self) -> float:
        """NaN when nothing was recorded."""
        highest = max((window[3] for window in self._recent()), default=-math.inf)
        return highest if highest > -math.inf else math.nan

    def minimum(self) -> float:
        """NaN when nothing was recorded."""
        lowest = min((window[4] for window in self._recent()), default=math.inf)
        return lowest if lowest < math.inf else math.nan


class StageClock:
    """Which stage a thread is in, since when, and how long it was in each altogether."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._now: tuple[str, float] = ("idle", clock())
        self.busy: dict[str, float] = {}

    def enter(self, stage: str) -> str:
        """Begin a stage; returns the one left."""
        now = self._clock()
        left, since = self._now
        self.busy[left] = self.busy.get(left, 0.0) + now - since
        self._now = (stage, now)
        return left

    def rename(self, stage: str) -> None:
        """The time since the last `enter` belongs to this stage: it showed only afterwards what it was spent on."""
        self._now = (stage, self._now[1])

    @property
    def progress(self) -> tuple[str, float]:
        """The present stage and the monotonic time it was entered."""
        return self._now

    def seconds(self) -> dict[str, float]:
        """Seconds per stage, the present one included."""
        stage, since = self._now
        result = dict(self.busy)
        result[stage] = result.get(stage, 0.0) + self._clock() - since
        return result


class ErrorMetrics:
    """kafka.connect:type=task-error-metrics."""

    def __init__(self) -> None:
        self.errors = 0
        """Records that could not be processed."""
        self.failures = 0
        """Failed attempts, retried ones included."""
        self.skipped = 0
        self.retries = 0
        self.logged = 0
        self.dead_letters = 0
        self.dead_letter_failures = 0
        self.last_error_ms = 0

    def note_error(self) -> None:
        """A record is given up."""
        self.errors += 1
        self.last_error_ms = int(time.time() * 1000)

    def samples(self, labels: Labels) -> list[Sample]:
        counters = {
            "total_record_errors": self.errors,
            "total_record_failures": self.failures,
            "total_records_skipped": self.skipped,
            "total_retries": self.retries,
            "total_errors_logged": self.logged,
            "deadletterqueue_produce_requests": self.dead_letters,
            "deadletterqueue_produce_failures": self.dead_letter_failures,
        }
        result = named("kafka_connect_task_error_metrics_", counters, labels, "counter")
        result += named("kafka_connect_task_error_metrics_", {"last_error_timestamp": self.last_error_ms}, labels)
        return result


def named(prefix: str, values: Mapping[str, float], labels: Labels, kind: str = "gauge") -> list[Sample]:
    """Samples that share prefix, labels and kind."""
    return [Sample(prefix + name, labels, float(value), kind) for name, value in values.items()]


class TaskMetrics:
    """kafka.connect:type=connector-task-metrics, the error metrics and the busy time per stage."""

    def __init__(self, connector: str, task_id: int) -> None:
        self.labels: Labels = (("connector", connector), ("task", str(task_id)))
        self.errors = ErrorMetrics()
        self.stages = StageClock()
        self.batch_size = Windowed()
        self.commit_ms = Windowed()
        self.commit_ok = Windowed()
        """1 for each commit that succeeded, 0 for one that failed."""
        self.states = StageClock()
        """Time running and paused."""
        self.extra_stages: list[StageClock] = []
        """Of helper threads."""

    def committed(self, started: float, ok: bool = True) -> None:
        """An offset commit that began at monotonic time `started` has ended."""
        self.commit_ms.record((time.monotonic() - started) * 1000)
        self.commit_ok.record(1.0 if ok else 0.0)

    def samples(self) -> list[Sample]:
        in_state = self.states.seconds()
        lifetime = sum(in_state.values()) or 1.0
        ok_ratio = self.commit_ok.average()
        values = {
            "pause_ratio": in_state.get("paused", 0.0) / lifetime,
            "running_ratio": in_state.get("running", 0.0) / lifetime,
            "batch_size_avg": self.batch_size.average(),
            "batch_size_max": self.batch_size.maximum(),
            "offset_commit_avg_time_ms": self.commit_ms.average(),
            "offset_commit_max_time_ms": self.commit_ms.maximum(),
            "offset_commit_success_percentage": ok_ratio,
            "offset_commit_failure_percentage": 1.0 - ok_ratio,
        }
        result = named("kafka_connect_connector_task_metrics_", values, self.labels)
        result += self.errors.samples(self.labels)
        busy: dict[str, float] = {}
        for clock in (self.stages, *self.extra_stages):
            for stage, seconds in clock.seconds().items():
                if clock is self.stages or stage != "idle":
                    busy[stage] = busy.get(stage, 0.0) + seconds
        for stage, seconds in busy.items():
            labels = (*self.labels, ("stage", stage))
            result.append(Sample("headrace_stage_busy_seconds_total", labels, seconds, "counter"))
        return result


class SourceMetrics(TaskMetrics):
    """Adds kafka.connect:type=source-task-metrics."""

    def __init__(self, connector: str, task_id: int) -> None:
        super().__init__(connector, task_id)
        self.polled = Windowed()
        self.written = Windowed()
        self.poll_ms = Windowed()
        self.active = Windowed()
        self.active_now: Callable[[], int] = lambda: 0
        self.queue_fill: Callable[[], float] = lambda: 0.0
        self.append_retries = 0
        self.append_blocked = False

    def samples(self) -> list[Sample]:
        gauges = {
            "source_record_poll_rate": self.polled.rate(),
            "source_record_write_rate": self.written.rate(),
            "source_record_active_count": self.active_now(),
            "source_record_active_count_avg": self.active.average(),
            "source_record_active_count_max": self.active.maximum(),
            "poll_batch_avg_time_ms": self.poll_ms.average(),
            "poll_batch_max_time_ms": self.poll_ms.maximum(),
            "transaction_size_avg": self.written.average(),
            "transaction_size_min": self.written.minimum(),
            "transaction_size_max": self.written.maximum(),
        }
        totals = {"source_record_poll_total": self.polled.total, "source_record_write_total": self.written.total}
        prefix = "kafka_connect_source_task_metrics_"
        result = super().samples()
        result += named(prefix, gauges, self.labels) + named(prefix, totals, self.labels, "counter")
        fill = (*self.labels, ("queue", "append"))
        result.append(Sample("headrace_queue_fill_ratio", fill, self.queue_fill()))
        result.append(Sample("headrace_source_append_retries_total", self.labels, self.append_retries, "counter"))
        result.append(Sample("headrace_source_append_blocked", self.labels, float(self.append_blocked)))
        return result


class SinkMetrics(TaskMetrics):
    """Adds kafka.connect:type=sink-task-metrics and the lag."""

    def __init__(self, connector: str, task_id: int) -> None:
        super().__init__(connector, task_id)
        self.read = Windowed()
        self.sent = Windowed()
        self.put_ms = Windowed()
        self.active = Windowed()
        self.active_count = 0
        self.partition_count = 0
        self.commit_seq_no = 0
        self.completions = Windowed()
        self.skips = Windowed()
        self.lag_max = math.nan
        """Records the slowest partition is behind."""
        self.lag_records = math.nan
        """Records behind, over all partitions."""
        self.lag_seconds = math.nan
        """Age of the newest record delivered while records wait, else 0."""

    def samples(self) -> list[Sample]:
        gauges = {
            "sink_record_read_rate": self.read.rate(),
            "sink_record_send_rate": self.sent.rate(),
            "sink_record_active_count": self.active_count,
            "sink_record_active_count_avg": self.active.average(),
            "sink_record_active_count_max": self.active.maximum(),
            "sink_record_lag_max": self.lag_max,
            "partition_count": self.partition_count,
            "offset_commit_seq_no": self.commit_seq_no,
            "offset_commit_completion_rate": self.completions.rate(),
            "offset_commit_skip_rate": self.skips.rate(),
            "put_batch_avg_time_ms": self.put_ms.average(),
            "put_batch_max_time_ms": self.put_ms.maximum(),
        }
        totals = {
            "sink_record_read_total": self.read.total,
            "sink_record_send_total": self.sent.total,
            "offset_commit_completion_total": self.completions.total,
            "offset_commit_skip_total": self.skips.total,
        }
        prefix = "kafka_connect_sink_task_metrics_"
        result = super().samples()
        result += named(prefix, gauges, self.labels) + named(prefix, totals, self.labels, "counter")
        lag = {"records": self.lag_records, "seconds": self.lag_seconds}
        result += named("headrace_sink_lag_", lag, self.labels)
        return result
