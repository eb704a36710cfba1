"""The source loop on the log in memory."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from headrace.data import Header, SourceRecord
from headrace.errors import ConnectException, DataException, NotFoundException, RetriableException
from headrace.foundation import failpoints
from headrace.log.spi import EncodedBatch, Producer, SourceOffsetEntry
from headrace.runtime.herder import State
from headrace.spi import TopicPartition
from headrace.testing.memory_log import MemoryLog, MemoryOffsetStore
from tests.runtime.task_kit import Running, Script, TextConverter, TextHeaders, connect_error, eventually, record

LARGE = 500
"""More than is appended on the task's own thread."""


def offset(log: MemoryLog, name: str, partition: str = "p") -> dict[str, object] | None:
    return MemoryOffsetStore(log).get(name, [{"part": partition}])[0]


def test_records_and_offsets_reach_the_log_in_one_append() -> None:
    log = MemoryLog()
    with Running("source", log) as run:
        run.script.feed([record(1), record(2), record(3, partition="q")])
        eventually(lambda: run.script.got("offsets"))
        assert log.values("t") == [b"v1", b"v2", b"v3"]
        assert [entry[1] for entry in log.records("t")] == [b"k1", b"k2", b"k3"]
        assert log.append_count == 1
        assert sorted(run.script.got("offsets")[0], key=str) == [({"part": "p"}, {"n": 2}), ({"part": "q"}, {"n": 3})]
        assert run.script.got("commit")
        assert offset(log, run.name) == {"n": 2}
        assert offset(log, run.name, "q") == {"n": 3}
        assert run.listener.topics == ["t"]
        assert run.listener.states == [State.RUNNING]
        assert run.sample("kafka_connect_source_task_metrics_source_record_poll_total") == 3
        assert run.sample("kafka_connect_source_task_metrics_source_record_write_total") == 3
        assert run.sample("kafka_connect_source_task_metrics_source_record_active_count") == 0
    assert [name for name, _ in run.script.events][-2:] == ["stop", "close"]


def test_large_batches_keep_their_order_through_the_helper_thread() -> None:
    log = MemoryLog()
    batches = [[record(b * LARGE + i) for i in range(LARGE if b % 3 else 5)] for b in range(12)]
    with Running("source", log) as run:
        run.script.feed(*batches)
        eventually(lambda: offset(log, run.name) == {"n": batches[-1][-1].source_offset["n"]})
    assert log.values("t") == [r.value.encode() for batch in batches for r in batch]
    told = [offsets[0][1]["n"] for offsets in run.script.got("offsets")]
    assert told == sorted(told)


def test_a_map_the_task_changes_after_poll_does_not_change_what_is_stored() -> None:
    log = MemoryLog()
    shared = {"n": 1}
    batch = [record(1) for _ in range(LARGE)]
    for item in batch:
        item.source_offset = shared
    log.fail_next("append", RetriableException("busy"))
    with Running("source", log) as run:
        run.script.feed(batch)
        eventually(lambda: not log.faults_left("append"))
        shared["n"] = 999
        eventually(lambda: run.script.got("offsets"))
        assert offset(log, run.name) == {"n": 1}


@pytest.mark.parametrize("count", [3, LARGE])
def test_a_full_disk_is_waited_out_without_transforming_again(count: int) -> None:
    log = MemoryLog()
    log.fail_next("append", RetriableException("No space left.", code="LOG_DISK_FULL"), times=3)
    config = {"transforms": "m", "transforms.m.type": "kit.Mark"}
    with Running("source", log, config) as run:
        run.script.feed([record(i) for i in range(count)])
        eventually(lambda: run.sample("headrace_source_append_blocked") == 1)
        eventually(lambda: run.script.got("offsets"))
        assert run.sample("headrace_source_append_blocked") == 0
        assert run.sample("headrace_source_append_retries_total") == 3
    assert log.values("t") == [f"v{i}!".encode() for i in range(count)]


@pytest.mark.parametrize("count", [3, LARGE])
def test_stop_on_a_full_disk_is_prompt_and_commits_nothing(count: int) -> None:
    log = MemoryLog()
    log.fail_next("append", RetriableException("No space left.", code="LOG_DISK_FULL"), times=1000)
    with Running("source", log) as run:
        run.script.feed([record(i) for i in range(count)])
        eventually(lambda: run.sample("headrace_source_append_blocked") == 1)
        started = time.monotonic()
        run.stop()
        assert time.monotonic() - started < 1
    assert offset(log, run.name) is None
    assert log.values("t") == []
    assert not run.script.got("offsets")


def test_an_append_that_can_never_work_fails_the_task() -> None:
    log = MemoryLog()
    log.fail_next("append", ConnectException("A later producer.", code="PRODUCER_FENCED"))
    run = Running("source", log).start()
    run.script.feed([record(i) for i in range(LARGE)], [record(1000)])
    connect_error(run.failed(), "PRODUCER_FENCED")
    assert log.values("t") == []
    assert run.script.got("close")


def test_a_later_start_of_the_same_task_fences_the_earlier() -> None:
    log = MemoryLog()
    first = Running("source", log, name="same").start()
    eventually(lambda: first.script.task)
    with Running("source", log, name="same"):
        eventually(lambda: log.epochs["connect-same-0"] == 2)
        first.script.feed([record(1)] * 1, [record(2)])
        eventually(lambda: first.error is not None or log.values("t"))
        first.runner.stop()
    first.join()


def test_offsets_of_dropped_records_are_committed() -> None:
    log = MemoryLog()
    config = {"transforms": "m", "transforms.m.type": "kit.Mark"}
    with Running("source", log, config, connector_class="kit.RecordNotingSourceConnector") as run:
        run.script.feed([record(1), record(2, "drop")])
        eventually(lambda: run.script.got("offsets"))
        assert offset(log, run.name) == {"n": 2}
        run.script.feed([record(3, "drop"), record(4, "drop")])
        eventually(lambda: run.script.got("record") == [1, 2, 3, 4])
        assert log.append_count == 1, "offsets without records wait for the flush interval"
        assert offset(log, run.name) == {"n": 2}
    assert offset(log, run.name) == {"n": 4}, "but not beyond the stop"
    assert run.script.got("offsets")[-1] == [({"part": "p"}, {"n": 4})]
    assert log.values("t") == [b"v1!"]


def test_offsets_of_dropped_records_are_committed_by_the_flush_interval() -> None:
    log = MemoryLog()
    config = {"transforms": "m", "transforms.m.type": "kit.Mark"}
    with Running("source", log, config, {"offset.flush.interval.ms": "50"}) as run:
        run.script.feed([record(1, "drop")])
        eventually(lambda: offset(log, run.name) == {"n": 1})
        eventually(lambda: run.script.got("offsets") == [[({"part": "p"}, {"n": 1})]])


def test_commit_record_comes_after_the_append_in_order() -> None:
    log = MemoryLog()
    with Running("source", log, connector_class="kit.RecordNotingSourceConnector") as run:
        run.script.feed([record(i) for i in range(LARGE)], [record(i) for i in range(LARGE, LARGE + 3)])
        eventually(lambda: len(run.script.got("record")) == LARGE + 3)
        assert run.script.got("record") == list(range(LARGE + 3))


def test_a_retriable_poll_is_called_again_and_others_fail_the_task() -> None:
    log = MemoryLog()
    run = Running("source", log).start()
    run.script.feed(RetriableException("later"), [record(1)], ValueError("broken"))
    error = run.failed()
    assert isinstance(error, ValueError)
    assert log.values("t") == [b"v1"]
    assert offset(log, run.name) == {"n": 1}
    assert run.script.got("offsets")


def test_a_failed_start_still_closes_the_task() -> None:
    script = Script("bad-start")
    script.start_error = ConnectException("no")
    run = Running("source", MemoryLog(), name="bad-start").start()
    assert isinstance(run.failed(), ConnectException)
    assert [name for name, _ in script.events] == ["start", "stop", "close"]


def test_pause_commits_what_was_read_and_stops_reading() -> None:
    log = MemoryLog()
    with Running("source", log, paused=True) as run:
        eventually(lambda: run.listener.states == [State.PAUSED])
        run.script.feed([record(1)])
        assert run.runner.progress()[0] == "idle"
        assert [name for name, _ in run.script.events] == ["start", "paused"]
        run.runner.resume()
        eventually(lambda: log.values("t"))
        assert run.listener.states == [State.PAUSED, State.RUNNING]
        started = time.monotonic()
        run.runner.pause()
        eventually(lambda: run.listener.states[-1] is State.PAUSED)
        assert time.monotonic() - started < 1.5
        stopped = time.monotonic()
        run.stop()
        assert time.monotonic() - stopped < 0.5


def test_stop_cuts_a_poll_short_by_the_tasks_own_stop() -> None:
    log = MemoryLog()
    with Running("source", log) as run:
        blocked, release = threading.Event(), threading.Event()

        def wait_long() -> None:
            blocked.set()
            release.wait(30)

        run.script.feed(wait_long)
        assert blocked.wait(5)
        original = run.script.task.stop

        def stop() -> None:
            release.set()
            original()

        run.script.task.stop = stop
        started = time.monotonic()
        run.stop()
        assert time.monotonic() - started < 1
    assert run.script.got("stop") == ["headrace-task-stop"]


def test_cancel_commits_nothing_more() -> None:
    log = MemoryLog()
    config = {"transforms": "m", "transforms.m.type": "kit.Mark"}
    with Running("source", log, config, connector_class="kit.RecordNotingSourceConnector") as run:
        run.script.feed([record(1, "drop")])
        eventually(lambda: run.script.got("record"))
        run.runner.cancel()
        run.join()
    assert offset(log, run.name) is None


def test_topics_are_created_by_the_groups_in_order() -> None:
    log = MemoryLog(auto_create=False)
    config = {
        "topic.creation.default.partitions": "2",
        "topic.creation.default.replication.factor": "-1",
        "topic.creation.groups": "big,compact",
        "topic.creation.big.include": "b.*",
        "topic.creation.big.exclude": "bx",
        "topic.creation.big.partitions": "5",
        "topic.creation.compact.include": "b.*,c.*",
        "topic.creation.compact.cleanup.policy": "compact",
    }
    with Running("source", log, config) as run:
        run.script.feed([record(i, topic=name) for i, name in enumerate(["b1", "bx", "c1", "d1"])])
        eventually(lambda: run.script.got("offsets"))
    specs = {name: (spec.partitions, dict(spec.configs)) for name, spec in log.topic_specs.items()}
    assert specs == {
        "b1": (5, {}),
        "bx": (2, {"cleanup.policy": "compact"}),
        "c1": (2, {"cleanup.policy": "compact"}),
        "d1": (2, {}),
    }


def test_a_topic_deleted_meanwhile_is_created_again() -> None:
    log = MemoryLog(auto_create=False)
    config = {"topic.creation.default.partitions": "1", "topic.creation.default.replication.factor": "1"}
    with Running("source", log, config) as run:
        run.script.feed([record(1)])
        eventually(lambda: run.script.got("offsets"))
        log.delete_topics(["t"])
        run.script.feed([record(2)])
        eventually(lambda: log.values("t") == [b"v2"])


def test_without_groups_a_missing_topic_fails_the_task_when_the_log_creates_none() -> None:
    run = Running("source", MemoryLog(auto_create=False)).start()
    run.script.feed([record(1)])
    assert isinstance(run.failed(), NotFoundException)


def test_keys_choose_partitions_and_explicit_partitions_win() -> None:
    from headrace.log.partitioner import partition_for

    log = MemoryLog(partitions=4)
    with Running("source", log, worker={"log.embedded.num.partitions": "4"}) as run:
        run.script.feed([record(i) for i in range(40)])
        eventually(lambda: run.script.got("offsets"))
        for i in range(40):
            assert f"v{i}".encode() in log.values("t", partition_for(f"k{i}".encode(), 4))
        run.script.feed([record(1, "explicit")])
        run.script.polls[-1][0].partition = 3 if run.script.polls else 0
        eventually(lambda: any(b"explicit" in log.values("t", p) for p in range(4)))


def test_a_partition_that_is_not_there_fails_the_task() -> None:
    run = Running("source", MemoryLog()).start()
    wrong = record(1)
    wrong.partition = 9
    run.script.feed([wrong])
    connect_error(run.failed(), "PARTITION_UNKNOWN")


def test_shared_headers_are_encoded_once_per_batch() -> None:
    log = MemoryLog()
    shared = (Header("h", None, "x"),)
    before = TextHeaders.encoded
    with Running("source", log) as run:
        run.script.feed([record(i, headers=shared) for i in range(50)])
        eventually(lambda: run.script.got("offsets"))
    assert TextHeaders.encoded - before == 1
    assert {entry[3] for entry in log.records("t")} == {(("h", b"x"),)}


def test_converter_settings_are_never_mixed() -> None:
    TextConverter.seen_props.clear()
    worker = {"value.converter.busy.times": "3", "key.converter.a": "worker"}
    config = {"value.converter": "TextConverter", "value.converter.own": "1", "key.converter.b": "ignored"}
    with Running("source", MemoryLog(), config, worker):
        pass
    assert TextConverter.seen_props == [
        {"a": "worker", "converter.type": "key"},
        {"own": "1", "converter.type": "value"},
    ]


def test_a_source_record_that_cannot_be_converted_becomes_a_dead_letter_in_the_same_commit() -> None:
    log = MemoryLog()
    config = {
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": "dlq",
        "errors.deadletterqueue.context.headers.enable": "true",
    }
    with Running("source", log, config) as run:
        run.script.feed([record(1), record(2, "bad"), record(3)])
        eventually(lambda: run.script.got("offsets"))
        assert log.append_count == 1
        assert log.values("t") == [b"v1", b"v3"]
        ((_, key, value, headers),) = log.records("dlq")
        document = json.loads(value or b"")
        assert document["value"] == "bad"
        assert document["source_offset"] == {"n": 2}
        assert json.loads(key or b"") == "k2"
        named = dict(headers)
        assert named["__connect.errors.stage"] == b"VALUE_CONVERTER"
        assert named["__connect.errors.class.name"] == b"kit.TextConverter"
        assert run.sample("kafka_connect_task_error_metrics_deadletterqueue_produce_requests") == 1
        assert run.sample("kafka_connect_task_error_metrics_total_records_skipped") == 1
        assert offset(log, run.name) == {"n": 3}


def test_an_unmapped_offset_is_refused() -> None:
    run = Running("source", MemoryLog()).start()
    wrong = record(1)
    wrong.source_offset = {"nested": {"a": 1}}
    run.script.feed([wrong])
    connect_error(run.failed(), "OFFSET_INVALID")


def test_stages_and_their_time_are_shown() -> None:
    log = MemoryLog()
    with Running("source", log) as run:
        run.script.feed([record(1)])
        eventually(lambda: run.script.got("offsets"))
        stages = {
            dict(s.labels)["stage"] for s in run.runner.samples() if s.name == "headrace_stage_busy_seconds_total"
        }
        assert {"poll", "convert", "append", "commit", "idle"} <= stages
        eventually(lambda: run.runner.progress()[0] == "poll")


class PickyLog(MemoryLog):
    """Refuses values that start with `huge`, as the embedded log refuses records too large."""

    def producer(self, client_id: str, transactional_id: str | None = None) -> Producer:
        inner = super().producer(client_id, transactional_id)
        original = inner.append

        def append(batches: Sequence[EncodedBatch], offsets: Sequence[SourceOffsetEntry] = ()) -> list[int]:
            for batch in batches:
                if batch.topic != "dlq" and any((v or b"").startswith(b"huge") for v in batch.values):
                    raise DataException("too large", code="RECORD_TOO_LARGE")
            return original(batches, offsets)

        inner.append = append  # type: ignore[method-assign]
        return inner


@pytest.mark.parametrize("count", [7, LARGE])
def test_records_the_log_refuses_are_given_up_alone(count: int) -> None:
    log = PickyLog()
    config = {
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": "dlq",
        "errors.deadletterqueue.context.headers.enable": "true",
    }
    wanted = ["huge" if i in (2, 5) else f"v{i}" for i in range(count)]
    with Running("source", log, config) as run:
        run.script.feed([record(i, value, topic="tu"[i % 2]) for i, value in enumerate(wanted)])
        eventually(lambda: offset(log, run.name) == {"n": count - 1})
        assert run.sample("kafka_connect_task_error_metrics_total_records_skipped") == 2
    assert log.values("t") == [v.encode() for v in wanted[::2] if v != "huge"]
    assert log.values("u") == [v.encode() for v in wanted[1::2] if v != "huge"]
    assert log.values("dlq") == [b"huge", b"huge"]
    assert {dict(entry[3])["__connect.errors.stage"] for entry in log.records("dlq")} == {b"KAFKA_PRODUCE"}


def test_records_the_log_refuses_fail_the_task_without_tolerance() -> None:
    log = PickyLog()
    run = Running("source", log).start()
    run.script.feed([record(1), record(2, "huge")])
    connect_error(run.failed(), "RECORD_TOO_LARGE")
    assert log.values("t") == []
    assert offset(log, run.name) is None


def test_records_the_log_refuses_fail_the_task_where_exactly_once_is_required() -> None:
    log = PickyLog()
    config = {"errors.tolerance": "all", "exactly.once.support": "REQUIRED"}
    run = Running("source", log, config).start()
    run.script.feed([record(1), record(2, "huge")])
    connect_error(run.failed(), "RECORD_TOO_LARGE")
    assert log.values("t") == []
    assert offset(log, run.name) is None


def test_error_log_lines_name_the_stage_and_show_the_record_if_asked(caplog: pytest.LogCaptureFixture) -> None:
    config = {"errors.tolerance": "all", "errors.log.enable": "true"}
    for include in ("false", "true"):
        caplog.clear()
        with Running("source", MemoryLog(), {**config, "errors.log.include.messages": include}) as run:
            run.script.feed([record(1, "bad secret"), record(2)])
            eventually(lambda run=run: run.script.got("offsets"))
            assert run.sample("kafka_connect_task_error_metrics_total_errors_logged") == 1
        (line,) = [r.getMessage() for r in caplog.records if "Error encountered" in r.getMessage()]
        assert f"task {run.name}-0" in line
        assert "stage 'VALUE_CONVERTER' with class 'kit.TextConverter'" in line
        assert ("bad secret" in line) is (include == "true")


@pytest.mark.parametrize("point", ["source.after_read", "source.after_append"])
def test_a_failure_at_each_point_loses_and_repeats_nothing(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    everything = [record(i) for i in range(20)]

    def from_committed(name: str) -> list[SourceRecord]:
        stored = offset(log, name)
        return everything[(stored["n"] + 1 if stored else 0) :]  # type: ignore[operator]

    Script("crash")
    monkeypatch.setattr(failpoints, "_active", failpoints._parse(f"{point}=fail:1"))
    run = Running("source", log, name="crash").start()
    run.script.feed(everything[:7], everything[7:12])
    connect_error(run.failed(), "FAILPOINT")
    Script("crash").feed(from_committed("crash"))
    with Running("source", log, name="crash") as run:
        eventually(lambda: offset(log, "crash") == {"n": 19})
    assert log.values("t") == [f"v{i}".encode() for i in range(20)]


def test_the_embedded_log_takes_records_and_offsets(tmp_path: Path) -> None:
    from headrace.log.factory import open_log, open_stores

    config = {"log.embedded.path": str(tmp_path), "log.embedded.num.partitions": "3"}
    log = open_log(config)
    try:
        with Running("source", log, worker=config) as run:
            run.script.feed(*([record(b * LARGE + i) for i in range(LARGE)] for b in range(4)))
            eventually(
                lambda: run.script.got("offsets") and run.script.got("offsets")[-1][0][1] == {"n": 4 * LARGE - 1}
            )
            store, _ = open_stores(config)
            assert store.get(run.name, [{"part": "p"}]) == [{"n": 4 * LARGE - 1}]
        got: dict[int, list[int]] = {}
        for partition in range(3):
            batch = log.read(TopicPartition("t", partition), 0, 10_000)
            assert batch is not None
            got[partition] = [int((value or b"")[1:]) for value in batch.values]
            assert got[partition] == sorted(got[partition])
        assert sorted(n for numbers in got.values() for n in numbers) == list(range(4 * LARGE))
    finally:
        log.close()
