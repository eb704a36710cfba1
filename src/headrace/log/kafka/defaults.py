"""What the log's clients are set to beside the user's settings, in the client library's names. Source: Connect's Worker, KIP-618."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from headrace.log.spi import FETCH_MAX_BYTES

_COOPERATIVE: Final = "cooperative-sticky"

_PRODUCER: Final[Mapping[str, Any]] = {
    "acks": "all",
    # An append waits until all is acknowledged; a queue that is full makes it wait earlier, not take more memory.
    "queue.buffering.max.messages": 1_000_000,
    "queue.buffering.max.kbytes": 32 << 10,
    "linger.ms": 5,
    "delivery.timeout.ms": 60_000,
}
_CONSUMER: Final[Mapping[str, Any]] = {
    "isolation.level": "read_committed",
    "partition.assignment.strategy": _COOPERATIVE,
    # How long it waits to fetch again once that much is held; by default a second, in which all of it is long polled.
    "fetch.queue.backoff.ms": 5,
}

_MOST_FETCHED: Final = 2_147_482_623
"""The most for which the client library takes `receive.message.max.bytes`, which has to be larger."""
_MOST_QUEUED_KIB: Final = 16 << 10


def producer_settings(given: Mapping[str, Any], client_id: str, transactional_id: str | None) -> dict[str, Any]:
    """Of a task's producer. Without idempotence one request is under way at a time: order must hold."""
    settings = {**_PRODUCER, "client.id": client_id, **given, "logger": _logger(client_id)}
    # A record for which the queue has no room even when it is empty would wait for ever.
    largest = int(settings.get("message.max.bytes", 0)) // 1024 + 1
    settings["queue.buffering.max.kbytes"] = max(int(settings["queue.buffering.max.kbytes"]), largest)
    if transactional_id is not None:
        settings |= {"transactional.id": transactional_id, "enable.idempotence": True, "acks": "all"}
        settings["delivery.timeout.ms"] = min(
            int(settings["delivery.timeout.ms"]), int(settings.get("transaction.timeout.ms", 60_000))
        )
    settings.setdefault("enable.idempotence", str(settings["acks"]) in ("all", "-1"))
    if str(settings["enable.idempotence"]).lower() != "true":
        settings.setdefault("max.in.flight.requests.per.connection", 1)
    return settings


def consumer_settings(
    given: Mapping[str, Any],
    group: str,
    client_id: str,
    session_timeout_ms: int,
    fetch_max_bytes: int = FETCH_MAX_BYTES,
) -> dict[str, Any]:
    """Of a sink task's consumer, which commits and starts where the log says."""
    fetched = min(fetch_max_bytes, _MOST_FETCHED)
    own = {
        "group.id": group,
        "session.timeout.ms": session_timeout_ms,
        # The library takes no less than a producer's default for one batch; what is more than a poll may give waits for the next.
        "fetch.max.bytes": max(fetched, 1_000_000),
        # An answer may be larger than that by what is around the records.
        "receive.message.max.bytes": max(fetched + 1024, 100_000_000),
        # What is fetched and not yet polled is memory of this task, of all its partitions together.
        "queued.max.messages.kbytes": min(max(fetched >> 10, 1), _MOST_QUEUED_KIB),
    }
    return {**_CONSUMER, "client.id": client_id, **given, **own, **_OURS, "logger": _logger(client_id)}


def reader_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Of a reader without a group; the library wants the name of one all the same."""
    settings = consumer_settings(given, "headrace-reader", "headrace-reader", 45_000)
    return {
        key: value
        for key, value in settings.items()
        if key not in ("partition.assignment.strategy", "group.instance.id")
    }


_OURS: Final[Mapping[str, Any]] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    # Used where an offset is out of range: what was removed before it was read is told by the library, the rest is read.
    "auto.offset.reset": "earliest",
    "allow.auto.create.topics": False,
}


def admin_settings(given: Mapping[str, Any], client_id: str, refusals: Callable[[Any], None]) -> dict[str, Any]:
    """Of an admin client. `refusals`: told of its errors."""
    return {"client.id": client_id, **given, "error_cb": refusals, "logger": _logger(client_id)}


def is_cooperative(settings: Mapping[str, Any]) -> bool:
    """Whether the assignors hand over partitions one by one."""
    return str(settings["partition.assignment.strategy"]) == _COOPERATIVE


def _logger(client_id: str) -> logging.Logger:
    return logging.getLogger("headrace.log.kafka.client").getChild(client_id.replace(".", "-") or "client")
