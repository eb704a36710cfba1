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
from headrace.runtime.measures import StageClock, Windowed

Labels = tuple[tuple[str, str], ...]


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
