"""Exactly once in effect: replays, lost answers, zombies, crashes, refused commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.redis_sink.harness import TP, Reporter, Sink, flat

from headrace.data import SinkRecord
from headrace.errors import ConnectException, DataException, RetriableException, RetryClass
from headrace.sinks.redis import RedisSinkConnector
from headrace.spi import TopicPartition

POSITION = "com.redis.kafka.connect.sink.offset.shop.orders.0.orders-cache"
ROOT = Path(__file__).parents[2]


def at(offset, id=None):
    record = flat(offset if id is None else id)
    record.offset = record.original_offset = offset
    return record


def entries(sink):
    return [int(fields[b"id"]) for _, fields in sink.client.xrange("shop.orders")]


def test_a_replay_changes_nothing_and_open_seeks(redis):
    first = Sink(redis, type="STREAM")
    first.put(*(at(i) for i in range(10)))
    first.put(*(at(i) for i in range(5, 15)))
    assert entries(first) == list(range(15))
    first.stop()
    second = Sink(redis, type="STREAM")
    assert second.context.sought == {TP: 15}
    second.put(*(at(i) for i in range(20)))
    assert entries(second) == list(range(20))
    assert json.loads(second.client.get(POSITION))["offset"] == 20
    second.stop()


def test_a_zombie_is_refused(redis):
    zombie = Sink(redis, type="STREAM")
    zombie.put(at(0))
    heir = Sink(redis, type="STREAM")
    with pytest.raises(ConnectException) as caught:
        zombie.put(at(1))
    assert caught.value.code == "REDIS_FENCED"
    heir.put(at(1))
    assert entries(heir) == [0, 1]
    zombie.stop()
    heir.stop()


def test_a_lost_answer_is_found_out(redis):
    sink = Sink(redis, type="STREAM")
    sink.put(at(0))
    link = sink.task._link
    send = link.pipeline

    def lose_the_answer(chunks, replies):
        answers = send(chunks, replies)
        if any(b"XADD" in chunk for chunk in chunks):
            link.close()
            link.pipeline = send
            raise RetriableException("lost")
        return answers

    link.pipeline = lose_the_answer
    with pytest.raises(RetriableException):
        sink.put(at(1), at(2))
    sink.put(at(1), at(2), at(3))
    assert entries(sink) == [0, 1, 2, 3]
    sink.stop()


def test_a_server_that_comes_back_is_written_to_again(redis):
    sink = Sink(redis, type="STREAM")
    sink.put(at(0))
    redis.kill()
    with pytest.raises(RetriableException):
        sink.put(at(1))
    with pytest.raises(RetriableException) as caught:
        sink.put(at(1))
    assert caught.value.code == "REDIS_CONNECT_REFUSED"
    redis.start()
    # This server keeps nothing: that is noticed, and a task that starts anew fills it again from the start of the log.
    with pytest.raises(ConnectException) as lost:
        sink.put(at(1))
    assert lost.value.code == "REDIS_DATA_LOST"
    assert lost.value.retry_class is RetryClass.RETRY
    sink.stop()
    again = Sink(redis, type="STREAM")
    assert again.context.sought == {TP: 0}
    again.stop()


def test_two_connectors_do_not_meet(redis):
    one, two = Sink(redis, type="STREAM", name="one"), Sink(redis, type="HASH", name="two", keyspace="h")
    one.put(at(0))
    assert Sink(redis, name="two").context.sought == {TP: 0}
    two.stop()
    one.stop()


def test_shared_scope_reads_and_writes_the_original_connectors_positions(redis):
    key = "com.redis.kafka.connect.sink.offset.shop.orders.0"
    sink = Sink(redis, type="HASH")
    sink.client.set(key, '{"topic":"shop.orders","partition":0,"offset":7}')
    taken = Sink(redis, type="HASH", offset_scope="shared")
    assert taken.context.sought == {TP: 7}
    taken.put(at(7))
    stored = json.loads(taken.client.get(key))
    assert (stored["topic"], stored["partition"], stored["offset"]) == ("shop.orders", 0, 8)
    taken.stop()
    sink.stop()


def test_a_command_the_server_refuses_fails_without_losing_the_record(redis):
    sink = Sink(redis, type="STREAM", key_pattern="s:${key.id}")
    sink.client.set("s:1", "in the way")
    with pytest.raises(DataException) as caught:
        sink.put(at(0), at(1), at(2))
    assert caught.value.code == "REDIS_WRONG_TYPE"
    sink.stop()
    sink.client.delete("s:1")
    again = Sink(redis, type="STREAM", key_pattern="s:${key.id}")
    assert again.context.sought == {TP: 1}
    again.put(at(1), at(2), at(3))
    assert [again.client.xlen(f"s:{i}") for i in range(4)] == [1, 1, 1, 1]
    again.stop()


def test_a_refused_command_goes_to_the_reporter(redis):
    reporter = Reporter()
    sink = Sink(redis, type="STREAM", key_pattern="s:${key.id}", reporter=reporter)
    sink.client.set("s:1", "in the way")
    sink.put(at(0), at(1), at(2))
    assert [record.original_offset for record, _ in reporter.reported] == [1]
    sink.put(at(1), at(2), at(3))
    assert [sink.client.xlen(f"s:{i}") for i in (0, 2, 3)] == [1, 1, 1]
    sink.stop()


@pytest.mark.parametrize("point", ["sink.before_target_commit", "sink.after_target_commit"])
def test_killed_at_a_named_point_nothing_is_lost_or_doubled(redis, point):
    code = f"""
from tests.redis_sink.harness import Sink, TP
from tests.redis_sink.test_exactly_once import at
class Server: host, port = {redis.host!r}, {redis.port}
sink = Sink(Server, type="STREAM")
sink.put(*(at(i) for i in range(sink.offset, 50)))
sink.put(*(at(i) for i in range(50, 100)))
"""
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "HEADRACE_FAILPOINTS": f"{point}=kill:1"}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert run.returncode == -9, run.stderr
    sink = Sink(redis, type="STREAM")
    assert sink.context.sought == {TP: 50 if "before" in point else 100}
    sink.put(*(at(i) for i in range(sink.offset, 100)))
    assert entries(sink) == list(range(100))
    sink.stop()


def ids_in(sink, kind, count):
    if kind == "STREAM":
        return entries(sink)
    if kind == "LIST":
        return [int(line) for line in sink.client.lrange("shop.orders", 0, -1)]
    return [int(sink.client.hget(f"shop.orders:{i}", "id") or -1) for i in range(count)]


@pytest.mark.parametrize("kind", ["STREAM", "LIST", "HASH"])
def test_killed_between_a_refusal_and_its_answer_the_record_is_not_lost(redis, kind):
    """A command fails inside the transaction that moves the position, and the process dies before it reads that."""
    code = f"""
from tests.redis_sink.harness import Sink, TP
from tests.redis_sink.test_exactly_once import at
class Server: host, port = {redis.host!r}, {redis.port}
sink = Sink(Server, type={kind!r})
sink.put(*(at(i) for i in range(3)))
if {kind!r} != "HASH": sink.client.rename("shop.orders", "kept")
sink.client.set("shop.orders" if {kind!r} != "HASH" else "shop.orders:5", "in the way")
sink.put(*(at(i) for i in range(3, 8)))
"""
    env = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "HEADRACE_FAILPOINTS": "sink.after_target_commit=kill:1",
    }
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert run.returncode == -9, run.stderr
    again = Sink(redis, type=kind)
    assert again.context.sought == {TP: 3}
    with pytest.raises(DataException) as caught:
        again.put(*(at(i) for i in range(3, 8)))
    assert caught.value.code == "REDIS_WRONG_TYPE"
    again.task.close([TP])
    again.stop()
    if kind == "HASH":
        again.client.delete("shop.orders:5")
    else:
        again.client.rename("kept", "shop.orders")
    last = Sink(redis, type=kind)
    assert last.context.sought == {TP: 3}
    last.put(*(at(i) for i in range(3, 10)))
    assert ids_in(last, kind, 10) == list(range(10))
    last.task.close([TP])
    assert json.loads(last.client.get(POSITION))["offset"] == 10
    assert "unchecked" not in json.loads(last.client.get(POSITION))
    last.stop()


@pytest.mark.parametrize("kind", ["STREAM", "HASH"])
def test_many_refused_commands_all_go_to_the_reporter_in_order(redis, kind):
    reporter = Reporter()
    sink = Sink(redis, type=kind, key_pattern="s:${key.id}", reporter=reporter)
    bad = [i for i in range(200) if i % 3 == 0 or 50 < i < 90]
    for i in bad:
        sink.client.set(f"s:{i}", "in the way")
    sink.put(*(at(i) for i in range(200)))
    assert [record.original_offset for record, _ in reporter.reported] == bad
    size = sink.client.xlen if kind == "STREAM" else lambda key: bool(sink.client.hlen(key))
    assert all(size(f"s:{i}") == 1 for i in range(200) if i not in bad)
    assert json.loads(sink.client.get(POSITION))["offset"] == 200
    sink.stop()


@pytest.mark.parametrize("kind", ["STREAM", "HASH"])
def test_what_only_the_server_can_heal_is_nobodys_dead_letter(redis, kind):
    reporter = Reporter()
    sink = Sink(redis, type=kind, reporter=reporter)
    sink.put(at(0))
    sink.client.config_set("maxmemory", 1)
    try:
        with pytest.raises(RetriableException) as caught:
            sink.put(at(1), at(2))
        assert caught.value.code == "REDIS_OUT_OF_MEMORY"
    finally:
        sink.client.config_set("maxmemory", 0)
    sink.put(at(1), at(2), at(3))
    assert reporter.reported == []
    assert ids_in(sink, kind, 4) == [0, 1, 2, 3]
    sink.stop()


def test_a_script_the_server_forgot_is_sent_again(redis):
    sink = Sink(redis, type="STREAM")
    sink.put(at(0))
    sink.client.script_flush()
    sink.put(at(1))
    assert entries(sink) == [0, 1]
    sink.stop()


def test_what_follows_an_append_is_tried_before_it(redis):
    """A refused EXPIRE must not leave an entry behind that is appended again."""
    redis_client = Sink(redis, type="HASH")
    redis_client.client.execute_command("ACL", "SETUSER", "writer", "on", ">secret", "~*", "+@all", "-expire")
    sink = Sink(redis, type="STREAM", key_ttl=60, username="writer", password="secret")
    with pytest.raises(ConnectException) as caught:
        sink.put(at(0), at(1))
    assert caught.value.code == "REDIS_NO_PERMISSION"
    redis_client.client.execute_command("ACL", "SETUSER", "writer", "+expire")
    sink.put(at(0), at(1))
    assert entries(sink) == [0, 1]
    assert sink.client.ttl("shop.orders") > 50
    redis_client.client.execute_command("ACL", "DELUSER", "writer")
    redis_client.stop()
    sink.stop()


def test_the_widest_entry_is_written_and_a_wider_one_reported(redis):
    reporter = Reporter()
    sink = Sink(redis, type="STREAM", reporter=reporter)
    widest = {f"c{i}": i for i in range(3_896)}
    wide, wider = (SinkRecord(*TP, None, "k", None, row, None) for row in (widest, {**widest, "more": 1}))
    sink.put(wide, wider)
    [(_, fields)] = sink.client.xrange("shop.orders")
    assert len(fields) == 3_896
    assert [record.original_offset for record, _ in reporter.reported] == [1]
    sink.stop()


def test_operators_move_positions(redis):
    sink = Sink(redis, type="HASH")
    sink.put(at(0), at(1))
    sink.stop()
    props = {**sink.props, "name": "orders-cache"}
    other = TopicPartition("shop.orders", 1)
    assert RedisSinkConnector().alter_offsets(props, {TP: 1, other: 5})
    again = Sink(redis, type="HASH", partitions=[TP, other])
    assert again.context.sought == {TP: 1, other: 5}
    again.stop()
    assert RedisSinkConnector().alter_offsets(props, {TP: None, other: None})
    assert Sink(redis, type="HASH").context.sought == {TP: 0}


def test_a_topic_made_anew_is_refused_until_the_offsets_are_reset(redis):
    sink = Sink(redis, type="STREAM")
    sink.put(at(0), at(1))
    sink.stop()
    stored = sink.client.get(POSITION)
    assert json.loads(stored)["topic_id"] == "log-1.shop.orders"
    with pytest.raises(ConnectException) as caught:
        Sink(redis, type="STREAM", log_id="log-2.")
    error = caught.value
    assert error.code == "SINK_POSITION_OF_ANOTHER_TOPIC"
    assert error.retry_class is RetryClass.OPERATOR
    for fact in ("shop.orders-0", "offset 2", "log-1.shop.orders", "log-2.shop.orders"):
        assert fact in error.message
    assert "DELETE /connectors/" in error.remedy
    assert sink.client.get(POSITION) == stored

    assert RedisSinkConnector().alter_offsets({**sink.props, "name": "orders-cache"}, {TP: None})
    again = Sink(redis, type="STREAM", log_id="log-2.")
    assert again.context.sought == {TP: 0}
    again.put(at(0, 7))
    assert entries(again) == [0, 1, 7]
    assert json.loads(again.client.get(POSITION))["topic_id"] == "log-2.shop.orders"
    again.stop()


def test_a_partition_opened_but_never_written_may_change_its_topic(redis):
    Sink(redis, type="STREAM").stop()
    sink = Sink(redis, type="STREAM", log_id="log-2.")
    assert sink.context.sought == {TP: 0}
    sink.put(at(0))
    assert entries(sink) == [0]
    sink.stop()


def test_positions_without_a_topic_id_are_taken_over(redis):
    sink = Sink(redis, type="STREAM")
    sink.put(at(0), at(1), at(2))
    sink.stop()
    assert RedisSinkConnector().alter_offsets({**sink.props, "name": "orders-cache"}, {TP: 1})
    assert "topic_id" not in json.loads(sink.client.get(POSITION))
    again = Sink(redis, type="STREAM", log_id="log-2.")
    assert again.context.sought == {TP: 1}
    stored = json.loads(again.client.get(POSITION))
    assert (stored["offset"], stored["topic_id"]) == (1, "log-2.shop.orders")
    again.stop()


def test_replicas_that_are_behind_are_a_retriable_error(redis):
    sink = Sink(redis, type="STREAM", wait_replicas=1, wait_timeout=10)
    for _ in range(2):
        with pytest.raises(RetriableException) as caught:
            sink.put(at(0))
        assert caught.value.code == "REDIS_REPLICAS_BEHIND"
    assert entries(sink) == [0]
    sink.stop()


def test_renamed_topics_keep_their_log_position(redis):
    sink = Sink(redis, type="HASH")
    record = at(0).new_record(topic="renamed")
    assert isinstance(record, SinkRecord)
    sink.task.put([record])
    assert sink.client.keys("renamed:*") == [b"renamed:0"]
    assert json.loads(sink.client.get(POSITION))["offset"] == 1
    sink.stop()
