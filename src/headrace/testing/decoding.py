"""Between a log in memory and Connect records, through the converters of a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headrace.data import ConnectRecord, Header, SinkRecord
from headrace.log.partitioner import partition_for
from headrace.log.spi import EncodedBatch, TopicSpec
from headrace.runtime.assembly import build_converters
from headrace.spi.context import TopicPartition
from headrace.spi.converter import Column
from headrace.spi.plugins import PluginRegistry
from headrace.testing.memory_log import MemoryLog

_ALL = 1_000_000_000


class LogReader:
    """Decodes what lies in a log, each record once."""

    def __init__(
        self, log: MemoryLog, registry: PluginRegistry, connector: Mapping[str, str], worker: Mapping[str, str]
    ) -> None:
        self._log = log
        self._key, self._value, self._header = build_converters(registry, connector, worker)
        self._next: dict[TopicPartition, int] = {}
        self._records: list[SinkRecord] = []

    def records(self, skip: Iterable[str] = ()) -> list[SinkRecord]:
        """All records so far; those of one partition in order. `skip`: topics to leave out."""
        left_out = set(skip)
        partitions = [
            TopicPartition(topic, number)
            for topic, count in sorted(self._log.topics().items())
            for number in range(count)
            if topic not in left_out
        ]
        for partition in partitions:
            batch = self._log.read(partition, self._next.get(partition, 0), _ALL)
            if batch is not None:
                self._take(batch)
                assert batch.offsets is not None
                self._next[partition] = batch.offsets[-1] + 1
        return list(self._records)

    def _take(self, batch: EncodedBatch) -> None:
        topic = batch.topic
        keys = self._key.converter.decode_batch(topic, batch.keys)
        values = self._value.converter.decode_batch(topic, batch.values)
        assert batch.offsets is not None
        for (key_schema, key), (value_schema, value), headers, timestamp, offset in zip(
            keys, values, batch.headers, batch.timestamps, batch.offsets, strict=True
        ):
            items = tuple(
                Header(name, *self._header.converter.to_connect_header(topic, name, datum)) for name, datum in headers
            )
            self._records.append(
                SinkRecord(
                    topic,
                    batch.partition,
                    key_schema,
                    key,
                    value_schema,
                    value,
                    offset,
                    timestamp,
                    headers=items,
                )
            )


class LogWriter:
    """Appends Connect records, as a source of the same configuration would."""

    def __init__(
        self, log: MemoryLog, registry: PluginRegistry, connector: Mapping[str, str], worker: Mapping[str, str]
    ) -> None:
        self._log = log
        self._key, self._value, self._header = build_converters(registry, connector, worker)
        self._producer = log.producer("test")

    def write(self, records: Iterable[ConnectRecord]) -> None:
        """Append in order. A record without partition goes where its key belongs. Topics are made as needed."""
        groups: dict[TopicPartition, list[tuple[ConnectRecord, bytes | None]]] = {}
        for record in records:
            topic = record.topic
            key = self._key.converter.from_connect_data(topic, record.key_schema, record.key)
            if topic not in self._log.topics():
                self._log.create_topics([TopicSpec(topic, self._log.default_partitions)])
            partition = record.partition
            if partition is None:
                partition = 0 if key is None else partition_for(key, self._log.topics()[topic])
            groups.setdefault(TopicPartition(topic, partition), []).append((record, key))
        batches = [self._batch(partition, items) for partition, items in groups.items()]
        if batches:
            self._producer.append(batches)

    def _batch(self, partition: TopicPartition, items: list[tuple[ConnectRecord, bytes | None]]) -> EncodedBatch:
        topic = partition.topic
        encode, encode_header = self._value.converter.from_connect_data, self._header.converter.from_connect_header
        return EncodedBatch(
            topic,
            partition.partition,
            [1_700_000_000_000 if record.timestamp is None else record.timestamp for record, _ in items],
            Column([key for _, key in items]),
            Column([encode(topic, record.value_schema, record.value) for record, _ in items]),
            [
                tuple((h.key, encode_header(topic, h.key, h.schema, h.value)) for h in record.header_items)
                for record, _ in items
            ],
        )
