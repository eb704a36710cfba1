"""exactly.once.support and transaction.boundary of a source connector: what cannot be promised is refused (KIP-618).

The embedded log takes a batch and its source offsets in one commit, fenced per task, so the worker's part in exactly-once is
always done, whatever exactly.once.source.support says; what has to be known is the connector's. With the log on Kafka a standalone worker
keeps source offsets beside it, in its data folder: at-least-once, as connect-standalone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.log.factory import is_kafka
from headrace.spi.connector import ExactlyOnceSupport

logger = logging.getLogger(__name__)


def transactional_id(worker: Mapping[str, str], connector: str, task_id: int) -> str | None:
    """Of a source task's producer; None where the offsets are in no transaction, which then would promise nothing."""
    return None if is_kafka(worker) else f"{worker.get('group.id', 'connect')}-{connector}-{task_id}"


def exactly_once_problems(
    connector: Any, config: Mapping[str, str], support: str, boundary: str, worker: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """(key, error) of what is refused. `support` and `boundary`: the values of the two keys, in any case, empty if invalid."""
    if support.lower() == "required" and (text := _not_here(worker) or _no_support(connector, config)):
        yield "exactly.once.support", f"{text} Set exactly.once.support=requested to run it without that promise."
    if boundary.lower() == "connector":
        yield (
            "transaction.boundary",
            "transaction.boundary=connector is not offered by this worker: every batch of a poll is committed at once, "
            "together with its source offsets. Set transaction.boundary=poll.",
        )


def _not_here(worker: Mapping[str, str]) -> str | None:
    if is_kafka(worker):
        return "A standalone worker on Kafka keeps source offsets outside of Kafka's transactions, so delivery is at-least-once."
    return None


def _no_support(connector: Any, config: Mapping[str, str]) -> str | None:
    """Why the connector cannot promise it; None when it can."""
    try:
        answer = connector.exactly_once_support(config)
    except Exception as error:
        logger.exception("The connector failed when it was asked whether it supports exactly-once delivery.")
        return f"The connector failed when it was asked whether it supports exactly-once delivery: {error}."
    if answer is None:
        return "The connector does not say whether it supports exactly-once delivery, as required would have it."
    if answer is not ExactlyOnceSupport.SUPPORTED:
        return "The connector does not support exactly-once delivery with this configuration."
    return None
