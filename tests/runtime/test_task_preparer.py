"""What waits for the log is prepared meanwhile, and appended in order all the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import DataException
from headrace.log.spi import EncodedBatch, Producer, SourceOffsetEntry
from headrace.runtime import appender as module
from headrace.runtime import preparer
from headrace.runtime.appender import AppendUnit, OrderedAppender
from headrace.runtime.task_metrics import SourceMetrics
from headrace.spi.columns import Column
from tests.runtime.task_kit import eventually


class Preparing(Producer):
    """Notes what it was given. The first append waits for `go`; a value that begins with `bad` is refused, by `prepare`, too."""

    def __init__(self, *, waits: bool) -> None:
        self.appended: list[bytes | None] = []
        self.prepared: list[bytes | None] = []
        self.appends_of_prepared = 0
        self.begun, self.go = threading.Event(), threading.Event()
        self.may_prepare, self.preparing = threading.Event(), threading.Event()
        self.may_prepare.set()
        if not waits:
            self.go.set()

    def prepare(self, batch: EncodedBatch) -> EncodedBatch:
        self.preparing.set()
        assert self.may_prepare.wait(10)
        _refuse(batch)
        self.prepared += list(batch.values)
        return Ready(batch.topic, batch.partition, batch.timestamps, batch.keys, batch.values, batch.headers)

    def append(self, batches: Sequence[EncodedBatch], offsets: Sequence[SourceOffsetEntry] = ()) -> list[int]:
        self.begun.set()
        assert self.go.wait(10)
        for batch in batches:
            _refuse(batch)
            self.appends_of_prepared += isinstance(batch, Ready)
        self.appended += [value for batch in batches for value in batch.values]
        return [0] * len(batches)

    def close(self) -> None:
        pass


class Ready(EncodedBatch):
    pass


def _refuse(batch: EncodedBatch) -> None:
    if any(value is not None and value.startswith(b"bad") for value in batch.values):
        raise DataException("It is bad.", code="BATCH_INVALID")


@pytest.fixture(autouse=True)
def no_unit_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INLINE_RECORDS", 0)
    monkeypatch.setattr(preparer, "PREPARED_FROM", 4)


@pytest.fixture
def producer() -> Preparing:
    return Preparing(waits=True)


@pytest.fixture
def appender(producer: Preparing) -> Iterator[OrderedAppender]:
    made = appender_of(producer)
    yield made
    producer.go.set()
    producer.may_prepare.set()
    made.close()


def appender_of(producer: Producer) -> OrderedAppender:
    return OrderedAppender(producer, "c", SourceMetrics("c", 0), threading.Event(), lambda topics: None)


def unit(appender: OrderedAppender, number: int, value: bytes) -> AppendUnit:
    batch = EncodedBatch("t", 0, [0], Column([None]), Column([value]), [()])
    return AppendUnit([batch], [appender.ticket({"p": 1}, {"at": number}, 1)], 1, ())


def test_what_waits_is_prepared_and_the_first_is_not(producer: Preparing, appender: OrderedAppender) -> None:
    appender.submit(unit(appender, 0, b"first"))
    assert producer.begun.wait(10)
    for number, value in enumerate([b"large 1", b"sm", b"large 2"], 1):
        appender.submit(unit(appender, number, value))
    eventually(lambda: producer.prepared == [b"large 1", b"large 2"])
    assert producer.appended == []
    producer.go.set()
    appender.drain()
    assert producer.appended == [b"first", b"large 1", b"sm", b"large 2"]
    assert producer.appends_of_prepared == 2


def test_what_is_being_prepared_is_waited_for(producer: Preparing, appender: OrderedAppender) -> None:
    producer.may_prepare.clear()
    appender.submit(unit(appender, 0, b"first"))
    assert producer.begun.wait(10)
    for number in range(1, 4):
        appender.submit(unit(appender, number, b"later %d" % number))
    assert producer.preparing.wait(10)
    producer.go.set()
    eventually(lambda: producer.appended == [b"first"])
    producer.may_prepare.set()
    appender.drain()
    assert producer.appended == [b"first", b"later 1", b"later 2", b"later 3"]


def test_what_cannot_be_prepared_fails_where_it_is_appended(producer: Preparing, appender: OrderedAppender) -> None:
    appender.submit(unit(appender, 0, b"first"))
    assert producer.begun.wait(10)
    for number, value in enumerate([b"good", b"bad one", b"behind"], 1):
        appender.submit(unit(appender, number, value))
    eventually(lambda: b"behind" in producer.prepared)
    producer.go.set()
    with pytest.raises(DataException):
        appender.drain()
    assert producer.appended == [b"first", b"good"]
    settled = appender.settle()
    assert settled is not None
    assert [position.offset for position in settled.positions] == [{"at": 1}]


def test_closing_while_it_prepares(producer: Preparing, appender: OrderedAppender) -> None:
    producer.may_prepare.clear()
    appender.submit(unit(appender, 0, b"first"))
    assert producer.begun.wait(10)
    appender.submit(unit(appender, 1, b"second"))
    assert producer.preparing.wait(10)
    closing = threading.Thread(target=appender.close)
    closing.start()
    producer.go.set()
    producer.may_prepare.set()
    closing.join(10)
    assert not closing.is_alive()
    assert producer.appended == [b"first"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([b"s", b"a large one", b"a much larger one than the others"]), max_size=40))
def test_all_arrive_in_order(values: list[bytes]) -> None:
    producer = Preparing(waits=False)
    appender = appender_of(producer)
    try:
        for number, value in enumerate(values):
            appender.submit(unit(appender, number, value + b"%d" % number))
        appender.drain()
        assert producer.appended == [value + b"%d" % number for number, value in enumerate(values)]
        assert appender.ledger.active_records == 0
    finally:
        appender.close()
