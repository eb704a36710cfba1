"""errors.*: every stage × tolerance × kind of error × retries, the backoff, the transform chain, the dead letters."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.data import SinkRecord, SourceRecord
from headrace.errors import ConfigException, ConnectException, DataException, RetriableException
from headrace.runtime.chain import TransformChain, TransformStep
from headrace.runtime.dead_letters import DeadLetters, DeadLetterSettings, context_headers
from headrace.runtime.errant import Reporter
from headrace.runtime.task_metrics import ErrorMetrics
from headrace.runtime.tolerance import (
    FAILED,
    ErrorPolicy,
    Failure,
    RawRecord,
    Stage,
    TaskStopping,
    Tolerance,
)
from headrace.testing.clock import ManualClock
from headrace.testing.memory_log import MemoryLog
from tests.runtime.task_kit import Mark, Route, StartsWith

RAW = RawRecord("t", 3, 42, 1_700_000_000_000, b"key", b"value", (("own", b"1"),))


class Collected:
    def __init__(self) -> None:
        self.failures: list[Failure] = []

    def report(self, failure: Failure) -> None:
        self.failures.append(failure)


class Bench:
    """A tolerance on a clock that its own waits turn."""

    def __init__(self, stop_after: int | None = None, **policy: Any) -> None:
        self.clock = ManualClock()
        self.metrics = ErrorMetrics()
        self.collected = Collected()
        self.waits: list[float] = []
        self.stop_after = stop_after
        self.random_limits: list[int] = []
        self.tolerance = Tolerance(
            ErrorPolicy(**policy),
            self.metrics,
            [self.collected],
            self._wait,
            clock=self.clock.monotonic,
            random_ms=self._random,
        )

    def _wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.clock.advance(seconds)
        return self.stop_after is not None and len(self.waits) >= self.stop_after

    def _random(self, limit: int) -> int:
        self.random_limits.append(limit)
        return limit // 2

    def run(self, operation: Callable[[], Any], stage: Stage = Stage.VALUE_CONVERTER) -> Any:
        return self.tolerance.run(stage, "some.Class", lambda: RAW, operation)


def failing(errors: list[Exception], result: Any = "done") -> Callable[[], Any]:
    left = list(errors)

    def operation() -> Any:
        if left:
            raise left.pop(0)
        return result

    return operation


STAGES = [Stage.KEY_CONVERTER, Stage.VALUE_CONVERTER, Stage.HEADER_CONVERTER, Stage.TRANSFORMATION]


@pytest.mark.parametrize(
    ("stage", "tolerate", "retriable", "timeout"),
    list(itertools.product(STAGES, (False, True), (False, True), (0, 1000))),
)
def test_matrix(stage: Stage, tolerate: bool, retriable: bool, timeout: int) -> None:
    bench = Bench(tolerate_all=tolerate, retry_timeout_ms=timeout)
    error: Exception = RetriableException("later") if retriable else ValueError("never")
    operation = failing([error, error])
    if retriable and timeout:
        assert bench.run(operation, stage) == "done"
        assert bench.metrics.retries == 2
        assert bench.metrics.failures == 2
        assert bench.metrics.errors == 0
        assert bench.collected.failures == []
    elif tolerate:
        assert bench.run(operation, stage) is FAILED
        assert bench.metrics.skipped == bench.metrics.errors == bench.metrics.failures == 1
        (failure,) = bench.collected.failures
        assert (failure.stage, failure.error, failure.origin, failure.attempts) == (stage, error, RAW, 1)
        assert bench.metrics.last_error_ms > 0
    else:
        with pytest.raises(ConnectException) as caught:
            bench.run(operation, stage)
        assert caught.value.code == "TOLERANCE_EXCEEDED"
        assert caught.value.__cause__ is error
        assert isinstance(caught.value, RetriableException) is retriable
        assert "partition 3, offset 42" in caught.value.message
        assert bench.metrics.skipped == 0
        assert bench.metrics.errors == 1


def test_backoff_doubles_from_300_ms_and_is_random_beyond_the_limit() -> None:
    bench = Bench(tolerate_all=True, retry_timeout_ms=-1, retry_delay_max_ms=2000)
    assert bench.run(failing([RetriableException("x")] * 5)) == "done"
    assert bench.waits == [0.3, 0.6, 1.2, 1.0, 1.0]
    assert bench.random_limits == [2000, 2000]


def test_backoff_ends_at_the_deadline() -> None:
    bench = Bench(tolerate_all=True, retry_timeout_ms=1000)
    assert bench.run(failing([RetriableException("x")] * 100)) is FAILED
    assert bench.waits == pytest.approx([0.3, 0.6, 0.1])
    assert bench.collected.failures[0].attempts == 4


@given(st.integers(0, 5000), st.integers(1, 3000), st.integers(0, 40))
def test_never_waits_beyond_the_deadline(timeout: int, limit: int, failures: int) -> None:
    bench = Bench(tolerate_all=True, retry_timeout_ms=timeout, retry_delay_max_ms=limit)
    bench.run(failing([RetriableException("x")] * failures))
    assert sum(bench.waits) <= timeout / 1000 + 1e-6
    assert all(wait <= max(limit, 300) / 1000 for wait in bench.waits)


def test_a_stop_between_retries_gives_nothing_up() -> None:
    bench = Bench(stop_after=2, tolerate_all=True, retry_timeout_ms=-1)
    with pytest.raises(TaskStopping):
        bench.run(failing([RetriableException("x")] * 10))
    assert bench.collected.failures == []
    assert bench.metrics.skipped == 0


def test_data_errors_keep_their_kind_for_the_restart_policy() -> None:
    with pytest.raises(DataException):
        Bench().run(failing([DataException("x")]))


def test_policy_from_config() -> None:
    policy = ErrorPolicy.from_config(
        {
            "errors.retry.timeout": "-1",
            "errors.retry.delay.max.ms": "5",
            "errors.tolerance": "ALL",
            "errors.log.enable": "true",
            "errors.log.include.messages": "true",
        }
    )
    assert policy == ErrorPolicy(-1, 5, True, True, True)
    assert ErrorPolicy.from_config({}) == ErrorPolicy(0, 60_000, False, False, False)
    with pytest.raises(ConfigException) as caught:
        ErrorPolicy.from_config({"errors.tolerance": "some"})
    assert caught.value.field == "errors.tolerance"


# -- the chain --------------------------------------------------------------------------------------------------------


def records(*values: str) -> list[SourceRecord]:
    return [SourceRecord({}, {}, "t", value=value) for value in values]


def step(transform: Any, predicate: Any = None, negate: bool = False, **props: str) -> TransformStep[Any]:
    transform.configure(props)
    return TransformStep(transform, "the.Class", predicate, negate)


def run(bench: Bench, batch: list[SourceRecord], *steps: TransformStep[Any]) -> list[str | None]:
    results = TransformChain(list(steps), bench.tolerance).apply(batch, lambda i: batch[i])
    return [None if r is None else f"{r.topic}:{r.value}" for r in results]


def test_chain_runs_in_order_and_a_dropped_record_skips_the_rest() -> None:
    bench = Bench()
    assert run(bench, records("a", "drop", "b"), step(Mark(), mark="1"), step(Mark(), mark="2")) == [
        "t:a12",
        None,
        "t:b12",
    ]


@pytest.mark.parametrize("negate", [False, True])
def test_predicate_and_negate(negate: bool) -> None:
    predicate = StartsWith()
    predicate.configure({"text": "a"})
    got = run(Bench(), records("a", "b", "a"), step(Mark(), predicate, negate, mark="!"))
    assert got == (["t:a", "t:b!", "t:a"] if negate else ["t:a!", "t:b", "t:a!"])


def test_a_failing_record_is_dropped_alone_and_none_is_changed_twice() -> None:
    bench = Bench(tolerate_all=True)
    batch = records("a", "fail", "b", "fail2", "c")
    assert run(bench, batch, step(Mark(), mark="1")) == ["t:a1", None, "t:b1", None, "t:c1"]
    assert [failure.origin for failure in bench.collected.failures] == [batch[1], batch[3]]
    assert {failure.class_name for failure in bench.collected.failures} == {"the.Class"}


def test_a_batch_transform_falls_back_to_single_records() -> None:
    bench = Bench(tolerate_all=True)
    Route.batches = 0
    assert run(bench, records("a", "fail", "b"), step(Route(), to="u")) == ["u:a", None, "u:b"]
    assert run(bench, records("a", "b"), step(Route(), to="u")) == ["u:a", "u:b"]
    assert Route.batches == 2


def test_a_retriable_transform_is_tried_again_for_its_record_only() -> None:
    bench = Bench(retry_timeout_ms=-1)
    mark = step(Mark(), **{"mark": "1", "wait.times": "2"})
    assert run(bench, records("a", "wait", "b"), mark) == ["t:a1", "t:wait1", "t:b1"]
    assert len(bench.waits) == 2


def test_a_failing_predicate_counts_as_the_transforms_failure() -> None:
    predicate = StartsWith()
    predicate.configure({"text": "a"})
    bench = Bench(tolerate_all=True)
    assert run(bench, records("untestable", "a"), step(Mark(), predicate, mark="1")) == [None, "t:a1"]
    with pytest.raises(ConnectException):
        run(Bench(), records("untestable"), step(Mark(), predicate))


def test_a_wrong_number_of_results_is_an_error_that_names_the_transform() -> None:
    class Short(Route):
        def apply_batch(self, records: Any) -> list[Any]:
            return []

    with pytest.raises(ConnectException) as caught:
        run(Bench(tolerate_all=True), records("a"), step(Short()))
    assert caught.value.code == "TRANSFORM_RESULT_COUNT"


# -- dead letters -----------------------------------------------------------------------------------------------------


def test_context_headers_are_connects_in_its_order() -> None:
    try:
        raise DataException("no such type", code="X")
    except DataException as error:
        failure = Failure(Stage.KEY_CONVERTER, "org.apache.kafka.connect.json.JsonConverter", error, RAW)
    headers = context_headers(failure, "conn", 7)
    assert [name for name, _ in headers] == [
        "__connect.errors.topic",
        "__connect.errors.partition",
        "__connect.errors.offset",
        "__connect.errors.connector.name",
        "__connect.errors.task.id",
        "__connect.errors.stage",
        "__connect.errors.class.name",
        "__connect.errors.exception.class.name",
        "__connect.errors.exception.message",
        "__connect.errors.exception.stacktrace",
    ]
    assert [value for _, value in headers][:9] == [
        b"t",
        b"3",
        b"42",
        b"conn",
        b"7",
        b"KEY_CONVERTER",
        b"org.apache.kafka.connect.json.JsonConverter",
        b"headrace.errors.DataException",
        b"[X] no such type",
    ]
    assert b"Traceback" in (headers[9][1] or b"")


@pytest.mark.parametrize("with_context", [False, True])
def test_a_dead_letter_has_the_original_bytes_headers_and_time(with_context: bool) -> None:
    log = MemoryLog()
    letters = DeadLetters(DeadLetterSettings("dlq", with_context), log, "conn", 0, ErrorMetrics())
    letters.prepare()
    letters.report(Failure(Stage.TASK_PUT, "C", ValueError("x"), RAW))
    batch = letters.peek()
    assert batch is not None
    assert (batch.topic, batch.partition, batch.timestamps) == ("dlq", 0, [RAW.timestamp])
    assert (batch.keys[0], batch.values[0]) == (b"key", b"value")
    assert batch.headers[0][0] == ("own", b"1")
    assert len(batch.headers[0]) == (11 if with_context else 1)
    assert log.topics() == {"dlq": 1}
    letters.drop(1)
    assert letters.peek() is None


def test_a_source_letter_shows_whatever_it_is_given() -> None:
    class Odd:
        def __str__(self) -> str:
            raise ValueError("cannot be shown")

    letters = DeadLetters(DeadLetterSettings("dlq", False), MemoryLog(), "conn", 0, ErrorMetrics())
    odd = SourceRecord({"p": 1}, {"o": 1}, "t", key=b"\xff", value={"a": Odd(), 1: {2}, "n": float("nan")})
    letters.report(Failure(Stage.VALUE_CONVERTER, "C", ValueError("x"), odd))
    batch = letters.peek()
    assert batch is not None
    assert b'"source_offset":{"o":1}' in (batch.values[0] or b"")
    assert b"Odd that cannot be shown" in (batch.values[0] or b"")


def test_settings() -> None:
    assert DeadLetterSettings.from_config({}) is None
    assert DeadLetterSettings.from_config({"errors.deadletterqueue.topic.name": " d "}) == DeadLetterSettings(
        "d", False
    )


# -- the errant record reporter ---------------------------------------------------------------------------------------


def reporter(bench: Bench, write: Callable[[], None]) -> Reporter:
    import threading

    return Reporter(bench.tolerance, lambda record: RAW, write, "the.Task", threading.RLock())


ERRANT = SinkRecord("t", 0, None, "k", None, "v", 1)


def test_errant_reports_are_done_when_written() -> None:
    written: list[int] = []
    bench = Bench(tolerate_all=True)
    errant = reporter(bench, lambda: written.append(1))
    first, second = errant.report(ERRANT, ValueError("x")), errant.report(ERRANT, ValueError("y"))
    assert not first.done()
    assert second.result(1) is None
    assert first.done()
    assert written == [1]
    assert [f.stage for f in bench.collected.failures] == [Stage.TASK_PUT] * 2


def test_errant_reports_stay_open_when_writing_fails() -> None:
    def fail() -> None:
        raise ConnectException("no")

    errant = reporter(Bench(tolerate_all=True), fail)
    future = errant.report(ERRANT, ValueError("x"))
    with pytest.raises(ConnectException):
        errant.flush()
    assert not future.done()


def test_errant_reports_raise_without_tolerance() -> None:
    with pytest.raises(ConnectException) as caught:
        reporter(Bench(), lambda: None).report(ERRANT, ValueError("x"))
    assert caught.value.code == "TOLERANCE_EXCEEDED"
