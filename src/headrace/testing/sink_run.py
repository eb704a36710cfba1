"""Runs a sink as a worker does, in the test's process, on a log in memory.

run = run_sink(MySinkConnector, config, [sink_record("orders", {"id": 1}, {"id": 1, "total": 2.5})])
assert not run.dead_letters                    # all records are committed now
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from headrace.data import ConnectRecord
from headrace.log.spi import TopicSpec
from headrace.runtime.sink_consumer import subscription
from headrace.spi.connector import SinkConnector
from headrace.spi.context import TopicPartition
from headrace.testing.connector_run import ConnectorRun, RunOptions
from headrace.testing.decoding import LogWriter
from headrace.testing.memory_log import MemoryLog


class SinkRun(ConnectorRun[SinkConnector]):
    """A connector with its tasks; see `ConnectorRun` for the arguments. `topics` (or `topics.regex`) belongs to the config.

    Topics are made with `partitions` partitions each, before the tasks start."""

    kind = "sink"

    def __init__(
        self,
        connector: type[SinkConnector],
        config: Mapping[str, str],
        *,
        partitions: int = 1,
        log: MemoryLog | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        super().__init__(connector, config, log or MemoryLog(partitions=partitions), **options)
        self._writer = LogWriter(self.log, self._registry, self.config, self._worker)

    def _before_start(self) -> None:
        topics, _ = subscription(self.config)
        missing = [name for name in topics or () if name not in self.log.topics()]
        self.log.create_topics([TopicSpec(name, self.log.default_partitions) for name in missing])

    def _task_config(self, planned: Mapping[str, str]) -> Mapping[str, str]:
        return {**self.config, **planned}

    def replan(self) -> None:
        """A sink's plan stays."""

    def send(self, records: Iterable[ConnectRecord]) -> None:
        """Append records to the log; also before `start`."""
        self._writer.write(records)

    @property
    def committed(self) -> dict[TopicPartition, int]:
        """The next log offset to read, per partition."""
        return self.log.group_offsets(f"connect-{self.name}")

    @property
    def ends(self) -> dict[TopicPartition, int]:
        """Where the partitions end that the connector reads and that have records."""
        topics, pattern = subscription(self.config)
        names = self.log.topics()
        chosen = [t for t in topics if t in names] if topics else [t for t in names if _matches(pattern, t)]
        partitions = [TopicPartition(topic, number) for topic in chosen for number in range(names[topic])]
        return {partition: end for partition, end in self.log.end_offsets(partitions).items() if end}

    def wait(self, deadline_s: float | None = None) -> None:
        """Wait until every record is committed. Raises what a task failed with; AssertionError when the time is over."""
        deadline = time.monotonic() + (self.deadline_s if deadline_s is None else deadline_s)
        while not self._all_committed():
            self.check()
            if time.monotonic() > deadline:
                raise AssertionError(f"Committed are {self.committed}, but the log ends at {self.ends}.")
            time.sleep(0.005)

    def _all_committed(self) -> bool:
        committed = self.committed
        return all(committed.get(partition, 0) >= end for partition, end in self.ends.items())


def _matches(pattern: str | None, topic: str) -> bool:
    return pattern is not None and re.fullmatch(pattern, topic) is not None


def run_sink(
    connector: type[SinkConnector], config: Mapping[str, str], records: Sequence[ConnectRecord], **options: Any
) -> SinkRun:
    """Run a sink until all these records are committed, then stop it. `topics` may be left out: then it is theirs.

    `options`: as for `SinkRun`. What a task fails with is raised."""
    if "topics" not in config and "topics.regex" not in config:
        config = {**config, "topics": ",".join(dict.fromkeys(record.topic for record in records))}
    run = SinkRun(connector, config, **options)
    run.send(records)
    with run:
        run.wait()
    return run
