"""Three brokers: the group goes on when the one that coordinates it is killed."""

from __future__ import annotations

import asyncio

import pytest

from headrace.systems.kafka.cluster import Cluster
from headrace.systems.kafka.settings import client_settings
from headrace.testing.kafka_server import KafkaCluster, missing
from tests.runtime.distributed.group_play import group
from tests.runtime.distributed.group_worker import QUICK


@pytest.mark.chaos
def test_another_broker_coordinates_when_one_is_killed(unique: str) -> None:
    if reason := missing():
        pytest.skip(reason)

    async def coordinator(brokers: KafkaCluster) -> str:
        found = Cluster(client_settings({"bootstrap.servers": brokers.bootstrap, **QUICK}))
        connection = await found.coordinator(unique, 60)
        connection.close()
        return str(connection.address)

    async def scenario(brokers: KafkaCluster) -> None:
        async with group(brokers.bootstrap, unique, {"a": 4}) as ours:
            first, second = ours.join("w1"), ours.join("w2")
            await ours.settled(60)
            place = await coordinator(brokers)
            next(node for node in brokers.nodes if node.bootstrap == place).kill()
            await ours.until(lambda: not ours.owners, 30)
            await ours.settled(90)
            assert await coordinator(brokers) != place
            assert first.running
            assert second.running
            ours.set({"a": 4, "b": 2})
            await ours.settled(60)

    settings = {
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "500",
        "offsets.topic.num.partitions": "1",
        "group.min.session.timeout.ms": "500",
    }
    with KafkaCluster(settings=settings) as brokers:
        asyncio.run(scenario(brokers))
