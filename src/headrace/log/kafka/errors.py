"""Kafka's errors as the log's: what may be tried again, what a person has to do, what nobody can mend. Source: Kafka protocol, error codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from confluent_kafka import KafkaError, KafkaException

from headrace.errors import (
    ConfigException,
    ConnectException,
    DataException,
    NotFoundException,
    RetriableException,
)

FENCED: Final = frozenset({KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED})
UNKNOWN_TOPIC: Final = frozenset(
    {
        *(KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.UNKNOWN_TOPIC_ID),
        *(KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION),
    }
)
NO_MEMBER: Final = frozenset(
    {
        *(KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS),
        *(KafkaError.FENCED_INSTANCE_ID, KafkaError._ASSIGNMENT_LOST, KafkaError.STALE_MEMBER_EPOCH),
    }
)
_TOO_LARGE: Final = frozenset(
    {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE, KafkaError.RECORD_LIST_TOO_LARGE}
)
_REFUSED: Final = frozenset(
    {
        *(KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED),
        *(KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
    }
)
UNAUTHENTICATED: Final = frozenset({KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError._SSL})
_TOPIC_SETTINGS: Final = frozenset(
    {
        *(KafkaError.INVALID_CONFIG, KafkaError.INVALID_PARTITIONS, KafkaError.INVALID_REPLICATION_FACTOR),
        *(KafkaError.INVALID_REPLICA_ASSIGNMENT, KafkaError.POLICY_VIOLATION),
    }
)
_PASSES: Final = frozenset(
    {
        *(KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._MSG_TIMED_OUT),
        *(KafkaError._RESOLVE, KafkaError._TIMED_OUT_QUEUE, KafkaError._QUEUE_FULL, KafkaError._WAIT_COORD),
        *(KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT, KafkaError._RETRY, KafkaError._IN_PROGRESS),
        *(KafkaError.REQUEST_TIMED_OUT, KafkaError.NETWORK_EXCEPTION, KafkaError.LEADER_NOT_AVAILABLE),
        *(KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.BROKER_NOT_AVAILABLE, KafkaError.REPLICA_NOT_AVAILABLE),
        *(KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND),
        *(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR),
        *(KafkaError.KAFKA_STORAGE_ERROR, KafkaError.CONCURRENT_TRANSACTIONS, KafkaError.NOT_CONTROLLER),
        *(
            KafkaError.UNSTABLE_OFFSET_COMMIT,
            KafkaError.THROTTLING_QUOTA_EXCEEDED,
            KafkaError.PREFERRED_LEADER_NOT_AVAILABLE,
        ),
        *(KafkaError.OFFSET_NOT_AVAILABLE, KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH),
    }
)


def translated(error: KafkaError, what: str) -> ConnectException:
    """The log's error for one of Kafka's. `what`: what could not be done, as in "Cannot <what>"."""
    code, message = error.code(), f"Cannot {what}: {error.str()} ({error.name()})."
    if code in FENCED:
        return ConnectException(
            message, code="PRODUCER_FENCED", remedy="Another instance of this task has started; this one must end."
        )
    if code in UNKNOWN_TOPIC:
        return NotFoundException(message, code="TOPIC_UNKNOWN", remedy="Create the topic, or allow it to be created.")
    if code in NO_MEMBER:
        return RetriableException(message, code="REBALANCED")
    if code in _REFUSED:
        return ConnectException(
            message, code="KAFKA_NOT_AUTHORIZED", remedy="Give the worker's principal the rights (ACLs) it lacks."
        )
    if code in UNAUTHENTICATED:
        return ConnectException(
            message,
            code="KAFKA_AUTHENTICATION",
            field="security.protocol",
            remedy="Check security.protocol, sasl.* and ssl.* against what the brokers ask for.",
        )
    if code in _TOO_LARGE:
        return DataException(
            message,
            code="RECORD_TOO_LARGE",
            field="max.request.size",
            remedy="Raise producer.override.max.request.size and the topic's max.message.bytes.",
        )
    if code == KafkaError.TOPIC_EXCEPTION:
        return ConfigException(message, code="TOPIC_NAME_INVALID", remedy="Use 1 to 249 of a-z, A-Z, 0-9, . _ and -.")
    if code in _TOPIC_SETTINGS:
        return ConfigException(message, code="TOPIC_CONFIG_INVALID", remedy="Correct the topic's settings.")
    if code == KafkaError._INVALID_ARG:
        return ConfigException(message, code="KAFKA_SETTING_INVALID", remedy="Correct the client's setting.")
    if code == KafkaError.INVALID_RECORD:
        return DataException(
            message, code="RECORD_REFUSED", remedy="A compacted topic takes no record without a key: set one."
        )
    if not error.fatal() and (code in _PASSES or error.retriable()):
        return RetriableException(message, code="LOG_UNAVAILABLE", remedy="Start the brokers, or check the network.")
    return ConnectException(message, code="KAFKA_ERROR")


def error_of(exception: KafkaException) -> KafkaError:
    """What an exception of the library carries."""
    error: KafkaError = exception.args[0]
    return error


@contextmanager
def translating(what: str) -> Iterator[None]:
    """Raise the log's errors for the library's; see `translated`."""
    try:
        yield
    except KafkaException as error:
        raise translated(error_of(error), what) from error
