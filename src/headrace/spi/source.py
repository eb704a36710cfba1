"""SourceTask: reads from a system and hands over records. Source: Connect API org.apache.kafka.connect.source.SourceTask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from headrace.data import SourceRecord
from headrace.errors import ConfigException
from headrace.spi.context import SourceOffset, SourcePartition, SourceTaskContext


class SourceTask(ABC):
    """Runs in a process of its own. All methods are called from one thread, except `stop`.

    Life: constructed without arguments → `initialize` → `start` → `poll`, `commit*` … → `stop`.
    """

    context: SourceTaskContext

    @classmethod
    def version(cls) -> str:
        return "undefined"

    def initialize(self, context: SourceTaskContext) -> None:
        """Called once before `start`."""
        self.context = context

    @abstractmethod
    def start(self, props: Mapping[str, str]) -> None:
        """Open what is needed and find the position to go on from (`context.offset_reader`). Any exception fails the task."""

    @abstractmethod
    def poll(self) -> Sequence[SourceRecord] | None:
        """The next records, or None/empty for nothing yet: then wait inside, up to about a second, and look at
        `context.stopping()`. A batch is dispatched whole before the next call. RetriableException: called again after a
        short wait. Any other exception fails the task."""

    def offsets_committed(self, offsets: Sequence[tuple[SourcePartition, SourceOffset]]) -> None:
        """The offset of each source partition that moved is now durable, with all records before it. The place to tell the
        source that it may forget what lies before (a replication slot's feedback). Called after each offset commit."""

    def commit_record(self, record: SourceRecord) -> None:
        """One record is durable, or was dropped by a transform or by errors.tolerance. Not called unless overridden."""

    def commit(self) -> None:
        """An offset commit succeeded. Called after `offsets_committed`."""

    def paused(self) -> None:
        """The connector was paused: `poll` is not called until it is resumed, all that was handed over is committed. The place
        to let go of what costs the source something while nobody reads. Called at each pause."""

    def signal(self, id: str, type: str, data: str | None) -> None:
        """An operator asks for something (POST /connectors/{name}/signals): `data` is JSON. Called from another thread, so only keep
        it for `poll`. ConfigException when the task takes no signals, or not this way."""
        raise ConfigException(
            f"{self.__class__.__name__} takes no signals.",
            code="SIGNALS_NOT_TAKEN",
            remedy="Send signals to connectors that document them.",
        )

    def stop(self) -> None:
        """End: called once, from another thread when `poll` must be cut short, so only signal then and release what `poll`
        does not use; the thread that polls calls `close` afterwards."""

    def close(self) -> None:
        """Release everything. Called last, on the task's thread, also after a failed `start`."""
