"""Appending to Kafka: in a transaction where there is a transactional id, else idempotent and in order.

Without a transactional id, Kafka has no commit over partitions: source offsets are written once all records are, so a crash in
between repeats records and loses none (at-least-once, as Connect without exactly.once.source.support).
A record costs the library's call of `produce` and one report: there is no call for many that takes headers or timestamps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from headrace.errors import (
    ConnectException,
    DataException,
    IllegalStateException,
    RetriableException,
)
from headrace.log.kafka.answers import Refusals
from headrace.log.kafka.errors import FENCED, error_of, translated, translating
from headrace.log.kafka.known_topics import KnownTopics
from headrace.log.kafka.reports import Report, Sent
from headrace.log.kafka.topics import Topics
from headrace.log.partitioner import partition_for
from headrace.log.spi import EncodedBatch, HeaderBytes, Producer, SourceOffsetEntry

_STEP_S: Final = 0.1

WriteOffsets = Callable[[Sequence[SourceOffsetEntry]], None]
"""Keeps source offsets outside of Kafka, durably on return."""


class KafkaProducer(Producer):
    """See `Producer`. `offsets`: the topic of source offsets, or who keeps them; `timeout_s`: how long an append may last.

    It takes over from earlier producers of its `transactional_id` when it is made. RetriableException LOG_UNAVAILABLE."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        topics: Topics,
        offsets: str | WriteOffsets | None = None,
        *,
        auto_create: bool = True,
        timeout_s: float = 60.0,
    ) -> None:
        self._offsets = offsets
        self._timeout_s = timeout_s
        self._transactional = bool(settings.get("transactional.id"))
        self._id = settings.get("transactional.id") or settings.get("client.id", "")
        self._known = KnownTopics(topics, auto_create)
        self._dead: ConnectException | None = None
        self._refusals = Refusals()
        with translating("open a producer"):
            self._producer = confluent_kafka.Producer({**settings, "error_cb": self._refusals})
        if self._transactional:
            try:
                with translating("open a producer"):
                    self._producer.init_transactions(timeout_s)
            except RetriableException:
                self._check_refusals()
                raise

    def append(self, batches: Sequence[EncodedBatch], offsets: Sequence[SourceOffsetEntry] = ()) -> list[int]:
        """As `Producer.append`. DataException (RECORD_TOO_LARGE, RECORD_REFUSED); ConnectException (OUTCOME_UNKNOWN): whether the
        transaction was committed is known to who opens the producer anew and reads the offsets."""
        if self._dead is not None:
            raise self._dead
        if offsets and self._offsets is None:
            raise IllegalStateException("This log has no place for source offsets.", code="NO_OFFSET_STORE")
        own = [self._offsets] if offsets and isinstance(self._offsets, str) else []
        self._known.require({(batch.topic, batch.partition) for batch in batches}, own)
        if self._transactional:
            return self._in_transaction(batches, offsets)
        sent = self._send(batches)
        if offsets:
            if callable(self._offsets):
                self._offsets(offsets)
            else:
                self._send([self._offset_batch(entry) for entry in offsets])
        return sent

    def close(self) -> None:
        """What is not yet delivered is given up."""
        if self._dead is None or self._dead.code != "PRODUCER_CLOSED":
            self._dead = ConnectException("The producer is closed.", code="PRODUCER_CLOSED")
            self._producer.purge()
            self._producer.close()

    def _offset_batch(self, entry: SourceOffsetEntry) -> EncodedBatch:
        assert isinstance(self._offsets, str)
        now = time.time_ns() // 1_000_000
        partition = partition_for(entry.key, self._known.partitions(self._offsets))
        return EncodedBatch(self._offsets, partition, [now], [entry.key], [entry.value], [()])  # type: ignore[arg-type]

    # ---- sending

    def _send(self, batches: Sequence[EncodedBatch]) -> list[int]:
        """Hand all over and wait until all are acknowledged; the first offset of each batch."""
        sent = Sent([-1] * len(batches))
        try:
            self._hand_over_all(batches, sent)
            self._flush()
        except BaseException:
            self._take_back()
            raise
        if sent.cause is not None:
            raise self._failure(sent.cause, batches)
        return sent.firsts

    def _hand_over_all(self, batches: Sequence[EncodedBatch], sent: Sent) -> None:
        for number, batch in enumerate(batches):
            self._hand_over(batch, sent.reports(number))

    def _hand_over(self, batch: EncodedBatch, reports: Iterator[Report]) -> None:
        produce, topic, partition = self._producer.produce, batch.topic, batch.partition
        rows = zip(batch.values, batch.keys, reports, batch.timestamps, batch.headers, strict=False)
        deadline = time.monotonic() + self._timeout_s
        last: HeaderBytes = ()
        listed: list[tuple[str, str | bytes | None]] = []
        for value, key, report, timestamp, headers in rows:
            while True:
                try:
                    if headers:
                        if headers is not last:
                            # Records that share headers share the tuple.
                            last, listed = headers, list(headers)
                        produce(topic, value, key, partition, report, None, timestamp, listed)
                    else:
                        produce(topic, value, key, partition, report, None, timestamp)
                except BufferError:
                    self._producer.poll(_STEP_S)
                    self._check_refusals()
                    if time.monotonic() > deadline:
                        raise self._too_late() from None
                    continue
                except KafkaException as error:
                    raise self._failure(error_of(error), [batch]) from error
                break

    def _flush(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        while self._producer.flush(_STEP_S):
            self._check_refusals()
            if time.monotonic() > deadline:
                raise self._too_late()

    def _check_refusals(self) -> None:
        self._refusals.check(f"produce as {self._id}")

    def _too_late(self) -> RetriableException:
        return RetriableException(
            f"Kafka did not acknowledge records within {self._timeout_s:g} s.",
            code="LOG_UNAVAILABLE",
            remedy="Start the brokers, or check the network.",
        )

    def _take_back(self) -> None:
        """What was handed over is not sent any more, unless it is on its way."""
        self._producer.purge()
        self._producer.flush(_STEP_S)

    def _failure(self, error: KafkaError, batches: Sequence[EncodedBatch]) -> ConnectException:
        failure = translated(error, f"append to {', '.join(sorted({batch.topic for batch in batches}))}")
        if failure.code == "TOPIC_UNKNOWN":
            self._known.forget()
        elif failure.code == "RECORD_REFUSED" and any(batch.keys.has_null for batch in batches):
            return DataException(failure.message, code="KEY_REQUIRED", remedy=failure.remedy)
        elif error.fatal():
            self._dead = failure
        return failure

    # ---- transactions

    def _in_transaction(self, batches: Sequence[EncodedBatch], offsets: Sequence[SourceOffsetEntry]) -> list[int]:
        outside = self._offsets if callable(self._offsets) else None
        entries = [] if outside is not None else [self._offset_batch(entry) for entry in offsets]
        sent = Sent([-1] * (len(batches) + len(entries)))
        try:
            self._producer.begin_transaction()
            self._hand_over_all([*batches, *entries], sent)
            self._commit()
        except KafkaException as error:
            self._abort(error_of(error))
            if self._dead is not None:
                raise self._dead from error
            raise self._failure(sent.cause or error_of(error), batches) from error
        except ConnectException:
            self._abort(None)
            raise
        if outside is not None and offsets:
            outside(offsets)
        return sent.firsts[: len(batches)]

    def _commit(self) -> None:
        """KafkaException when it was not committed, or nobody knows."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                self._producer.commit_transaction(self._timeout_s)
                return
            except KafkaException as error:
                cause = error_of(error)
                if cause.txn_requires_abort() or not cause.retriable() or time.monotonic() > deadline:
                    raise

    def _abort(self, cause: KafkaError | None) -> None:
        """End the transaction; readers see nothing of it. Where that cannot be done for certain, this producer is dead."""
        if cause is None or not cause.fatal():
            try:
                self._producer.abort_transaction(self._timeout_s)
            except KafkaException as error:
                cause = error_of(error)
            else:
                return
        what = f"commit a transaction of {self._id}"
        self._dead = translated(cause, what)
        if cause.code() not in FENCED:
            self._dead = ConnectException(
                self._dead.message,
                code="OUTCOME_UNKNOWN",
                remedy="Restart the task: it goes on from the offsets that were committed.",
            )
