"""What waits while the log is at work is appended together, in order, with the offsets of the last; one at fault fails alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from headrace.errors import DataException
from headrace.log.spi import EncodedBatch, Producer, SourceOffsetEntry
from headrace.runtime import appender as module
from headrace.runtime.append_units import AppendUnit
from headrace.runtime.appender import OrderedAppender
from headrace.runtime.task_metrics import SourceMetrics
from headrace.spi.columns import Column
from tests.runtime.task_kit import eventually


class Slow(Producer):
    """Notes what each append is given; the first waits for `go`. A value `bad` is refused."""

    def __init__(self) -> None:
        self.appends: list[list[bytes | None]] = []
        self.offsets: list[list[bytes | None]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def append(self, batches: Sequence[EncodedBatch], offsets: Sequence[SourceOffsetEntry] = ()) -> list[int]:
        self.begun.set()
        assert self.go.wait(10)
        values = [value for batch in batches for value in batch.values]
        if b"bad" in values:
            raise DataException("It is bad.", code="BATCH_INVALID")
        self.appends.append(values)
        self.offsets.append([entry.value for entry in offsets])
        return [0] * len(batches)

    def close(self) -> None:
        pass


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def appender(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> Iterator[OrderedAppender]:
    monkeypatch.setattr(module, "INLINE_RECORDS", 0)
    made = OrderedAppender(slow, "c", SourceMetrics("c", 0), threading.Event(), lambda topics: None)
    yield made
    slow.go.set()
    made.close()


def unit(appender: OrderedAppender, number: int, value: bytes | None = None) -> AppendUnit:
    values: list[bytes | None] = [b"%d" % number if value is None else value]
    batch = EncodedBatch("t", 0, [0], Column([None]), Column(values), [()])
    return AppendUnit([batch], [appender.ticket({"p": 1}, {"at": number}, 1)], 1, ())


def test_what_waits_goes_together(slow: Slow, appender: OrderedAppender) -> None:
    appender.submit(unit(appender, 0))
    assert slow.begun.wait(10)
    for number in range(1, 5):
        appender.submit(unit(appender, number))
    assert appender.settle() is None
    slow.go.set()
    appender.drain()
    assert slow.appends == [[b"0"], [b"1", b"2", b"3", b"4"]]
    assert slow.offsets == [[b'{"at":0}'], [b'{"at":4}']]
    settled = appender.settle()
    assert settled is not None
    assert [position.offset for position in settled.positions] == [{"at": 4}]
    assert settled.written == 5
    assert appender.ledger.active_records == 0


def test_no_more_than_the_bounds_say(slow: Slow, appender: OrderedAppender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 30)
    monkeypatch.setattr(module, "TOGETHER_BYTES", 20)
    submitted = []

    def submit() -> None:
        for number in range(8):
            appender.submit(unit(appender, number, b"%d" % number * 10))
            submitted.append(number)

    thread = threading.Thread(target=submit)
    thread.start()
    eventually(lambda: len(submitted) == 3)
    assert slow.begun.wait(10)
    assert len(submitted) == 3
    slow.go.set()
    thread.join(10)
    appender.drain()
    assert [value for values in slow.appends for value in values] == [b"%d" % number * 10 for number in range(8)]
    assert max(map(len, slow.appends)) <= 2


def test_large_units_are_two_in_flight(slow: Slow, appender: OrderedAppender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    monkeypatch.setattr(module, "TOGETHER_BYTES", 1)
    for number in range(2):
        appender.submit(unit(appender, number, b"large"))
    slow.go.set()
    appender.drain()
    assert slow.appends == [[b"large"], [b"large"]]


def test_the_one_at_fault_fails_and_those_before_it_are_there(slow: Slow, appender: OrderedAppender) -> None:
    appender.submit(unit(appender, 0))
    assert slow.begun.wait(10)
    for number, value in enumerate([b"1", b"2", b"bad", b"4"], 1):
        appender.submit(unit(appender, number, value))
    slow.go.set()
    with pytest.raises(DataException):
        appender.drain()
    assert slow.appends == [[b"0"], [b"1"], [b"2"]]
    assert slow.offsets[-1] == [b'{"at":2}']
    settled = appender.settle()
    assert settled is not None
    assert settled.written == 3
