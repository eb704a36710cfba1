"""The log: what sources write to and sinks read from, whatever lies below (embedded on SQLite, or Kafka).

Contract of every implementation, checked by one test suite:
- `Producer.append` is atomic over all its batches and source offsets: readers see all of it or nothing, also after a crash.
- Offsets of a partition grow by one per record in append order; a reader sees them in order, without gaps but those that
  compaction or retention left.
- When `append` has returned, its records survive the death of every process (and of the machine, on an honest disk).
- Consumers of a group share the partitions of their topics; a commit by a member that lost the partition is refused.
- Several local processes may use one log at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from headrace.spi.columns import Column
from headrace.spi.context import TopicPartition

HeaderBytes = tuple[tuple[str, bytes | None], ...]
"""A record's encoded headers, in order. Records that share headers should share the tuple object."""


@dataclass(slots=True)
class EncodedBatch:
    """Consecutive records of one topic partition, column by column; all columns have one element per record.

    `timestamps`: milliseconds since the epoch. `offsets`: None before the append; when read, the records' log offsets.
    What is the same for all records costs nothing per record as `Repeated`; what is read comes as `PackedColumn`s.
    """

    topic: str
    partition: int
    timestamps: Sequence[int]
    keys: Column
    values: Column
    headers: Sequence[HeaderBytes]
    offsets: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.timestamps)


@dataclass(frozen=True, slots=True)
class SourceOffsetEntry:
    """A source offset to store with the records: JSON bytes as in Connect's offsets topic.

    `key` = `["<connector>",{partition}]`; `value` = `{offset}`, None resets.
    """

    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic to create. `configs`: Kafka topic configs (cleanup.policy, retention.ms, retention.bytes …).

    `partitions` -1: the log's default. `replication_factor` -1: the brokers' default; it means nothing to a log on one machine."""

    name: str
    partitions: int = 1
    configs: Mapping[str, str] = field(default_factory=dict)
    replication_factor: int = -1


class Producer(ABC):
    """Appends for one task. Not thread-safe, but for `prepare`."""

    def prepare(self, batch: EncodedBatch) -> EncodedBatch:
        """The same records, to be given to `append` in the batch's place, with all done that needs no place in the log. May be called on
        another thread while one appends. What is raised, `append` would raise, too."""
        return batch

    @abstractmethod
    def append(self, batches: Sequence[EncodedBatch], offsets: Sequence[SourceOffsetEntry] = ()) -> list[int]:
        """Append all batches and store the source offsets, in one commit; returns each batch's first log offset.

        A topic that does not exist is created with the log's defaults when auto-creation is on, else NotFoundException.
        RetriableException (code LOG_DISK_FULL, LOG_BUSY …): nothing was appended, the same call may be tried again.
        ConnectException (code PRODUCER_FENCED): a later producer has the same `transactional_id`; this one is dead."""

    @abstractmethod
    def close(self) -> None: ...


@dataclass(slots=True)
class RebalanceListener:
    """Callbacks of a consumer, run inside `poll` and `close` on the caller's thread."""

    assigned: Callable[[Sequence[TopicPartition]], None]
    """New partitions, before any record of them."""
    revoked: Callable[[Sequence[TopicPartition]], None]
    """Partitions about to go: commit for them now, it still succeeds."""
    lost: Callable[[Sequence[TopicPartition]], None]
    """Partitions already given to another member: commits for them are refused."""


FETCH_MAX_BYTES: Final = 16 << 20
"""Kafka's default is 50 MiB. More than a few MiB gains nothing where the log is near, and what is polled is held twice over: while
one poll's records are written the next one's are decoded."""


class Consumer(ABC):
    """Reads as a member of a group. Not thread-safe, but for `wakeup`."""

    @abstractmethod
    def subscribe(
        self, topics: Sequence[str] | None, pattern: str | None, listener: RebalanceListener | None = None
    ) -> None:
        """Read these topics, or all whose full name matches the regular expression, present and future."""

    @abstractmethod
    def poll(self, max_records: int, timeout_s: float) -> list[EncodedBatch]:
        """Up to `max_records` records, waiting for the first at most `timeout_s`; also where rebalances happen and the
        membership is kept alive. At most one batch a partition; each partition has its turn, however much others have."""

    @abstractmethod
    def assignment(self) -> set[TopicPartition]: ...

    @abstractmethod
    def position(self, partition: TopicPartition) -> int:
        """The offset of the next record that `poll` would give."""

    @abstractmethod
    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from this offset. IllegalStateException if the partition is not assigned."""

    @abstractmethod
    def pause(self, partitions: Iterable[TopicPartition]) -> None: ...

    @abstractmethod
    def resume(self, partitions: Iterable[TopicPartition]) -> None: ...

    @abstractmethod
    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store the next offset to read, durably. RetriableException (code REBALANCED) when the group has moved on."""

    @abstractmethod
    def committed(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The committed offsets; partitions without one are left out."""

    @abstractmethod
    def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset the next appended record will get."""

    @abstractmethod
    def wakeup(self) -> None:
        """Make a waiting `poll` return now. Thread-safe."""

    @abstractmethod
    def close(self) -> None:
        """Leave the group at once, after `revoked` for what is assigned."""


class Log(ABC):
    """A connection to a log. Thread-safe; do not carry it over a fork."""

    @abstractmethod
    def producer(self, client_id: str, transactional_id: str | None = None) -> Producer:
        """A producer; with a `transactional_id` it fences every earlier one of that id."""

    @abstractmethod
    def consumer(
        self,
        group: str,
        client_id: str,
        *,
        from_latest: bool = False,
        session_timeout_ms: int = 45_000,
        fetch_max_bytes: int = FETCH_MAX_BYTES,
    ) -> Consumer:
        """A member of a group; a partition without committed offset is read from its start, or its end if `from_latest`.

        `fetch_max_bytes`: the most bytes of keys and values that one `poll` gives, of all partitions together; only a first record
        that is larger is given all the same (Kafka: fetch.max.bytes, which counts whole batches)."""

    @abstractmethod
    def create_topics(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Create those that are missing; returns the names created. Existing ones are left as they are."""

    @abstractmethod
    def delete_topics(self, names: Sequence[str]) -> None: ...

    @abstractmethod
    def topics(self) -> dict[str, int]:
        """Name → number of partitions."""

    @abstractmethod
    def own_partitions(self, topic: str) -> int:
        """How many partitions a topic that is not there gets when the log makes it by itself; a cluster makes it to find out.

        NotFoundException (TOPIC_UNKNOWN) where it does not."""

    @abstractmethod
    def topic_ids(self, names: Iterable[str]) -> dict[str, str]:
        """The identity of each of these topics; those that do not exist are left out.

        It is another one when the topic was deleted and made anew, or the whole log replaced: what is known of offsets of
        the one says nothing about the other (Kafka: the topic's UUID, KIP-516)."""

    @abstractmethod
    def begin_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]: ...

    @abstractmethod
    def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]: ...

    @abstractmethod
    def read(self, partition: TopicPartition, offset: int, max_records: int) -> EncodedBatch | None:
        """Records from `offset` on, without a group; None when there are none."""

    @abstractmethod
    def group_offsets(self, group: str) -> dict[TopicPartition, int]:
        """The group's committed offsets."""

    @abstractmethod
    def alter_group_offsets(self, group: str, offsets: Mapping[TopicPartition, int | None]) -> None:
        """Write (None = delete) committed offsets. IllegalStateException while the group has members."""

    @abstractmethod
    def delete_group(self, group: str) -> None:
        """Forget the group's offsets. IllegalStateException while it has members."""

    @abstractmethod
    def maintain(self) -> dict[str, int]:
        """Apply retention and compaction once; returns counts of what was removed. Called now and then by the worker."""

    @abstractmethod
    def close(self) -> None: ...
