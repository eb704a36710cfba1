"""What the status topic says all in all, and when a worker may overwrite what another has said. Pure.

Source: KafkaStatusBackingStore of Kafka 4.3.
"""

from __future__ import annotations

from headrace.runtime.distributed.status_records import (
    StatusRecord,
    StatusRemoved,
    StatusTopicRecord,
    TopicForgotten,
    TopicUse,
)
from headrace.runtime.herder import State


class StatusState:
    """The last record of each connector, task and topic use. Not thread-safe."""

    def __init__(self) -> None:
        self._connectors: dict[str, StatusRecord] = {}
        self._tasks: dict[str, dict[int, StatusRecord]] = {}
        self._topics: dict[str, dict[str, TopicUse]] = {}

    def apply(self, record: StatusTopicRecord) -> None:
        """Take the next record of the topic."""
        match record:
            case StatusRecord(task=None):
                self._connectors[record.connector] = record
            case StatusRecord(task=task):
                self._apply_task(record, task)
            case StatusRemoved(connector, None):
                self._connectors.pop(connector, None)
                self._tasks.pop(connector, None)
            case StatusRemoved(connector, task):
                self._tasks.get(connector, {}).pop(task, None)  # type: ignore[arg-type]
            case TopicUse():
                self._topics.setdefault(record.connector, {})[record.topic] = record
            case TopicForgotten(topic, connector):
                self._topics.get(connector, {}).pop(topic, None)

    def _apply_task(self, record: StatusRecord, task: int | None) -> None:
        assert task is not None
        known = self.task(record.connector, task)
        if (
            record.state is State.UNASSIGNED
            and known is not None
            and known.state is State.RUNNING
            and known.generation >= record.generation
        ):
            # The former owner had not read yet that the task runs elsewhere.
            return
        self._tasks.setdefault(record.connector, {})[task] = record

    def may_write_safely(self, record: StatusRecord) -> bool:
        """Whether `record` is no older than what is known: nothing is, or it is of the same worker, or of no later generation.

        Asked before UNASSIGNED and FAILED are written, which may come late; the other states are written without asking."""
        task = record.task
        known = self.connector(record.connector) if task is None else self.task(record.connector, task)
        return known is None or known.worker_id == record.worker_id or known.generation <= record.generation

    def connector(self, name: str) -> StatusRecord | None:
        return self._connectors.get(name)

    def task(self, connector: str, task: int) -> StatusRecord | None:
        return self._tasks.get(connector, {}).get(task)

    def tasks(self, connector: str) -> list[StatusRecord]:
        """Those of a connector, by task."""
        return [status for _, status in sorted(self._tasks.get(connector, {}).items())]

    def connectors(self) -> list[str]:
        return list(self._connectors)

    def topics(self, connector: str) -> list[TopicUse]:
        """The topics that a connector uses, in the order of their discovery."""
        return list(self._topics.get(connector, {}).values())

    def uses(self, connector: str, topic: str) -> bool:
        return topic in self._topics.get(connector, {})
