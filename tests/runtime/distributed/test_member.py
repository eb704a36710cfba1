"""Members of ours in one group on a real broker: even shares, nothing run twice, nothing restarted that need not be."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from headrace.errors import ConfigException
from headrace.runtime.distributed.protocol import SubProtocol
from headrace.testing.kafka_server import KafkaServer, missing
from tests.runtime.distributed.group_play import Group, group, process
from tests.runtime.distributed.group_worker import NotingWorker, Topic, member


def test_members_come_and_go_and_nothing_moves_that_need_not(kafka: KafkaServer, unique: str) -> None:
    async def scenario() -> None:
        async with group(kafka.bootstrap, unique, {"a": 4, "b": 2}) as ours:
            first = ours.join("w1")
            await ours.settled()
            assert first.membership is not None
            assert first.membership.leads
            assert first.membership.leader_url == "http://w1:8083/"
            assert first.membership.protocol is SubProtocol.SESSIONED
            second = ours.join("w2")
            await ours.settled()
            third = ours.join("w3")
            await ours.settled()
            assert {len(worker.running) for worker in (first, second, third)} == {2, 3}
            for worker in (first, second, third):
                worker.notes.clear()
            ours.set({"a": 4, "b": 2, "c": 3})
            await ours.settled()
            noted = [note for worker in (first, second, third) for note in worker.notes]
            assert all(kind == "start" and str(item).startswith("c") for kind, item in noted), noted
            ours.set({"a": 4, "c": 3})
            await ours.settled()
            left_at = time.monotonic()
            await ours.leave("w2")
            await ours.settled()
            assert time.monotonic() - left_at >= 1.5, "the work of one that left waits for its return"

    asyncio.run(scenario())


def test_rebalances_amid_heartbeats_stop_nothing(kafka: KafkaServer, unique: str) -> None:
    async def scenario() -> None:
        async with group(kafka.bootstrap, unique, {"a": 4}) as ours:
            workers = [ours.join(name, heartbeat_interval_ms="5") for name in ("w1", "w2")]
            await ours.settled()
            for worker in workers:
                worker.notes.clear()
            leader = next(worker.name for worker in workers if worker.membership and worker.membership.leads)
            for _ in range(15):
                before = max(worker.membership.generation for worker in workers if worker.membership)
                ours.members[leader].rejoin("for the test")
                await ours.until(
                    lambda before=before: all(
                        worker.membership is not None and worker.membership.generation > before for worker in workers
                    )
                )
            assert [worker.notes for worker in workers] == [[], []]

    asyncio.run(scenario())


def test_a_worker_of_the_eager_protocol_takes_all_to_it(kafka: KafkaServer, unique: str) -> None:
    async def scenario() -> None:
        async with group(kafka.bootstrap, unique, {"a": 3}) as ours:
            first = ours.join("w1", connect_protocol="compatible")
            await ours.settled()
            assert first.membership is not None
            assert first.membership.protocol is SubProtocol.COMPATIBLE
            second = ours.join("w2", connect_protocol="eager")
            await ours.settled()
            for worker in (first, second):
                assert worker.membership is not None
                assert worker.membership.protocol is SubProtocol.EAGER
            await ours.leave("w2")
            await ours.settled()

    asyncio.run(scenario())


def test_who_is_behind_the_config_topic_reads_on_before_it_works(kafka: KafkaServer, unique: str) -> None:
    async def scenario() -> None:
        async with group(kafka.bootstrap, unique, {"a": 4}) as ours:
            leader = ours.join("w1")
            await ours.settled()
            ours.topic.set({"a": 4, "late": 2})
            second = ours.join("w2")
            assert second.read.offset > leader.read.offset
            await ours.settled()
            assert leader.read == second.read == ours.topic.now

    asyncio.run(scenario())


def test_who_cannot_read_on_stops_and_leaves_the_group_to_the_others(kafka: KafkaServer, unique: str) -> None:
    async def scenario() -> None:
        async with group(kafka.bootstrap, unique, {"a": 4}) as ours:
            stuck, other = ours.join("w1"), ours.join("w2")
            await ours.settled()
            stuck.reads = False
            ours.topic.set({"a": 4, "late": 2})
            other.read = ours.topic.now
            ours.members["w2"].rejoin("connectors have changed")
            await ours.until(lambda: not stuck.running)
            await ours.until(lambda: len(ours.owners) == 8, 30)
            assert len(other.running) == 8
            stuck.reads = True
            await ours.settled(30)

    asyncio.run(scenario())


def test_what_a_person_has_to_change_ends_the_membership(
    kafka: KafkaServer, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(name: str, **more: str) -> str:
        with pytest.raises(ConfigException) as raised:
            async with asyncio.timeout(20):
                await member(kafka.bootstrap, name, NotingWorker("w2", Topic({})), **more).run()
        return raised.value.code

    async def scenario() -> None:
        assert await refused(f"{unique}-2", session_timeout_ms="99000000") == "KAFKA_INVALID_SESSION_TIMEOUT"
        with monkeypatch.context() as patch:
            patch.setattr("headrace.runtime.distributed.group_client.PROTOCOL_TYPE", "other")
            async with group(kafka.bootstrap, unique, {"a": 1}) as ours:
                ours.join("w1")
                await ours.settled()
                patch.undo()
                assert await refused(unique) == "KAFKA_INCONSISTENT_GROUP_PROTOCOL"

    asyncio.run(scenario())


def test_the_work_of_one_that_is_killed_waits_and_is_then_taken_over(kafka: KafkaServer, unique: str) -> None:
    sizes = {"a": 6}

    async def scenario() -> None:
        async with group(kafka.bootstrap, unique, sizes) as ours:
            first, second = ours.join("w1"), ours.join("w2")
            await ours.settled()
            async with process(ours, "w3", sizes) as third:
                await third.until(lambda running: len([item for item in running if "-" in item]) == 2)
                await ours.until(lambda: len(first.running) + len(second.running) == 5)
                first.notes.clear()
                second.notes.clear()
                third.child.send_signal(signal.SIGKILL)
                killed = time.monotonic()
                await ours.settled()
            waited = time.monotonic() - killed
            assert 2.7 <= waited <= 10, "the session's timeout since the last heartbeat, and the delay"
            assert {kind for kind, _ in first.notes + second.notes} == {"start"}

    asyncio.run(scenario())


def test_one_that_was_frozen_stops_its_work_before_it_says_a_word(kafka: KafkaServer, unique: str) -> None:
    sizes = {"a": 6}

    async def scenario() -> None:
        async with group(kafka.bootstrap, unique, sizes) as ours:
            first = ours.join("w1", scheduled_rebalance_max_delay_ms="0")
            await ours.settled()
            async with process(ours, "w2", sizes) as second:
                await second.until(lambda running: len([item for item in running if "-" in item]) == 3)
                await ours.until(lambda: len(first.running) == 4)
                second.child.send_signal(signal.SIGSTOP)
                await ours.until(lambda: len(first.running) == 7)
                second.child.send_signal(signal.SIGCONT)
                assert not await second.until(lambda running: running == []), "not because others told it to"
                await second.until(lambda running: len(running) >= 3)
                await ours.until(lambda: len(first.running) == 4)

    asyncio.run(scenario())


@contextmanager
def own_broker() -> Iterator[KafkaServer]:
    if reason := missing():
        pytest.skip(reason)
    settings = {"offsets.topic.num.partitions": "1", "group.min.session.timeout.ms": "500"}
    with KafkaServer(settings=settings) as server:
        yield server


def test_without_a_coordinator_all_work_stops_before_others_may_have_it(unique: str) -> None:
    async def scenario(server: KafkaServer) -> None:
        async with group(server.bootstrap, unique, {"a": 2}) as ours:
            times = {"session_timeout_ms": "3000", "heartbeat_interval_ms": "750"}
            first, second = ours.join("w1", **times), ours.join("w2", **times)
            await ours.settled()
            await stops_when_frozen(server, ours)
            await ours.settled(30)
            assert first.running
            assert second.running
            # Nor while one waits for the others to join again.
            second.hold = asyncio.Event()
            ours.members["w2"].rejoin("it is held up at its work")
            await ours.until(lambda: second.held)
            asked = first.asked
            ours.members["w1"].rejoin("the second does not come")
            await ours.until(lambda: first.asked > asked)
            await stops_when_frozen(server, ours)
            second.hold.set()
            await ours.settled(30)

    async def stops_when_frozen(server: KafkaServer, ours: Group) -> None:
        server.pause()
        frozen = time.monotonic()
        await ours.until(lambda: not ours.owners)
        assert time.monotonic() - frozen < 3, "within the session's timeout"
        server.resume()

    with own_broker() as server:
        asyncio.run(scenario(server))
