"""The sink loop: delivery, redelivery, rewinding, offsets, rebalances, dead letters; on the log in memory and the embedded one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.data.batch import Block, SinkBatch
from headrace.errors import ConfigException, ConnectException, RetriableException, RetryClass
from headrace.log.spi import Log
from headrace.native import core
from headrace.runtime.herder import State
from headrace.spi import TopicPartition
from headrace.testing.memory_consumer import MemoryConsumer
from headrace.testing.memory_log import MemoryLog
from tests.runtime.task_kit import Running, Script, ScriptedSink, TextConverter, connect_error, eventually, fill

T0 = TopicPartition("t", 0)
QUICK = {"offset.flush.interval.ms": "20"}


@pytest.fixture(params=["memory", "embedded", "memory blocks", "embedded blocks"])
def log(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    if "blocks" in request.param:
        if core is None:
            pytest.skip("There are no columns without the Rust core.")
        monkeypatch.setattr(TextConverter, "columns", True)
    if "memory" in request.param:
        yield MemoryLog()
        return
    from headrace.log.factory import open_log

    opened = open_log({"log.embedded.path": str(tmp_path / "log")})
    yield opened
    opened.close()


def values(run: Running) -> list[str]:
    return [value for batch in run.script.got("put") for _, _, _, value in batch]


def group(log: Log, run: Running) -> dict[TopicPartition, int]:
    return log.group_offsets(f"connect-{run.name}")


def test_records_arrive_in_order_and_offsets_are_committed(log: Log) -> None:
    fill(log, [f"v{i}" for i in range(1200)])
    with Running("sink", log, worker=QUICK) as run:
        eventually(lambda: len(values(run)) == 1200)
        assert values(run) == [f"v{i}" for i in range(1200)]
        assert max(len(batch) for batch in run.script.got("put")) <= 500
        eventually(lambda: group(log, run).get(T0) == 1200)
        fill(log, ["late"])
        eventually(lambda: values(run)[-1] == "late")
        assert run.listener.topics == ["t"]
        assert run.sample("kafka_connect_sink_task_metrics_sink_record_read_total") == 1201
        assert run.sample("kafka_connect_sink_task_metrics_sink_record_send_total") == 1201
        assert run.sample("kafka_connect_sink_task_metrics_partition_count") == 1
        eventually(lambda: run.sample("headrace_sink_lag_records") == 0)
    events = [name for name, _ in run.script.events if name != "idle"]
    assert events[:2] == ["start", "open"]
    assert events[-3:] == ["pre_commit", "close", "stop"]
    assert group(log, run)[T0] == 1201


def test_a_new_record_is_put_without_a_polling_pause(log: Log) -> None:
    fill(log, ["first"])
    with Running("sink", log) as run:
        eventually(lambda: values(run) == ["first"])
        delays = []
        for i in range(5):
            started = time.monotonic()
            fill(log, [f"n{i}"])
            while len(values(run)) < i + 2:
                assert time.monotonic() - started < 5
                time.sleep(0.0005)
            delays.append(time.monotonic() - started)
        assert sorted(delays)[2] < 0.1


def test_the_next_start_goes_on_where_the_last_ended(log: Log) -> None:
    Script("again")
    fill(log, ["a", "b"])
    with Running("sink", log, name="again") as run:
        eventually(lambda: values(run) == ["a", "b"])
    fill(log, ["c"])
    with Running("sink", log, name="again") as run:
        eventually(lambda: values(run)[-1] == "c")
    assert values(run) == ["a", "b", "c"]


def test_a_retriable_put_gets_the_same_batch_again(log: Log) -> None:
    script = Script("retry")
    script.puts = [RetriableException("1"), RetriableException("2")]
    fill(log, ["a", "b"])
    with Running("sink", log, worker=QUICK, name="retry") as run:
        eventually(lambda: script.got("refused"))
        fill(log, ["c"])
        eventually(lambda: values(run) == ["a", "b", "c"])
        assert script.got("refused") == [["a", "b"]] * 2
        before = script.events.index(("put", script.got("put")[0]))
        assert all(T0 not in what or what[T0] == 0 for name, what in script.events[:before] if name == "pre_commit")
    assert group(log, run)[T0] == 3


def test_context_timeout_sets_the_wait_before_redelivery(log: Log) -> None:
    script = Script("timeout")
    refused: list[float] = []

    def refuse(context: Any, records: Any) -> None:
        refused.append(time.monotonic())
        context.timeout(300)
        raise RetriableException("wait")

    script.puts = [refuse, lambda context, records: refused.append(time.monotonic())]
    fill(log, ["a"])
    with Running("sink", log, name="timeout") as run:
        eventually(lambda: values(run) == ["a"])
    assert 0.29 < refused[1] - refused[0] < 2


def test_other_errors_fail_the_task_after_committing_what_was_done(log: Log) -> None:
    script = Script("broken")
    fill(log, ["a"])
    run = Running("sink", log, name="broken").start()
    eventually(lambda: values(run) == ["a"])
    script.puts = [ValueError("broken")]
    fill(log, ["b"])
    assert isinstance(run.failed(), ValueError)
    assert group(log, run)[T0] == 1
    assert [name for name, _ in script.events if name != "idle"][-3:] == ["pre_commit", "close", "stop"]


def test_a_failed_flush_rewinds_to_the_last_commit(log: Log) -> None:
    script = Script("rewind")
    fill(log, ["a", "b"])
    failures = [ConnectException("no"), ConnectException("no")]

    def pre_commit(offsets: Any) -> Any:
        if offsets.get(T0) == 3 and failures:
            raise failures.pop()
        return offsets

    script.pre_commit = pre_commit
    with Running("sink", log, worker=QUICK, name="rewind") as run:
        eventually(lambda: group(log, run).get(T0) == 2)
        fill(log, ["c"])
        eventually(lambda: group(log, run).get(T0) == 3)
        assert values(run) == ["a", "b", "c", "c", "c"]
        assert run.sample("kafka_connect_connector_task_metrics_offset_commit_failure_percentage") > 0


def test_only_durable_offsets_are_committed_and_foreign_ones_ignored(log: Log) -> None:
    script = Script("partly")
    fill(log, [str(i) for i in range(10)])
    script.pre_commit = lambda offsets: {T0: 4, TopicPartition("other", 0): 1} if offsets.get(T0) == 10 else {}
    with Running("sink", log, worker=QUICK, name="partly") as run:
        eventually(lambda: group(log, run) == {T0: 4})
        script.pre_commit = lambda offsets: {T0: 11}
        seen = len(script.got("pre_commit"))
        eventually(lambda: len(script.got("pre_commit")) > seen + 2)
        assert group(log, run) == {T0: 4}, "an offset beyond what was given is ignored"
        eventually(lambda: run.sample("kafka_connect_sink_task_metrics_offset_commit_skip_total") > 0)


def test_a_commit_is_made_when_the_task_asks(log: Log) -> None:
    script = Script("asks")
    script.puts = [lambda context, records: context.request_commit()]
    fill(log, ["a"])
    with Running("sink", log, name="asks") as run:
        eventually(lambda: group(log, run).get(T0) == 1)


def test_a_seek_in_open_decides_the_first_record(log: Log) -> None:
    script = Script("seek")
    script.on_open = lambda context, partitions: context.offset({T0: 3})
    fill(log, [str(i) for i in range(6)])
    with Running("sink", log, name="seek") as run:
        eventually(lambda: values(run))
        assert values(run) == ["3", "4", "5"]
    assert group(log, run)[T0] == 6


@pytest.mark.parametrize("when", ["open", "put"])
def test_a_seek_to_what_the_topic_never_had_fails_the_task(log: Log, when: str) -> None:
    script = Script("beyond")
    if when == "open":
        script.on_open = lambda context, partitions: context.offset({T0: 4})
    else:
        script.puts = [lambda context, records: context.offset({T0: 4})]
    fill(log, ["a", "b", "c"])
    run = Running("sink", log, name="beyond").start()
    error = connect_error(run.failed(), "SEEK_BEYOND_END")
    assert "t-0 from offset 4" in error.message
    assert "ends at 3" in error.message
    assert error.retry_class is RetryClass.OPERATOR
    assert values(run) == ([] if when == "open" else ["a", "b", "c"])


def test_a_seek_to_the_end_waits_for_what_comes(log: Log) -> None:
    script = Script("end")
    script.on_open = lambda context, partitions: context.offset({T0: 3})
    fill(log, ["a", "b", "c"])
    with Running("sink", log, name="end") as run:
        eventually(lambda: script.got("open"))
        fill(log, ["d"])
        eventually(lambda: values(run) == ["d"])


def test_a_topic_made_anew_has_another_id_when_it_is_opened_again(log: Log) -> None:
    script = Script("anew")
    script.on_open = lambda context, partitions: script.note("id", context.topic_id("t"))
    fill(log, ["a"])
    with Running("sink", log, name="anew") as run:
        eventually(lambda: values(run) == ["a"])
        with pytest.raises(RetriableException) as caught:
            script.task.context.topic_id("never")
        assert caught.value.code == "TOPIC_GONE"
        log.delete_topics(["t"])
        fill(log, ["b"])
        eventually(lambda: values(run) == ["a", "b"])
        first, second = script.got("id")
        assert first != second
        assert second == log.topic_ids(["t"])["t"]


def test_a_seek_in_put_is_done_before_the_next_poll(log: Log) -> None:
    script = Script("back")
    script.puts = [lambda context, records: context.offset({T0: 1})]
    fill(log, ["a", "b", "c"])
    with Running("sink", log, name="back") as run:
        eventually(lambda: len(values(run)) == 5)
        assert values(run) == ["a", "b", "c", "b", "c"]


def test_a_pause_of_a_partition_holds_its_records_back() -> None:
    log = MemoryLog(partitions=2)
    script = Script("hold")
    fill(log, ["a0"], partition=0)
    script.puts = [lambda context, records: context.pause([T0])]
    with Running("sink", log, name="hold") as run:
        eventually(lambda: values(run) == ["a0"])
        fill(log, ["b0"], partition=0)
        fill(log, ["b1"], partition=1)
        eventually(lambda: values(run) == ["a0", "b1"])
        script.puts = [lambda context, records: context.resume([T0])]
        fill(log, ["c1"], partition=1)
        eventually(lambda: sorted(values(run)) == ["a0", "b0", "b1", "c1"])


def test_pause_resume_and_stop_are_prompt(log: Log) -> None:
    fill(log, ["a"])
    with Running("sink", log, paused=True) as run:
        eventually(lambda: run.listener.states == [State.PAUSED])
        started = time.monotonic()
        run.runner.resume()
        eventually(lambda: values(run) == ["a"])
        assert time.monotonic() - started < 0.9
        started = time.monotonic()
        run.runner.pause()
        eventually(lambda: run.listener.states[-1] is State.PAUSED)
        assert time.monotonic() - started < 0.9
        fill(log, ["b"])
        eventually(lambda: run.runner.progress()[0] == "idle")
        assert values(run) == ["a"]
        run.runner.resume()
        eventually(lambda: values(run) == ["a", "b"])
        started = time.monotonic()
        run.stop()
        assert time.monotonic() - started < 0.9


def test_cancel_commits_nothing(log: Log) -> None:
    fill(log, ["a"])
    with Running("sink", log) as run:
        eventually(lambda: values(run) == ["a"])
        run.runner.cancel()
        run.join()
        assert not run.script.got("pre_commit")
        assert run.script.got("close")
    assert group(log, run) == {}


def test_topics_by_pattern_and_group_and_start_by_override(log: Log) -> None:
    fill(log, ["old"], topic="orders.a")
    config = {
        "topics.regex": "orders\\..*",
        "consumer.override.group.id": "mine",
        "consumer.override.auto.offset.reset": "latest",
        "consumer.override.max.poll.records": "2",
    }
    with Running("sink", log, config, QUICK) as run:
        eventually(lambda: run.script.got("open"))
        fill(log, ["1", "2", "3"], topic="orders.a")
        fill(log, ["4"], topic="other")
        eventually(lambda: len(values(run)) == 3)
        assert values(run) == ["1", "2", "3"]
        assert [len(batch) for batch in run.script.got("put")] == [2, 1]
        eventually(lambda: log.group_offsets("mine"))


@pytest.mark.parametrize(("config", "sizes"), [({}, [2, 1]), ({"consumer.override.max.poll.records": "1"}, [1, 1, 1])])
def test_a_task_says_how_many_records_it_wants_unless_the_user_does(
    log: Log, monkeypatch: pytest.MonkeyPatch, config: dict[str, str], sizes: list[int]
) -> None:
    monkeypatch.setattr(ScriptedSink, "poll_records", 2)
    fill(log, ["1", "2", "3"])
    with Running("sink", log, config, QUICK) as run:
        eventually(lambda: len(values(run)) == 3)
    assert [len(batch) for batch in run.script.got("put") if batch] == sizes


def test_transforms_may_reroute_while_offsets_stay_the_logs(log: Log) -> None:
    config = {
        "transforms": "r,m",
        "transforms.r.type": "kit.Route",
        "transforms.r.to": "elsewhere",
        "transforms.m.type": "kit.Mark",
    }
    fill(log, ["a", "drop", "b", "drop"])
    with Running("sink", log, config) as run:
        eventually(lambda: values(run) == ["a!", "b!"])
        assert {topic for batch in run.script.got("put") for topic, *_ in batch} == {"elsewhere"}
    assert group(log, run) == {T0: 4}


def test_bad_records_go_to_the_dead_letter_topic_with_their_bytes(log: Log) -> None:
    config = {
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": "dlq",
        "errors.deadletterqueue.context.headers.enable": "true",
        "transforms": "m",
        "transforms.m.type": "kit.Mark",
    }
    fill(log, ["a", "bad one", "fail here", "b"], headers=(("own", b"1"),))
    with Running("sink", log, config) as run:
        eventually(lambda: values(run) == ["a!", "b!"])
        assert run.sample("kafka_connect_task_error_metrics_total_records_skipped") == 2
        assert run.sample("kafka_connect_task_error_metrics_total_record_errors") == 2
        assert run.sample("kafka_connect_task_error_metrics_deadletterqueue_produce_requests") == 2
    letters = log.read(TopicPartition("dlq", 0), 0, 10)
    assert letters is not None
    assert list(letters.values) == [b"bad one", b"fail here"]
    assert list(letters.keys) == [b"k1", b"k2"]
    first, second = (dict(headers) for headers in letters.headers)
    assert first["own"] == b"1"
    assert (first["__connect.errors.stage"], first["__connect.errors.offset"]) == (b"VALUE_CONVERTER", b"1")
    assert (second["__connect.errors.stage"], second["__connect.errors.offset"]) == (b"TRANSFORMATION", b"2")
    assert second["__connect.errors.class.name"] == b"kit.Mark"
    assert second["__connect.errors.exception.class.name"] == b"ValueError"
    assert group(log, run) == {T0: 4}


def test_a_bad_record_fails_the_task_without_tolerance_and_is_not_committed(log: Log) -> None:
    fill(log, ["a", "bad"])
    run = Running("sink", log).start()
    connect_error(run.failed(), "TOLERANCE_EXCEEDED")
    assert group(log, run).get(T0, 0) == 0
    assert values(run) == []


def test_bad_headers_are_tolerated_alike(log: Log) -> None:
    fill(log, ["a"], headers=(("h", b"bad"),))
    fill(log, ["b"], headers=(("h", b"good"),))
    with Running("sink", log, {"errors.tolerance": "all"}) as run:
        eventually(lambda: values(run) == ["b"])
    assert group(log, run) == {T0: 2}


def test_records_the_sink_reports_are_dead_letters_before_their_commit(log: Log) -> None:
    script = Script("errant")
    fill(log, ["a", "b"])

    def report(context: Any, records: Any) -> None:
        script.note("future", context.errant_record_reporter().report(records[1], ValueError("not this one")))

    script.puts = [report]
    config = {
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": "dlq",
        "errors.deadletterqueue.context.headers.enable": "true",
    }
    with Running("sink", log, config, QUICK, name="errant") as run:
        eventually(lambda: group(log, run).get(T0) == 2)
        letters = log.read(TopicPartition("dlq", 0), 0, 10)
        assert letters is not None
        assert list(letters.values) == [b"b"]
        headers = dict(letters.headers[0])
        assert headers["__connect.errors.stage"] == b"TASK_PUT"
        assert headers["__connect.errors.class.name"] == b"tests.runtime.task_kit.ScriptedSink"
        assert script.got("future")[0].done()


def test_a_late_report_finds_the_bytes_in_the_log(log: Log) -> None:
    script = Script("late")
    kept: list[Any] = []
    script.puts = [
        lambda context, records: kept.extend(records),
        lambda context, records: context.errant_record_reporter().report(kept[0], ValueError("late")).result(5),
    ]
    config = {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dlq"}
    fill(log, ["first"])
    with Running("sink", log, config, name="late") as run:
        eventually(lambda: values(run) == ["first"])
        fill(log, ["second"])
        eventually(lambda: len(values(run)) == 2)
        letters = log.read(TopicPartition("dlq", 0), 0, 10)
        assert letters is not None
        assert list(letters.values) == [b"first"]


def test_no_reporter_without_dead_letters_or_error_log(log: Log) -> None:
    fill(log, ["a"])
    for config, expected in (({}, False), ({"errors.log.enable": "true"}, True)):
        with Running("sink", log, config) as run:
            eventually(lambda run=run: values(run))
            assert (run.script.task.context.errant_record_reporter() is not None) is expected


def test_dead_letters_that_cannot_be_written_hold_the_batch_back() -> None:
    log = MemoryLog()
    fill(log, ["a", "bad"])
    log.fail_next("append", RetriableException("No space left.", code="LOG_DISK_FULL"), times=2)
    config = {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dlq"}
    with Running("sink", log, config, QUICK) as run:
        eventually(lambda: values(run) == ["a"])
        assert log.faults_left("append") == 0
        assert log.values("dlq") == [b"bad"]
        assert run.sample("kafka_connect_task_error_metrics_deadletterqueue_produce_failures") == 2
        assert run.sample("kafka_connect_task_error_metrics_deadletterqueue_produce_requests") == 1


def test_a_letter_that_can_never_be_written_fails_the_task_and_commits_nothing() -> None:
    log = MemoryLog()
    script = Script("lost-letter")
    script.puts = [
        lambda context, records: context.errant_record_reporter().report(records[0], ValueError("x")) and None
    ]
    fill(log, ["a"])
    log.fail_next("append", ConnectException("never", code="NO_DLQ"), times=100)
    config = {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dlq"}
    run = Running("sink", log, config, QUICK, name="lost-letter").start()
    connect_error(run.failed(), "NO_DLQ")
    assert group(log, run) == {}


def test_a_failed_open_fails_the_task_even_if_it_is_retriable(log: Log) -> None:
    script = Script("bad-open")

    def fail(context: Any, partitions: Any) -> None:
        raise RetriableException("cannot open", code="OPEN")

    script.on_open = fail
    fill(log, ["a"])
    run = Running("sink", log, name="bad-open").start()
    connect_error(run.failed(), "OPEN")
    assert values(run) == []


def test_a_refused_commit_is_made_up_for() -> None:
    log = MemoryLog()
    fill(log, ["a"])
    log.fail_next("commit", RetriableException("moved on", code="REBALANCED"), times=2)
    with Running("sink", log, worker=QUICK) as run:
        eventually(lambda: group(log, run).get(T0) == 1)
        assert values(run) == ["a"]


def test_partitions_are_shared_and_handed_over_with_their_offsets(tmp_path: Path) -> None:
    from headrace.log.factory import open_log

    log = open_log({"log.embedded.path": str(tmp_path), "log.embedded.num.partitions": "2"})
    everything = Script("shared")
    for partition in (0, 1):
        fill(log, [f"{partition}-{i}" for i in range(5)], partition=partition)
    with Running("sink", log, name="shared", worker=QUICK) as one:
        eventually(lambda: len(values(one)) == 10)
        with Running("sink", log, name="shared", task_id=1, worker=QUICK):
            eventually(lambda: len(everything.got("open")) >= 2)
            for partition in (0, 1):
                fill(log, [f"{partition}-{i}" for i in range(5, 8)], partition=partition)
            eventually(lambda: len(values(one)) >= 16)
        fill(log, ["0-8"], partition=0)
        fill(log, ["1-8"], partition=1)
        eventually(lambda: len(values(one)) >= 18)
    got = values(one)
    assert len(got) == len(set(got)) == 18, "nothing twice after an orderly hand-over"
    for partition in (0, 1):
        mine = [value for value in got if value.startswith(str(partition))]
        assert mine == [f"{partition}-{i}" for i in range(9)]
    log.close()


def test_a_revoked_partition_leaves_the_batch_that_waits_for_redelivery() -> None:
    log = MemoryLog(partitions=2)
    script = Script("revoked")
    script.puts = [RetriableException("wait")] * 3
    for partition in (0, 1):
        fill(log, [f"{partition}a"], partition=partition)
    with Running("sink", log, name="revoked") as one:
        eventually(lambda: script.got("refused"))
        with Running("sink", log, name="revoked", task_id=1):
            eventually(lambda: len(values(one)) == 2)
            assert sorted(values(one)) == ["0a", "1a"]
    assert script.got("close")


def test_lost_partitions_are_closed_without_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    made: list[MemoryConsumer] = []
    original = log.consumer
    monkeypatch.setattr(log, "consumer", lambda *a, **k: made.append(original(*a, **k)) or made[-1])
    fill(log, ["a"])
    with Running("sink", log) as run:
        eventually(lambda: values(run) == ["a"])
        made[0].evicted = True
        made[0].wakeup()
        eventually(lambda: run.script.got("close"))
        assert not run.script.got("pre_commit")
        eventually(lambda: values(run) == ["a", "a"])


def test_settings_that_are_refused_name_their_key() -> None:
    for config, field in (({"topics": ""}, "topics"), ({"topics.regex": "x", "topics": "t"}, "topics")):
        run = Running("sink", MemoryLog(), config).start()
        error = run.failed()
        assert isinstance(error, ConfigException)
        assert error.field == field
    with pytest.raises(ConfigException) as caught:
        Running("sink", MemoryLog(), {"consumer.override.max.poll.records": "many"})
    assert caught.value.field == "consumer.override.max.poll.records"
    for value in ("0", "-1", "much"):
        error = Running("sink", MemoryLog(), {"consumer.override.fetch.max.bytes": value}).start().failed()
        assert isinstance(error, ConfigException)
        assert error.field == "consumer.override.fetch.max.bytes"
    config = {"transforms": "m", "transforms.m.type": "kit.Mark", "transforms.m.predicate": "p"}
    error = Running("sink", MemoryLog(), config).start().failed()
    assert isinstance(error, ConfigException)
    assert error.field == "transforms.m.predicate"


@pytest.mark.skipif(core is None, reason="There are no columns without the Rust core.")
def test_the_next_batch_is_decoded_while_one_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    monkeypatch.setattr(TextConverter, "columns", True)
    decoded: list[int] = []
    decode = TextConverter.decode_column

    def counting(self: TextConverter, topic: str, column: Any) -> Any:
        decoded.append(len(column))
        return decode(self, topic, column)

    monkeypatch.setattr(TextConverter, "decode_column", counting)
    script = Script("ahead")

    def hold(context: Any, records: Any) -> None:
        assert isinstance(records, SinkBatch)
        assert all(isinstance(part, Block) for part in records.parts)
        # Of each batch the key's and the value's column.
        eventually(lambda: decoded == [500, 500, 500, 500])

    script.puts = [hold]
    fill(log, [f"v{i}" for i in range(1000)])
    with Running("sink", log, worker=QUICK, name="ahead") as run:
        eventually(lambda: values(run) == [f"v{i}" for i in range(1000)])
    assert group(log, run)[T0] == 1000


@pytest.mark.skipif(core is None, reason="There are no columns without the Rust core.")
def test_behind_a_small_batch_everything_that_came_meanwhile_is_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is polled ahead would be written by itself, and the rest behind it: at a low rate that is a write's time more for each record."""
    log = MemoryLog()
    monkeypatch.setattr(TextConverter, "columns", True)
    script = Script("behind")
    sizes: list[int] = []
    decode = TextConverter.decode_column
    while_decoded = iter(["b"])

    def decoding(self: TextConverter, topic: str, column: Any) -> Any:
        for value in while_decoded:
            fill(log, [value])
        return decode(self, topic, column)

    monkeypatch.setattr(TextConverter, "decode_column", decoding)

    def first(context: Any, records: Any) -> None:
        sizes.append(len(records))
        fill(log, ["c"])

    script.puts = [first, lambda context, records: sizes.append(len(records))]
    fill(log, ["a"])
    with Running("sink", log, worker=QUICK, name="behind") as run:
        eventually(lambda: values(run) == ["a", "b", "c"])
    assert sizes == [1, 2]
