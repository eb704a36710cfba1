"""What every log must do. An implementation subclasses `LogContract` and gives the fixture `open_log`: a function that opens
one more connection to the same log, with settings of its own; what it opened is closed after the test."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from headrace.errors import (
    ConfigException,
    ConnectException,
    IllegalStateException,
    NotFoundException,
    RetriableException,
)
from headrace.log.spi import Consumer, EncodedBatch, Log, RebalanceListener, SourceOffsetEntry, TopicSpec
from headrace.spi.context import TopicPartition
from headrace.spi.converter import Column
from tests.log.helpers import batch, drain, numbered, tp, triples, until, values_of

OpenLog = Callable[..., Log]


class Events:
    """Records what a listener was told."""

    def __init__(self) -> None:
        self.assigned: list[TopicPartition] = []
        self.revoked: list[TopicPartition] = []
        self.lost: list[TopicPartition] = []

    def listener(self) -> RebalanceListener:
        return RebalanceListener(self.assigned.extend, self.revoked.extend, self.lost.extend)


def poll_all(consumers: Sequence[Consumer], condition: Callable[[], bool], what: str) -> None:
    """Poll all consumers in turn until the condition holds."""

    def step() -> bool:
        for consumer in consumers:
            consumer.poll(100, 0)
        return condition()

    until(step, what)


class LogContract:
    prompt = True
    """Whether a poll that does not wait joins the group, and gives all that is in the log. Where a network is between, it does not."""
    steps = 150
    """Of the tests by chance."""
    shared_prefixes = True
    """Whether prefixes that data have in common stay apart from them. Kafka keeps each record's bytes whole."""

    def join(self, consumer: Consumer) -> None:
        """Poll until it has partitions; no record of them may have come yet."""
        found = consumer.poll(1, 0)
        while not self.prompt and not consumer.assignment():
            found += consumer.poll(1, 0.05)
        assert found == []

    def join_idle(self, consumer: Consumer) -> None:
        """Let it join a group whose partitions others have, or which has none."""
        assert consumer.poll(10, 0 if self.prompt else 2) == []

    def take(self, consumer: Consumer, most: int, wanted: int) -> list[bytes | None]:
        """What a poll for `most` gives, of which `wanted` are there."""
        if self.prompt:
            return values_of(consumer.poll(most, 0))
        found: list[bytes | None] = []
        while len(found) < wanted:
            found += values_of(drain(consumer, 1, most - len(found)))
        return found

    # ---- append and read

    def test_append_gives_first_offsets_and_read_gives_the_records_back(self, open_log: OpenLog) -> None:
        log = open_log()
        producer = log.producer("p")
        headers = (("h", b"1"), ("h", None))
        one = batch("t", [b"a", None, b""], keys=[b"k", b"", None], headers=headers, timestamp=42)
        assert producer.append([one]) == [0]
        assert producer.append([batch("t", [b"d"])]) == [3]
        found = log.read(tp("t"), 0, 100)
        assert found is not None
        assert triples(found) == [(0, b"k", b"a"), (1, b"", None), (2, None, b""), (3, None, b"d")]
        assert found.headers == [headers, headers, headers, ()]
        assert list(found.timestamps) == [42, 42, 42, 1_700_000_000_000]
        part = log.read(tp("t"), 1, 2)
        assert part is not None
        assert triples(part) == [(1, b"", None), (2, None, b"")]
        assert log.read(tp("t"), 4, 10) is None

    def test_what_was_prepared_is_appended_as_it_was(self, open_log: OpenLog) -> None:
        log = open_log()
        producer = log.producer("p")
        headers = (("h", b"1"), ("h", None))
        one = batch("t", [b"a" * 50, None, b""], keys=[b"k", b"", None], headers=headers, timestamp=42)
        ready = producer.prepare(one)
        assert len(ready) == 3
        assert producer.append([numbered("t", 0, 2)]) == [0]
        assert producer.append([ready, numbered("t", 2, 1)]) == [2, 5]
        found, again = log.read(tp("t"), 2, 3), log.read(tp("t"), 0, 9)
        assert found is not None
        assert again is not None
        assert triples(found) == [(2, b"k", b"a" * 50), (3, b"", None), (4, None, b"")]
        assert found.headers == [headers, headers, headers]
        assert list(found.timestamps) == [42, 42, 42]
        assert len(again) == 6

    def test_common_prefixes_come_back_shared(self, open_log: OpenLog) -> None:
        log = open_log()
        column = Column([b"1", None, b"2", b"3"], [b"", b"schema-a:", b"schema-b:"], [1, 1, 2, 0])
        log.producer("p").append([EncodedBatch("t", 0, [1] * 4, Column([None] * 4), column, [()] * 4)])
        found = log.read(tp("t"), 0, 10)
        assert found is not None
        assert list(found.values) == [b"schema-a:1", None, b"schema-b:2", b"3"]
        if self.shared_prefixes:
            assert found.values.prefixes == [b"", b"schema-a:", b"schema-b:"]

    def test_an_append_over_partitions_is_all_or_nothing(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec("t", 2)])
        producer = log.producer("p")
        with pytest.raises(NotFoundException):
            producer.append([numbered("t", 0, 5), numbered("t", 0, 5, partition=2)], [offset_entry(1)])
        assert log.end_offsets([tp("t", 0), tp("t", 1)]) == {tp("t", 0): 0, tp("t", 1): 0}
        assert producer.append([numbered("t", 0, 5), numbered("t", 0, 3, partition=1), numbered("t", 5, 2)]) == [
            0,
            0,
            5,
        ]
        assert log.end_offsets([tp("t", 0), tp("t", 1)]) == {tp("t", 0): 7, tp("t", 1): 3}

    def test_large_batches_keep_their_order(self, open_log: OpenLog) -> None:
        log = open_log()
        big = batch("t", [b"%06d" % n + b"x" * 100_000 for n in range(120)])
        assert log.producer("p").append([big]) == [0]
        assert log.producer("p").append([numbered("t", 0, 1)]) == [120]
        consumer = log.consumer("g", "c")
        consumer.subscribe(["t"], None)
        found = drain(consumer, 121, max_records=7)
        assert [value[:6] for value in values_of(found)[:120] if value] == [b"%06d" % n for n in range(120)]
        assert [offset for b in found for offset in b.offsets or ()] == list(range(121))
        consumer.close()

    def test_a_fenced_producer_appends_nothing(self, open_log: OpenLog) -> None:
        log, other = open_log(), open_log()
        first = log.producer("p", "tx")
        first.append([numbered("t", 0, 1)])
        second = other.producer("p", "tx")
        with pytest.raises(ConnectException) as caught:
            first.append([numbered("t", 1, 1)], [offset_entry(2)])
        assert caught.value.code == "PRODUCER_FENCED"
        # Kafka marks the end of a transaction with an offset of its own.
        [at] = second.append([numbered("t", 1, 1)])
        [then] = log.producer("p", "another").append([numbered("t", 2, 1)])
        # What is committed is seen at once; on Kafka when the brokers have marked all partitions, which they do after they answer.
        if not self.prompt:
            until(lambda: len(log.read(tp("t"), 0, 10) or ()) == 3, "the transactions are marked")
        found = log.read(tp("t"), 0, 10)
        assert found is not None
        assert triples(found) == [(0, None, b"0"), (at, None, b"1"), (then, None, b"2")]
        assert not self.prompt or (at, then) == (1, 2)

    def test_topics_are_made_on_append_only_when_allowed(self, open_log: OpenLog) -> None:
        log = open_log(default_partitions=3)
        log.producer("p").append([numbered("auto", 0, 1, partition=2)])
        assert log.topics() == {"auto": 3}
        strict = open_log(auto_create=False)
        with pytest.raises(NotFoundException):
            strict.producer("p").append([numbered("missing", 0, 1)])
        assert "missing" not in log.topics()

    def test_topics_are_created_once_and_deleted_with_their_records(self, open_log: OpenLog) -> None:
        log, other = open_log(), open_log()
        assert log.create_topics([TopicSpec("a", 2), TopicSpec("b")]) == ["a", "b"]
        assert other.create_topics([TopicSpec("a", 5), TopicSpec("c", -1)]) == ["c"]
        assert other.topics() == {"a": 2, "b": 1, "c": 1}
        log.producer("p").append([numbered("a", 0, 3)])
        other.delete_topics(["a", "never"])
        assert log.topics() == {"b": 1, "c": 1}
        with pytest.raises(NotFoundException):
            log.read(tp("a"), 0, 1)
        assert log.producer("p").append([numbered("a", 0, 1)]) == [0]

    def test_the_id_of_a_topic_is_its_own_and_new_when_it_is_made_anew(self, open_log: OpenLog) -> None:
        log, other = open_log(), open_log()
        log.create_topics([TopicSpec("a"), TopicSpec("b")])
        ids = log.topic_ids(["a", "b", "never"])
        assert set(ids) == {"a", "b"}
        assert len(set(ids.values())) == 2
        log.producer("p").append([numbered("a", 0, 3)])
        assert other.topic_ids(["b", "a"]) == ids
        other.delete_topics(["a"])
        assert log.topic_ids(["a", "b"]) == {"b": ids["b"]}
        log.create_topics([TopicSpec("a")])
        again = other.topic_ids(["a", "b"])
        assert again["b"] == ids["b"]
        assert again["a"] not in ids.values()

    @pytest.mark.parametrize(
        "spec",
        [
            TopicSpec("bad name"),
            TopicSpec(".."),
            TopicSpec("t", 0),
            TopicSpec("t", 1, {"cleanup.policy": "burn"}),
            TopicSpec("t", 1, {"retention.ms": "soon"}),
        ],
    )
    def test_a_wrong_topic_is_refused(self, open_log: OpenLog, spec: TopicSpec) -> None:
        log = open_log()
        with pytest.raises(ConfigException):
            log.create_topics([TopicSpec("fine"), spec])
        assert log.topics() == {}

    # ---- consumer

    def test_a_single_member_reads_on_where_the_group_committed(self, open_log: OpenLog) -> None:
        log = open_log()
        log.producer("p").append([numbered("t", 0, 10)])
        consumer = log.consumer("g", "c")
        consumer.subscribe(["t"], None)
        assert values_of(drain(consumer, 4, max_records=4)) == [b"0", b"1", b"2", b"3"]
        assert consumer.position(tp("t")) == 4
        consumer.commit({tp("t"): 3})
        assert consumer.committed([tp("t"), tp("other")]) == {tp("t"): 3}
        consumer.close()
        again = open_log().consumer("g", "c")
        again.subscribe(["t"], None)
        assert values_of(drain(again, 7)) == [b"%d" % n for n in range(3, 10)]
        again.close()
        assert log.group_offsets("g") == {tp("t"): 3}

    def test_from_latest_starts_at_the_end_but_reads_new_topics_whole(self, open_log: OpenLog) -> None:
        log = open_log()
        producer = log.producer("p")
        producer.append([numbered("t1", 0, 5)])
        consumer = log.consumer("g", "c", from_latest=True)
        consumer.subscribe(None, "t.*")
        self.join(consumer)
        assert consumer.assignment() == {tp("t1")}
        producer.append([numbered("t1", 5, 1), numbered("t2", 100, 2)])
        assert sorted(v for v in values_of(drain(consumer, 3)) if v) == [b"100", b"101", b"5"]
        consumer.close()

    def test_a_pattern_finds_topics_made_later(self, open_log: OpenLog) -> None:
        log = open_log()
        consumer = log.consumer("g", "c")
        consumer.subscribe(None, r"shop\..*")
        self.join_idle(consumer)
        open_log().producer("p").append([numbered("shop.orders", 0, 2), numbered("xshop.orders", 9, 1)])
        assert values_of(drain(consumer, 2)) == [b"0", b"1"]
        assert consumer.assignment() == {tp("shop.orders")}
        consumer.close()

    def test_pause_resume_and_seek(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec("t", 2)])
        log.producer("p").append([numbered("t", 0, 5), numbered("t", 10, 5, partition=1)])
        consumer = log.consumer("g", "c")
        consumer.subscribe(["t"], None)
        drain(consumer, 10)
        consumer.seek(tp("t", 0), 3)
        consumer.seek(tp("t", 1), 4)
        consumer.pause([tp("t", 0)])
        assert self.take(consumer, 100, 1) == [b"14"]
        assert consumer.poll(100, 0) == []
        consumer.resume([tp("t", 0)])
        assert self.take(consumer, 100, 2) == [b"3", b"4"]
        with pytest.raises(IllegalStateException):
            consumer.seek(tp("else", 0), 0)
        consumer.close()

    def test_seek_inside_a_batch_half_taken(self, open_log: OpenLog) -> None:
        log = open_log()
        log.producer("p").append([numbered("t", 0, 100)])
        consumer = log.consumer("g", "c")
        consumer.subscribe(["t"], None)
        assert self.take(consumer, 30, 30) == [b"%d" % n for n in range(30)]
        consumer.seek(tp("t"), 10)
        assert self.take(consumer, 5, 5) == [b"10", b"11", b"12", b"13", b"14"]
        consumer.seek(tp("t"), 98)
        assert self.take(consumer, 5, 2) == [b"98", b"99"]
        assert consumer.position(tp("t")) == 100
        consumer.close()

    @pytest.mark.parametrize("seed", range(5))
    def test_a_poll_gives_as_many_as_it_may(self, open_log: OpenLog, seed: int) -> None:
        chance = random.Random(seed)
        log = open_log()
        producer, consumer = log.producer("p"), log.consumer("g", "c")
        log.create_topics([TopicSpec("t")])
        consumer.subscribe(["t"], None)
        self.join(consumer)
        end = at = 0
        for _ in range(self.steps):
            what = chance.random()
            if what < 0.4:
                count = chance.choice((1, 2, 7, 20))
                producer.append([numbered("t", end, count)])
                end += count
            elif what < 0.5:
                at = chance.randrange(end + 1)
                consumer.seek(tp("t"), at)
            else:
                most = chance.choice((1, 3, 10, 15))
                wanted = min(most, end - at)
                assert self.take(consumer, most, wanted) == [b"%d" % n for n in range(at, at + wanted)]
                at += wanted
        consumer.close()

    def test_a_poll_is_bounded_by_bytes_and_a_larger_record_comes_alone(self, open_log: OpenLog) -> None:
        log, bound = open_log(), 50_000
        log.create_topics([TopicSpec("t", 3)])
        sizes = [[10_000, 90_000, 49_999, 1, 20_000], [60_000, 60_000], [0, 30_000, 20_000, 1]]
        values = [[bytes([65 + n]) * size for n, size in enumerate(each)] for each in sizes]
        log.producer("p").append([batch("t", each, partition=p) for p, each in enumerate(values)])
        consumer = log.consumer("g", "c", fetch_max_bytes=bound)
        consumer.subscribe(["t"], None)
        found: list[list[bytes | None]] = [[], [], []]
        while sum(map(len, found)) < 11:
            polled = drain(consumer, 1)
            assert sum(one.values.size for one in polled) <= bound or sum(map(len, polled)) == 1
            for one in polled:
                assert one.offsets is not None
                assert one.offsets[0] == len(found[one.partition])
                found[one.partition] += list(one.values)
                assert consumer.position(tp("t", one.partition)) == len(found[one.partition])
        assert found == values
        consumer.close()

    @pytest.mark.parametrize("seed", range(3))
    def test_every_partition_has_its_turn(self, open_log: OpenLog, seed: int) -> None:
        """Whoever has always more: others are given something before anyone has had a second turn."""
        chance = random.Random(seed)
        log, count = open_log(), chance.choice((2, 5, 12))
        log.create_topics([TopicSpec("t", count)])
        producer, consumer = log.producer("p"), log.consumer("g", "c", fetch_max_bytes=chance.choice((900, 5_000)))
        consumer.subscribe(["t"], None)
        self.join(consumer)
        busy = chance.randrange(count)
        ends, at, waited = [0] * count, [0] * count, [0] * count
        paused: set[int] = set()
        for _ in range(self.steps):
            for partition in {busy, chance.randrange(count)}:
                more = chance.choice((1, 3, 20))
                producer.append([batch("t", [b"x" * chance.choice((1, 100, 1_000))] * more, partition=partition)])
                ends[partition] += more
            if chance.random() < 0.2:
                # What is changed between polls leaves the turns as they are.
                one = chance.randrange(count)
                (consumer.resume if one in paused else consumer.pause)([tp("t", one)])
                paused ^= {one}
                waited[one] = 0
            polled = {one.partition: one for one in consumer.poll(chance.choice((1, 7, 30)), 0 if self.prompt else 0.1)}
            for partition, one in polled.items():
                assert partition not in paused
                assert list(one.offsets or ()) == list(range(at[partition], at[partition] + len(one)))
                at[partition] += len(one)
            for partition in range(count):
                waiting = partition not in polled and partition not in paused and at[partition] < ends[partition]
                waited[partition] = waited[partition] + 1 if waiting else 0
            assert not self.prompt or max(waited) < count
        consumer.resume([tp("t", one) for one in paused])
        for one in drain(consumer, sum(ends) - sum(at)) if sum(at) < sum(ends) else ():
            at[one.partition] += len(one)
        assert at == ends
        consumer.close()

    def test_wakeup_ends_a_waiting_poll(self, open_log: OpenLog) -> None:
        consumer = open_log().consumer("g", "c")
        consumer.subscribe(["t"], None)
        consumer.poll(1, 0)
        timer = threading.Timer(0.2, consumer.wakeup)
        timer.start()
        before = time.monotonic()
        assert consumer.poll(1, 30) == []
        assert time.monotonic() - before < 5
        timer.join()
        consumer.close()

    def test_an_append_ends_a_waiting_poll_at_once(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec("t")])
        consumer = log.consumer("g", "c")
        consumer.subscribe(["t"], None)
        self.join(consumer)
        producer = open_log().producer("p")
        if not self.prompt:
            # The first append looks for the partition's broker.
            producer.append([numbered("t", -1, 1)])
            assert values_of(drain(consumer, 1)) == [b"-1"]
        waits = []
        for n in range(20):
            appended: list[float] = []

            def append(n: int = n, appended: list[float] = appended) -> None:
                producer.append([numbered("t", n, 1)])
                appended.append(time.monotonic())

            timer = threading.Timer(0.02, append)
            timer.start()
            assert values_of(consumer.poll(10, 10)) == [b"%d" % n]
            received = time.monotonic()
            timer.join()
            waits.append(received - appended[0])
        assert sorted(waits)[len(waits) // 2] < 0.05
        consumer.close()

    # ---- groups

    def test_members_share_partitions_and_hand_over_by_revoking_first(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec("t", 4)])
        one_events, two_events = Events(), Events()
        one = log.consumer("g", "one")
        one.subscribe(["t"], None, one_events.listener())
        self.join(one)
        assert len(one.assignment()) == 4
        two = open_log().consumer("g", "two")
        two.subscribe(["t"], None, two_events.listener())
        two.poll(1, 0)
        assert two.assignment() == set()
        poll_all([one, two], lambda: len(two.assignment()) == 2, "two has its share")
        assert len(one.assignment()) == 2
        assert one.assignment() | two.assignment() == {tp("t", n) for n in range(4)}
        assert set(one_events.revoked) == two.assignment()
        assert one_events.lost == []
        one.close()
        poll_all([two], lambda: len(two.assignment()) == 4, "two has all")
        assert len(two_events.assigned) == 4
        assert set(one_events.revoked) == {tp("t", n) for n in range(4)}
        two.close()

    def test_a_commit_inside_revoked_succeeds_and_is_where_the_next_owner_starts(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec("t", 2)])
        log.producer("p").append([numbered("t", 0, 10), numbered("t", 0, 10, partition=1)])
        one = log.consumer("g", "one")

        def commit(partitions: Sequence[TopicPartition]) -> None:
            one.commit({partition: one.position(partition) for partition in partitions})

        one.subscribe(["t"], None, RebalanceListener(ignore, commit, ignore))
        drain(one, 20)
        two = open_log().consumer("g", "two")
        two.subscribe(["t"], None)
        poll_all([two, one], lambda: len(two.assignment()) == 1, "two has its share")
        (moved,) = two.assignment()
        assert two.position(moved) == 10
        with pytest.raises(RetriableException) as caught:
            one.commit({moved: 5, next(iter(one.assignment())): 10})
        assert caught.value.code == "REBALANCED"
        assert log.group_offsets("g") == {moved: 10}
        one.close()
        two.close()

    def test_commit_without_membership_is_refused(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec("t")])
        consumer = log.consumer("g", "c")
        consumer.subscribe(["t"], None)
        with pytest.raises(RetriableException):
            consumer.commit({tp("t"): 1})
        consumer.close()
        assert log.group_offsets("g") == {}

    def test_offsets_of_a_group_are_altered_only_while_it_is_empty(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec("t", 2)])
        consumer = log.consumer("g", "c")
        consumer.subscribe(["t"], None)
        self.join(consumer)
        for change in (lambda: log.alter_group_offsets("g", {tp("t"): 1}), lambda: log.delete_group("g")):
            with pytest.raises(IllegalStateException):
                change()
        consumer.close()
        log.alter_group_offsets("g", {tp("t", 0): 7, tp("t", 1): 8})
        log.alter_group_offsets("g", {tp("t", 0): None})
        assert log.group_offsets("g") == {tp("t", 1): 8}
        with pytest.raises(NotFoundException):
            log.alter_group_offsets("g", {tp("nowhere"): 1})
        log.delete_group("g")
        log.delete_group("never")
        assert log.group_offsets("g") == {}

    def test_a_topic_deleted_under_a_reader_is_lost_and_may_come_back(self, open_log: OpenLog) -> None:
        log = open_log()
        producer = log.producer("p")
        producer.append([numbered("t", 0, 5)])
        events = Events()
        consumer = log.consumer("g", "c")
        consumer.subscribe(["t"], None, events.listener())
        drain(consumer, 5)
        consumer.commit({tp("t"): 5})
        log.delete_topics(["t"])
        poll_all([consumer], lambda: not consumer.assignment(), "the partition goes")
        assert events.lost == [tp("t")]
        producer.append([numbered("t", 50, 1)])
        assert values_of(drain(consumer, 1)) == [b"50"]
        consumer.close()


class KeepingContract(LogContract):
    """What a log must do that keeps the records itself. On Kafka retention and compaction are the brokers' work, in their own time."""

    def test_retention_by_bytes_removes_the_oldest_and_readers_go_on(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec("t", 1, {"retention.bytes": "30000"})])
        producer = log.producer("p")
        for n in range(10):
            producer.append([batch("t", [random.Random(n).randbytes(10_000)])])
        counts = log.maintain()
        begin = log.begin_offsets([tp("t")])[tp("t")]
        assert 5 <= begin <= 8
        assert counts["records_removed"] == begin
        assert log.end_offsets([tp("t")]) == {tp("t"): 10}
        consumer = log.consumer("g", "c")
        consumer.subscribe(["t"], None)
        drain(consumer, 10 - begin)
        consumer.seek(tp("t"), 0)
        found = drain(consumer, 10 - begin)
        assert found[0].offsets is not None
        assert found[0].offsets[0] == begin
        consumer.close()

    def test_retention_by_age(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec("t", 1, {"retention.ms": "1"}), TopicSpec("kept", 1, {"retention.ms": "-1"})])
        log.producer("p").append([numbered("t", 0, 5), numbered("kept", 0, 5), numbered("week", 0, 5)])
        until(lambda: log.maintain()["records_removed"] == 5, "the old records go")
        assert log.begin_offsets([tp("t"), tp("kept"), tp("week")]) == {tp("t"): 5, tp("kept"): 0, tp("week"): 0}
        assert log.producer("p").append([numbered("t", 5, 1)]) == [5]

    def test_compaction_keeps_the_last_of_each_key_with_its_offset(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec("t", 1, {"cleanup.policy": "compact"})])
        producer = log.producer("p")
        producer.append([batch("t", [b"a1", b"b1", b"a2"], keys=[b"a", b"b", b"a"])])
        producer.append([batch("t", [b"a3", b"c1"], keys=[b"a", b"c"])])
        producer.append([batch("t", [None], keys=[b"b"])])
        assert log.maintain()["records_removed"] == 3
        found = log.read(tp("t"), 0, 100)
        assert found is not None
        assert triples(found) == [(3, b"a", b"a3"), (4, b"c", b"c1"), (5, b"b", None)]
        consumer = log.consumer("g", "c")
        consumer.subscribe(["t"], None)
        assert values_of(drain(consumer, 3)) == [b"a3", b"c1", None]
        assert consumer.position(tp("t")) == 6
        consumer.close()
        with pytest.raises(ConnectException) as caught:
            producer.append([numbered("t", 0, 1)])
        assert caught.value.code == "KEY_REQUIRED"

    def test_tombstones_go_after_their_time(self, open_log: OpenLog) -> None:
        log = open_log()
        log.create_topics([TopicSpec("t", 1, {"cleanup.policy": "compact", "delete.retention.ms": "0"})])
        log.producer("p").append([batch("t", [b"1", None], keys=[b"a", b"a"])])
        until(lambda: log.maintain() is not None and log.read(tp("t"), 0, 10) is None, "the tombstone goes")
        assert log.end_offsets([tp("t")]) == {tp("t"): 2}
        consumer = log.consumer("g", "c")
        consumer.subscribe(["t"], None)
        assert consumer.poll(10, 0) == []
        assert consumer.position(tp("t")) == 2
        consumer.close()


def ignore(partitions: Sequence[TopicPartition]) -> None:
    """No reaction."""


def offset_entry(lsn: int) -> SourceOffsetEntry:
    return SourceOffsetEntry(b'["c",{"server":"s"}]', b'{"lsn":%d}' % lsn)
