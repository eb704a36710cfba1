"""Waiting for the cluster: an admin client's answers, and what its clients were refused with meanwhile.

The library tries again what the brokers refuse (credentials, TLS) until the time is over, and then says only that it is over; why stands in
the events it reports. As Java's clients do, a refusal is told at once: only an operator can mend it.
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Final, TypeVar

from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient

from headrace.errors import RetriableException
from headrace.log.kafka.errors import UNAUTHENTICATED, translated

T = TypeVar("T")

_STEP_S: Final = 0.1


class Refusals:
    """Told of a client's errors (`error_cb`); keeps the last refusal. One per client."""

    def __init__(self) -> None:
        self._refused: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        if error.code() in UNAUTHENTICATED:
            self._refused = error

    def check(self, what: str) -> None:
        """Raise the refusal, if there was one; it is forgotten then, so that who tries again finds out anew."""
        refused, self._refused = self._refused, None
        if refused is not None:
            raise translated(refused, what)


class Answers:
    """Of one admin client. Thread-safe. `timeout_s`: how long an answer may take; later it is a RetriableException."""

    def __init__(self, admin: AdminClient, refusals: Refusals, timeout_s: float) -> None:
        self._admin = admin
        self._refusals = refusals
        self.timeout_s = timeout_s

    def result(self, answer: Future[T], what: str) -> T:
        """The answer; the library's KafkaException as it is. ConnectException KAFKA_AUTHENTICATION, RetriableException LOG_UNAVAILABLE."""
        deadline = time.monotonic() + self.timeout_s + 5
        while True:
            try:
                return answer.result(_STEP_S)
            except FutureTimeoutError:
                self.check(what)
                if time.monotonic() > deadline:
                    raise RetriableException(f"Cannot {what}: no answer.", code="LOG_UNAVAILABLE") from None

    def check(self, what: str) -> None:
        """Raise what the brokers refused this client with, if they did."""
        self._admin.poll(0)
        self._refusals.check(what)
