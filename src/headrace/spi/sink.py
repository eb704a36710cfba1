"""SinkTask: writes records to a system. Source: Connect API org.apache.kafka.connect.sink.SinkTask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from headrace.data import SinkRecord
from headrace.spi.context import SinkTaskContext, TopicPartition


class SinkTask(ABC):
    """Runs in a process of its own; all methods are called from one thread.

    Life: constructed → `initialize` → `start` → `open` → `put`, `pre_commit` … → `close` → `stop`. `open` and `close` repeat
    with every rebalance. What `put` took is *accepted*; what `pre_commit` answers is *durable*: only that is committed.
    """

    context: SinkTaskContext
    poll_records: int = 500
    """The most records of one `put` where the user sets no `consumer.override.max.poll.records`: Connect's 500. A task for which larger
    batches are cheaper says how many it wants, in its class or in `start`; fewer come when fewer wait."""

    @classmethod
    def version(cls) -> str:
        return "undefined"

    def initialize(self, context: SinkTaskContext) -> None:
        """Called once before `start`."""
        self.context = context

    @abstractmethod
    def start(self, props: Mapping[str, str]) -> None:
        """Open what is needed. Any exception fails the task."""

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions are now this task's; called before any record of them. A target that keeps positions itself
        reads them here and calls `context.offset`."""

    @abstractmethod
    def put(self, records: Sequence[SinkRecord]) -> None:
        """Take the records, in order within each partition; may be empty. Writing may happen later, up to `flush`.

        RetriableException: the same batch is given again after `context.timeout`. Other exceptions fail the task.
        A record may come again after a failure or restart: a write must not change the outcome."""

    def flush(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Make all that was put durable, or raise: then nothing is committed and records come again."""

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """Given the next offsets to read per partition, the ones that are durable now (next offset to read, as Kafka
        commits them). Default: `flush`, then all of them."""
        self.flush(offsets)
        return offsets

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions are no longer this task's; called after their last `pre_commit`."""

    @abstractmethod
    def stop(self) -> None:
        """Release everything. Called last, also after a failed `start`."""
