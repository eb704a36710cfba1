"""The log on Kafka: a connection to a cluster, which makes clients as Connect does."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import confluent_kafka
from confluent_kafka.admin import AdminClient

from headrace.errors import NotFoundException
from headrace.log.kafka.client_settings import Client, client_settings
from headrace.log.kafka.consumer import KafkaConsumer
from headrace.log.kafka.defaults import consumer_settings, is_cooperative, producer_settings, reader_settings
from headrace.log.kafka.errors import translated, translating
from headrace.log.kafka.groups import Groups
from headrace.log.kafka.packing import batches_of
from headrace.log.kafka.producer import KafkaProducer, WriteOffsets
from headrace.log.kafka.topics import Topics
from headrace.log.spi import Consumer, EncodedBatch, Log, Producer, TopicSpec
from headrace.spi.context import TopicPartition

_READ_S: Final = 30.0


class KafkaLog(Log):
    """See `Log`. Clients are made at their first use, so opening it needs no broker.

    `worker`: the worker's configuration, `bootstrap.servers` first of all; `connector`: the connector's, whose producer.override.*,
    consumer.override.* and admin.override.* keys apply. `default_partitions`: of topics created by an append, -1 = the brokers'.
    `offsets`: the topic of source offsets, or who keeps them elsewhere; None = appends bring none. `timeout_s`: how long the cluster may
    take for an answer; later it is a RetriableException (LOG_UNAVAILABLE)."""

    def __init__(
        self,
        worker: Mapping[str, str],
        connector: Mapping[str, str] | None = None,
        *,
        offsets: str | WriteOffsets | None = None,
        default_partitions: int = -1,
        auto_create: bool = True,
        timeout_s: float = 40.0,
    ) -> None:
        self._worker = worker
        self._connector = connector or {}
        self._offsets = offsets
        self._default_partitions = default_partitions
        self._auto_create = auto_create
        self._timeout_s = timeout_s
        self._lock = threading.RLock()
        self._admin: tuple[Topics, Groups] | None = None
        self._reader: Any = None
        self._consumers: weakref.WeakSet[KafkaConsumer] = weakref.WeakSet()

    def producer(self, client_id: str, transactional_id: str | None = None) -> Producer:
        settings = producer_settings(self._settings(Client.PRODUCER), client_id, transactional_id)
        return KafkaProducer(
            settings, self._clients()[0], self._offsets, auto_create=self._auto_create, timeout_s=self._timeout_s
        )

    def consumer(
        self, group: str, client_id: str, *, from_latest: bool = False, session_timeout_ms: int = 45_000
    ) -> Consumer:
        given = self._settings(Client.CONSUMER)
        settings = consumer_settings(given, group, client_id, session_timeout_ms)
        consumer = KafkaConsumer(
            settings,
            self._clients()[0],
            from_latest=from_latest,
            cooperative=is_cooperative(settings),
            read_committed=settings["isolation.level"] == "read_committed",
            timeout_s=self._timeout_s,
        )
        self._consumers.add(consumer)
        return consumer

    def create_topics(self, specs: Sequence[TopicSpec]) -> list[str]:
        """As `Log.create_topics`; ConfigException (TOPIC_NAME_INVALID, TOPIC_CONFIG_INVALID) before one is made."""
        return self._clients()[0].create(specs)

    def delete_topics(self, names: Sequence[str]) -> None:
        """As `Log.delete_topics`; names that do not exist are passed over."""
        self._clients()[0].delete(names)

    def topics(self) -> dict[str, int]:
        """As `Log.topics`, without those that the brokers keep for themselves."""
        return self._clients()[0].all()

    def topic_ids(self, names: Iterable[str]) -> dict[str, str]:
        return self._clients()[0].ids(names)

    def begin_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return self._clients()[0].begin_offsets(partitions)

    def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return self._clients()[0].end_offsets(partitions)

    def read(self, partition: TopicPartition, offset: int, max_records: int) -> EncodedBatch | None:
        """As `Log.read`, of committed transactions; NotFoundException (PARTITION_UNKNOWN) if there is no such partition."""
        with self._lock:
            ends = self._clients()[0].end_offsets([partition], committed=True)
            if partition not in ends:
                raise NotFoundException(
                    f"There is no partition {partition.topic}-{partition.partition}.", code="PARTITION_UNKNOWN"
                )
            if max_records <= 0 or offset >= ends[partition]:
                return None
            found = batches_of(self._read(partition, max(offset, 0), max_records))
        return found[0] if found else None

    def _read(self, partition: TopicPartition, offset: int, most: int) -> list[Any]:
        """What there is from `offset` up to the partition's end."""
        if self._reader is None:
            self._reader = confluent_kafka.Consumer(reader_settings(self._settings(Client.CONSUMER)))
        found: list[Any] = []
        deadline = time.monotonic() + _READ_S
        with translating(f"read {partition.topic}-{partition.partition}"):
            self._reader.assign([confluent_kafka.TopicPartition(*partition, offset)])
            try:
                while len(found) < most:
                    message = self._reader.poll(max(deadline - time.monotonic(), 0))
                    if message is None:
                        raise confluent_kafka.KafkaException(
                            confluent_kafka.KafkaError(confluent_kafka.KafkaError._TIMED_OUT)
                        )
                    error = message.error()
                    if error is None:
                        found.append(message)
                    elif error.code() == confluent_kafka.KafkaError._PARTITION_EOF:
                        break
                    elif not error.retriable():
                        raise translated(error, f"read {partition.topic}-{partition.partition}")
            finally:
                self._reader.unassign()
        return found

    def group_offsets(self, group: str) -> dict[TopicPartition, int]:
        return self._clients()[1].offsets(group)

    def alter_group_offsets(self, group: str, offsets: Mapping[TopicPartition, int | None]) -> None:
        """As `Log.alter_group_offsets`; NotFoundException (PARTITION_UNKNOWN) if a partition does not exist."""
        self._clients()[1].alter(group, offsets)

    def delete_group(self, group: str) -> None:
        self._clients()[1].delete(group)

    def maintain(self) -> dict[str, int]:
        """Nothing: retention and compaction are the brokers' work."""
        return {}

    def close(self) -> None:
        """Close all but producers; consumers still open leave their groups, and nobody is called back."""
        for consumer in list(self._consumers):
            consumer.abandon()
        with self._lock:
            if self._reader is not None:
                self._reader.close()
            self._reader = self._admin = None

    def _settings(self, client: Client) -> dict[str, Any]:
        prefix = f"{client.value}override."
        overrides = {
            key.removeprefix(prefix): value for key, value in self._connector.items() if key.startswith(prefix)
        }
        return client_settings(client, self._worker, overrides)

    def _clients(self) -> tuple[Topics, Groups]:
        with self._lock:
            if self._admin is None:
                with translating("open an admin client"):
                    admin = AdminClient(self._settings(Client.ADMIN))
                topics = Topics(admin, self._default_partitions, self._timeout_s)
                self._admin = topics, Groups(admin, topics, self._timeout_s)
            return self._admin
