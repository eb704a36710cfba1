"""What the framework offers to connectors and tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol

from headrace.data import SinkRecord, SourceRecord


class TopicPartition(NamedTuple):
    """A partition of a topic; partitions count from 0."""

    topic: str
    partition: int


SourcePartition = Mapping[str, Any]
SourceOffset = Mapping[str, Any]


class PluginMetrics(Protocol):
    """A task's own metrics, exposed as they are named on /metrics with the labels given."""

    def gauge(self, name: str, read: Callable[[], float | None], labels: Mapping[str, str] | None = None) -> None:
        """A value read whenever metrics are collected (about once a second), from another thread; None hides it."""

    def counter(self, name: str, labels: Mapping[str, str] | None = None) -> Callable[[float], None]:
        """Returns a function that adds to a total; call it from the task's thread."""


class OffsetReader(Protocol):
    """Reads the source offsets this connector committed."""

    def offset(self, partition: SourcePartition) -> dict[str, Any] | None:
        """The offset last committed for a source partition, None if there is none."""

    def offsets(self, partitions: Iterable[SourcePartition]) -> list[dict[str, Any] | None]:
        """One result per partition, in order."""


class ConnectorContext(Protocol):
    """Given to a connector before `start`."""

    connector_name: str
    offset_reader: OffsetReader

    def request_task_reconfiguration(self) -> None:
        """Ask the framework to call `task_configs` again; returns at once. Thread-safe."""

    def raise_error(self, error: BaseException) -> None:
        """Report a failure found in the background: the connector becomes FAILED. Thread-safe."""


class TaskContext(Protocol):
    """Common to source and sink tasks."""

    connector_name: str
    task_id: int
    metrics: PluginMetrics

    def configs(self) -> Mapping[str, str]:
        """The task's configuration, with config provider references resolved."""

    def stopping(self) -> bool:
        """True once the task has been asked to stop; a long wait inside `poll` or `put` should look at it. Thread-safe."""


class TransactionContext(Protocol):
    """For sources that set transaction boundaries themselves (transaction.boundary=connector)."""

    def commit_transaction(self, record: SourceRecord | None = None) -> None:
        """Commit after the batch being polled, or after that record."""

    def abort_transaction(self, record: SourceRecord | None = None) -> None:
        """Abort what is open after the batch being polled, or after that record."""


class TopicReader(Protocol):
    """Reads the first partition of a topic of the worker's own log, for what an operator writes there."""

    def read(self) -> list[tuple[bytes | None, bytes | None]]:
        """Keys and values of the records since the last call; returns at once. Nothing while there is no such topic."""

    def commit(self) -> None:
        """What was read need not be read again after a restart."""

    def close(self) -> None: ...


class SourceTaskContext(TaskContext, Protocol):
    offset_reader: OffsetReader
    transaction_context: TransactionContext | None
    """None unless the connector defines its transactions."""

    def advance(self, partition: SourcePartition, offset: SourceOffset, *, urgent: bool = False) -> None:
        """Move a source partition on without a record: all that lies before `offset` is handed over, the records that this
        `poll` returns included. To be called inside `poll`, on its thread; the maps are copied.

        The offset is stored with the next records; if none come, in a commit of its own: at once when `urgent`, else with
        a few seconds between such commits. Never before the records handed over earlier are durable. `offsets_committed` then
        tells of it as of any other offset. DataException, which fails the task, if the maps cannot be stored (KIP-910)."""

    def topic_reader(self, topic: str, group: str) -> TopicReader:
        """A reader that goes on where the consumer group committed, from the topic's start where it never did. To be used on the
        task's thread."""

    def notify(self, notification: Mapping[str, Any]) -> None:
        """Tell the operator something, as plain data that JSON can show: GET /connectors/{name}/notifications shows the last ones."""


class ErrantRecordReporter(Protocol):
    """Hands single bad records to the framework, under errors.tolerance and the dead letter topic (KIP-610)."""

    def report(self, record: SinkRecord, error: BaseException) -> Future[None]:
        """Report a record that cannot be written. The future is done once the dead letter is durable; the framework commits
        no offset past an unfinished report. ConnectException when errors.tolerance is none."""


class SinkTaskContext(TaskContext, Protocol):
    def offset(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Read on from these log offsets at the next poll. One beyond the partition's end fails the task
        (SEEK_BEYOND_END): what is appended below it would never be read."""

    def timeout(self, timeout_ms: int) -> None:
        """After a RetriableException from `put`: wait this long before the batch is given again."""

    def assignment(self) -> set[TopicPartition]:
        """The partitions this task owns now."""

    def topic_id(self, topic: str) -> str:
        """The identity of a topic of the assignment: another one when the topic was deleted and made anew, or its log
        replaced. A target that keeps log offsets keeps it beside them. Ask in `open`: it holds until `close`.
        RetriableException (TOPIC_GONE) when there is no such topic now."""

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Read no more from these partitions until `resume`."""

    def resume(self, partitions: Sequence[TopicPartition]) -> None: ...

    def request_commit(self) -> None:
        """Ask for an offset commit after this `put`."""

    def errant_record_reporter(self) -> ErrantRecordReporter | None:
        """None unless a dead letter topic is set or errors.log.enable is true."""
