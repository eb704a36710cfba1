"""A log in memory, for tests of sources, sinks and transforms: producers, consumer groups and offsets within one process,
without files. It keeps the contract of every log, as far as that is about one process that does not die.

`MemoryLog.fail_next` makes appends or commits fail, as a full disk or a lost group would; `MemoryOffsetStore` reads the source
offsets that producers of the log committed. Group membership is incremental: a partition moves once its owner has given it up.
"""

from __future__ import annotations

import copy
import itertools
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headrace.errors import ConnectException, DataException, IllegalStateException, NotFoundException
from headrace.log.embedded.catalog import check_specs
from headrace.log.embedded.topic_configs import TopicConfig, parse_topic_config
from headrace.log.offset_codec import offset_key, offset_value, parse_key, parse_value
from headrace.log.spi import (
    FETCH_MAX_BYTES,
    EncodedBatch,
    Log,
    Producer,
    SourceOffsetEntry,
    TopicSpec,
)
from headrace.log.stores import OffsetStore
from headrace.spi.context import TopicPartition
from headrace.testing.memory_consumer import MemoryConsumer, MemoryGroup
from headrace.testing.memory_partition import Entry, MemoryPartition


class MemoryLog(Log):
    """See the module's docstring. `partitions`: of topics made by appending; `auto_create`: whether appending makes them."""

    def __init__(self, *, partitions: int = 1, auto_create: bool = True) -> None:
        self.default_partitions = partitions
        self.auto_create = auto_create
        self.changed = threading.Condition(threading.RLock())
        self.data: dict[TopicPartition, MemoryPartition] = {}
        self.topic_specs: dict[str, TopicSpec] = {}
        """The topics, their number of partitions and settings."""
        self.source_offsets: dict[bytes, bytes] = {}
        self.append_count = 0
        self.groups: dict[str, MemoryGroup] = {}
        self.epochs: dict[str, int] = {}
        self._faults: dict[str, list[BaseException]] = {}
        self._id = uuid.uuid4().hex
        self._numbers = itertools.count(1)
        self._topic_numbers: dict[str, int] = {}

    def another(self, *, partitions: int = 1, auto_create: bool = True) -> MemoryLog:
        """One more connection to the same log, with settings of its own."""
        other = copy.copy(self)
        other.default_partitions, other.auto_create = partitions, auto_create
        return other

    def fail_next(self, operation: str, error: BaseException, times: int = 1) -> None:
        """Let the next `times` calls of `operation` ("append" or "commit") raise `error` before they change anything."""
        with self.changed:
            self._faults.setdefault(operation, []).extend([error] * times)

    def faults_left(self, operation: str) -> int:
        """How many prepared failures have not happened yet."""
        with self.changed:
            return len(self._faults.get(operation, ()))

    def raise_fault(self, operation: str) -> None:
        """Raise the next prepared failure, if there is one."""
        waiting = self._faults.get(operation)
        if waiting:
            raise waiting.pop(0)

    def records(self, topic: str, partition: int = 0) -> list[Entry]:
        """All records of a partition."""
        with self.changed:
            found = self.data.get(TopicPartition(topic, partition))
            return [] if found is None else list(found.entries())

    def values(self, topic: str, partition: int = 0) -> list[bytes | None]:
        """All values of a partition."""
        return [entry[2] for entry in self.records(topic, partition)]

    def producer(self, client_id: str, transactional_id: str | None = None) -> Producer:
        with self.changed:
            epoch = 0
            if transactional_id is not None:
                epoch = self.epochs[transactional_id] = self.epochs.get(transactional_id, 0) + 1
        return _MemoryProducer(self, transactional_id, epoch)

    def consumer(
        self,
        group: str,
        client_id: str,
        *,
        from_latest: bool = False,
        session_timeout_ms: int = 45_000,
        fetch_max_bytes: int = FETCH_MAX_BYTES,
    ) -> MemoryConsumer:
        return MemoryConsumer(self, group, from_latest, fetch_max_bytes)

    def create_topics(self, specs: Sequence[TopicSpec]) -> list[str]:
        created = []
        checked = check_specs(specs, self.default_partitions)
        with self.changed:
            for spec, (name, partitions, _) in zip(specs, checked, strict=True):
                if name not in self.topic_specs:
                    self.topic_specs[name] = TopicSpec(name, partitions, spec.configs)
                    self._topic_numbers[name] = next(self._numbers)
                    self.data |= {TopicPartition(name, index): MemoryPartition() for index in range(partitions)}
                    created.append(name)
            self.changed.notify_all()
        return created

    def delete_topics(self, names: Sequence[str]) -> None:
        with self.changed:
            for name in names:
                self.topic_specs.pop(name, None)
                for partition in [p for p in self.data if p.topic == name]:
                    del self.data[partition]
                    for group in self.groups.values():
                        group.forget(partition)
            self.changed.notify_all()

    def topics(self) -> dict[str, int]:
        with self.changed:
            return {name: spec.partitions for name, spec in self.topic_specs.items()}

    def own_partitions(self, topic: str) -> int:
        return self.default_partitions

    def topic_ids(self, names: Iterable[str]) -> dict[str, str]:
        with self.changed:
            return {n: f"{self._id}.{self._topic_numbers[n]}" for n in names if n in self.topic_specs}

    def topic_config(self, name: str) -> TopicConfig:
        """The settings of a topic that exists."""
        return parse_topic_config(self.topic_specs[name].configs)

    def begin_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        with self.changed:
            return {partition: self.data[partition].begin for partition in partitions if partition in self.data}

    def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        with self.changed:
            return {partition: self.data[partition].next for partition in partitions if partition in self.data}

    def require(self, partition: TopicPartition) -> MemoryPartition:
        """The partition; NotFoundException (PARTITION_UNKNOWN) if there is none."""
        if partition not in self.data:
            raise NotFoundException(
                f"Topic {partition.topic} has no partition {partition.partition}.", code="PARTITION_UNKNOWN"
            )
        return self.data[partition]

    def read(self, partition: TopicPartition, offset: int, max_records: int) -> EncodedBatch | None:
        with self.changed:
            return self.require(partition).read(offset, max_records)

    def group(self, name: str) -> MemoryGroup:
        """The group of that name, made when missing."""
        return self.groups.setdefault(name, MemoryGroup())

    def group_offsets(self, group: str) -> dict[TopicPartition, int]:
        with self.changed:
            return dict(self.group(group).offsets)

    def _idle_group(self, name: str) -> MemoryGroup:
        group = self.group(name)
        if group.members:
            raise IllegalStateException(f"Group {name} has members.", code="GROUP_NOT_EMPTY")
        return group

    def alter_group_offsets(self, group: str, offsets: Mapping[TopicPartition, int | None]) -> None:
        with self.changed:
            stored = self._idle_group(group).offsets
            for partition, offset in offsets.items():
                self.require(partition)
                if offset is None:
                    stored.pop(partition, None)
                else:
                    stored[partition] = offset

    def delete_group(self, group: str) -> None:
        with self.changed:
            self._idle_group(group)
            del self.groups[group]

    def maintain(self) -> dict[str, int]:
        removed = 0
        with self.changed:
            for partition, data in self.data.items():
                config = self.topic_config(partition.topic)
                removed += data.retain(config) if config.delete else 0
                removed += data.compact(config) if config.compact else 0
        return {"records_removed": removed}

    def close(self) -> None:
        pass


class _MemoryProducer(Producer):
    def __init__(self, log: MemoryLog, transactional_id: str | None, epoch: int) -> None:
        self._log = log
        self._id = transactional_id
        self._epoch = epoch

    def append(self, batches: Sequence[EncodedBatch], offsets: Sequence[SourceOffsetEntry] = ()) -> list[int]:
        log = self._log
        with log.changed:
            if self._id is not None and log.epochs[self._id] != self._epoch:
                raise ConnectException(f"A later producer took over {self._id}.", code="PRODUCER_FENCED")
            log.raise_fault("append")
            missing = {batch.topic for batch in batches} - log.topic_specs.keys()
            if missing and not log.auto_create:
                raise NotFoundException(f"Topic {min(missing)} does not exist.", code="TOPIC_NOT_FOUND")
            log.create_topics([TopicSpec(name, log.default_partitions) for name in sorted(missing)])
            partitions = [log.require(TopicPartition(batch.topic, batch.partition)) for batch in batches]
            for batch in batches:
                if batch.keys.has_null and log.topic_config(batch.topic).compact:
                    raise DataException(
                        f"Topic {batch.topic} is compacted and takes no record without a key.", code="KEY_REQUIRED"
                    )
            firsts = [partition.append(batch) for partition, batch in zip(partitions, batches, strict=True)]
            for entry in offsets:
                if entry.value is None:
                    log.source_offsets.pop(entry.key, None)
                else:
                    log.source_offsets[entry.key] = entry.value
            log.append_count += 1
            log.changed.notify_all()
            return firsts

    def close(self) -> None:
        pass


class MemoryOffsetStore(OffsetStore):
    """The source offsets of a `MemoryLog`."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def get(self, connector: str, partitions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        found = [self._log.source_offsets.get(offset_key(connector, partition)) for partition in partitions]
        return [None if value is None else parse_value(value) for value in found]

    def list(self, connector: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        with self._log.changed:
            stored = list(self._log.source_offsets.items())
        parsed = [(parse_key(key), parse_value(value)) for key, value in stored]
        return [(partition, offset) for (name, partition), offset in parsed if name == connector]

    def put(self, connector: str, offsets: Iterable[tuple[Mapping[str, Any], Mapping[str, Any] | None]]) -> None:
        with self._log.changed:
            for partition, offset in offsets:
                key, value = offset_key(connector, partition), offset_value(offset)
                if value is None:
                    self._log.source_offsets.pop(key, None)
                else:
                    self._log.source_offsets[key] = value
