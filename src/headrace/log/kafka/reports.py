"""What became of the records handed to the client library. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from confluent_kafka import KafkaError

Report = Callable[[KafkaError | None, Any], None]
_TAKEN_BACK: Final = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})


class Sent:
    """What became of records: the first offset of each batch, and what failed."""

    def __init__(self, firsts: list[int]) -> None:
        self.firsts = firsts
        self.errors: list[KafkaError] = []

    @property
    def cause(self) -> KafkaError | None:
        """Why it failed, None if nothing did: what was taken back only follows from another failure."""
        return next((error for error in self.errors if error.code() not in _TAKEN_BACK), next(iter(self.errors), None))

    def reports(self, number: int) -> Iterator[Report]:
        """Who is told of each record of a batch: of the first its offset is of interest."""

        def first(error: KafkaError | None, message: Any) -> None:
            if error is None:
                self.firsts[number] = message.offset()
            else:
                self.errors.append(error)

        def other(error: KafkaError | None, _: Any) -> None:
            if error is not None:
                self.errors.append(error)

        yield first
        while True:
            yield other
