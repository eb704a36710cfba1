"""The log on Kafka: a connection to a cluster, which makes clients as Connect does."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import confluent_kafka
from confluent_kafka.admin import AdminClient

from headrace.errors import NotFoundException
from headrace.log.kafka.answers import Answers, Refusals
from headrace.log.kafka.client_settings import Client, answer_timeout_s, client_settings, overrides_of
from headrace.log.kafka.consumer import KafkaConsumer
from headrace.log.kafka.defaults import (
    admin_settings,
    consumer_settings,
    producer_settings,
    reader_settings,
)
from headrace.log.kafka.errors import translated, translating
from headrace.log.kafka.groups import Groups
from headrace.log.kafka.known_topics import unknown_topic
from headrace.log.kafka.packing import batches_of
from headrace.log.kafka.producer import KafkaProducer, WriteOffsets
from headrace.log.kafka.topics import Topics
from headrace.log.spi import FETCH_MAX_BYTES, Consumer, EncodedBatch, Log, Producer, TopicSpec
from headrace.spi.context import TopicPartition

_READ_S: Final = 30.0


class KafkaLog(Log):
    """See `Log`. Clients are made at their first use, so opening it needs no broker.

    `worker`: the worker's configuration, `bootstrap.servers` first of all; `connector`: the connector's, whose producer.override.*,
    consumer.override.* and admin.override.* keys apply. `admin_id`: the admin client's id, unless the settings have one.
    `default_partitions`: of topics created by an append, -1 = the brokers'. `offsets`: the topic of source offsets, or who keeps them
    elsewhere; None = appends bring none. `timeout_s`: how long the cluster may take for an answer, None = as the settings say, else 40;
    later it is a RetriableException (LOG_UNAVAILABLE). What the brokers refuse (credentials, TLS) is a ConnectException (KAFKA_AUTHENTICATION)."""

    def __init__(
        self,
        worker: Mapping[str, str],
        connector: Mapping[str, str] | None = None,
        *,
        admin_id: str = "headrace-admin",
        offsets: str | WriteOffsets | None = None,
        default_partitions: int = -1,
        auto_create: bool = True,
        timeout_s: float | None = None,
    ) -> None:
        self._worker = worker
        self._connector = connector or {}
        self._admin_id = admin_id
        self._offsets = offsets
        self._default_partitions = default_partitions
        self._auto_create = auto_create
        self._given_timeout_s = timeout_s
        self._lock = threading.RLock()
        self._admin: _Admin | None = None
        self._reader: Any = None
        self._consumers: weakref.WeakSet[KafkaConsumer] = weakref.WeakSet()

    def producer(self, client_id: str, transactional_id: str | None = None) -> Producer:
        settings = producer_settings(self._settings(Client.PRODUCER), client_id, transactional_id)
        return KafkaProducer(
            settings, self._clients().topics, self._offsets, auto_create=self._auto_create, timeout_s=self._timeout_s
        )

    def consumer(
        self,
        group: str,
        client_id: str,
        *,
        from_latest: bool = False,
        session_timeout_ms: int = 45_000,
        fetch_max_bytes: int = FETCH_MAX_BYTES,
    ) -> Consumer:
        given = self._settings(Client.CONSUMER)
        settings = consumer_settings(given, group, client_id, session_timeout_ms, fetch_max_bytes)
        consumer = KafkaConsumer(
            settings,
            self._clients().topics,
            from_latest=from_latest,
            timeout_s=self._timeout_s,
            fetch_max_bytes=fetch_max_bytes,
        )
        self._consumers.add(consumer)
        return consumer

    def create_topics(self, specs: Sequence[TopicSpec]) -> list[str]:
        """As `Log.create_topics`; ConfigException (TOPIC_NAME_INVALID, TOPIC_CONFIG_INVALID) before one is made."""
        return self._clients().topics.create(specs)

    def delete_topics(self, names: Sequence[str]) -> None:
        """As `Log.delete_topics`; names that do not exist are passed over."""
        self._clients().topics.delete(names)

    def topics(self) -> dict[str, int]:
        """As `Log.topics`, without those that the brokers keep for themselves."""
        return self._clients().topics.all()

    def topic_ids(self, names: Iterable[str]) -> dict[str, str]:
        return self._clients().topics.ids(names)

    def begin_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return self._clients().topics.begin_offsets(partitions)

    def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return self._clients().topics.end_offsets(partitions)

    def read(self, partition: TopicPartition, offset: int, max_records: int) -> EncodedBatch | None:
        """As `Log.read`, of committed transactions; NotFoundException (PARTITION_UNKNOWN) if there is no such partition."""
        with self._lock:
            ends = self._clients().topics.end_offsets([partition], committed=True)
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
        return self._clients().groups.offsets(group)

    def alter_group_offsets(self, group: str, offsets: Mapping[TopicPartition, int | None]) -> None:
        """As `Log.alter_group_offsets`; NotFoundException (PARTITION_UNKNOWN) if a partition does not exist."""
        self._clients().groups.alter(group, offsets)

    def delete_group(self, group: str) -> None:
        self._clients().groups.delete(group)

    def own_partitions(self, topic: str) -> int:
        """As `Log.own_partitions`: the brokers make it, if they do so for any client (auto.create.topics.enable)."""
        count = self._clients().topics.made_by_brokers(topic)
        if not count:
            raise unknown_topic(topic)
        return count

    def check(self) -> str:
        """The cluster's id, once the settings of every sort of client have been taken and the brokers have answered. Nothing is changed.

        ConfigException for settings; ConnectException KAFKA_AUTHENTICATION; RetriableException LOG_UNAVAILABLE."""
        self.check_settings()
        what = f"reach Kafka at {self._worker.get('bootstrap.servers', '').strip()}"
        admin = self._clients()
        with translating(what):
            answer = admin.client.describe_cluster(request_timeout=self._timeout_s)
            return str(admin.answers.result(answer, what).cluster_id)

    def check_settings(self) -> None:
        """Have the library look at the settings of every sort of client, which connects to nothing. ConfigException."""
        with translating("open a producer"):
            confluent_kafka.Producer(producer_settings(self._settings(Client.PRODUCER), "headrace-check", None))
        settings = consumer_settings(self._settings(Client.CONSUMER), "headrace-check", "headrace-check", 45_000)
        with translating("open a consumer"):
            confluent_kafka.Consumer(settings).close()
        self._clients()

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

    @cached_property
    def _timeout_s(self) -> float:
        if self._given_timeout_s is not None:
            return self._given_timeout_s
        return answer_timeout_s(self._worker, self._connector, 40.0)

    def _settings(self, client: Client) -> dict[str, Any]:
        return client_settings(client, self._worker, overrides_of(client, self._connector))

    def _clients(self) -> _Admin:
        with self._lock:
            if self._admin is None:
                refusals = Refusals()
                with translating("open an admin client"):
                    admin = AdminClient(admin_settings(self._settings(Client.ADMIN), self._admin_id, refusals))
                answers = Answers(admin, refusals, self._timeout_s)
                topics = Topics(admin, answers, self._default_partitions)
                self._admin = _Admin(admin, answers, topics, Groups(admin, answers, topics))
            return self._admin


@dataclass(frozen=True, slots=True)
class _Admin:
    """An admin client and what is done by it."""

    client: AdminClient
    answers: Answers
    topics: Topics
    groups: Groups
