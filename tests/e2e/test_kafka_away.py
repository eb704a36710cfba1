"""Brokers that go away under a running pipeline."""

from __future__ import annotations

import pytest
from tests.e2e.test_kafka import KafkaPipeline, on_kafka
from tests.support import wait_until

from headrace.testing.kafka_server import KafkaServer, missing

pytestmark = pytest.mark.chaos


def test_a_broker_that_is_killed_and_comes_back_costs_no_record(tmp_path, postgres, redis, make_database):
    if reason := missing():
        pytest.skip(reason)
    with KafkaServer() as broker:
        pipeline = KafkaPipeline(tmp_path, postgres, redis, make_database(), make_database())
        pipeline.settings = on_kafka(broker, tmp_path)
        pipeline.settings |= {"consumer.session.timeout.ms": "6000", "default.api.timeout.ms": "3000"}
        try:
            pipeline.start()
            pipeline.worker.wait_running(("src", "pg"))
            pipeline.wait_rows_equal()
            for end, again in ((broker.kill, broker.start), (broker.pause, broker.resume)):
                pipeline.work(20)
                end()
                pipeline.work(50)
                if end == broker.kill:
                    wait_until(lambda: "takes no records now" in pipeline.log_tail(), 60, "the source waits")
                again()
                pipeline.work(20)
                pipeline.wait_rows_equal(90)
            for name in ("src", "pg"):
                assert pipeline.worker.state(name) == "RUNNING"
        finally:
            pipeline.close()
