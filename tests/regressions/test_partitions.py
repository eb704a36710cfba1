"""Several sink tasks on a topic of several partitions: each key in order, each change once, while tasks come and go."""

from __future__ import annotations

import threading

import httpx
import pytest

from tests.e2e.pipeline import Pipeline


class Partitioned(Pipeline):
    def connectors(self) -> dict[str, dict[str, str]]:
        result = {name: config for name, config in super().connectors().items() if name in ("src", "pg")}
        result["src"] |= {"topic.creation.default.partitions": "3", "topic.creation.default.replication.factor": "1"}
        result["pg"] |= {"tasks.max": "3"}
        return result

    def keys_change(self, steps: int) -> None:
        """Rows wander from key to key, so that each key is deleted and made again."""
        for step in range(steps):
            with self.source.transaction():
                self.source.execute("UPDATE orders SET id = -id WHERE id BETWEEN 10 AND 20")
                self.source.execute("UPDATE orders SET id = -id, status = %s WHERE id BETWEEN -20 AND -10", [str(step)])

    def equal(self) -> bool:
        query = "SELECT id, status, amount::text, big FROM orders ORDER BY id"
        ours = self.source.execute(query).fetchall()
        if self.target.execute("SELECT to_regclass('orders')").fetchone() == (None,):
            return False
        return ours == self.target.execute(query).fetchall()


@pytest.fixture
def pipeline(tmp_path, postgres, redis, make_database):
    made = Partitioned(tmp_path, postgres, redis, make_database(), make_database(), rows=60)
    yield made
    made.close()


def test_order_per_key_and_once_while_tasks_restart(pipeline):
    pipeline.start()
    pipeline.worker.wait_running(("src", "pg"))
    base = pipeline.worker.url
    stop = threading.Event()

    def load():
        while not stop.is_set():
            pipeline.work(2)
            pipeline.keys_change(2)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for round_ in range(6):
            httpx.post(f"{base}/connectors/pg/tasks/{round_ % 2}/restart", timeout=20).raise_for_status()
            if round_ % 2:
                config = httpx.get(f"{base}/connectors/pg/config", timeout=20).json()
                config["tasks.max"] = "2" if config["tasks.max"] == "3" else "3"
                httpx.put(f"{base}/connectors/pg/config", json=config, timeout=20).raise_for_status()
            pipeline.worker.wait_running(("src", "pg"))
    finally:
        stop.set()
        thread.join()
    pipeline._wait(pipeline.equal, 40, "the target equals the source")
    states = httpx.get(f"{base}/connectors/pg/status", timeout=20).json()["tasks"]
    assert {task["state"] for task in states} == {"RUNNING"}
    partitions = pipeline.target.execute("SELECT count(*) FROM headrace_sink_offsets WHERE next_offset > 0").fetchone()
    assert partitions == (3,)
