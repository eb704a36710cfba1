"""SIGKILL of a source whose transactions are streamed before they are committed: each comes once, whole, in the order of the commits."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from headrace.testing.servers import PostgresServer
from tests.faults.kit import CATCH_UP_S, Lab, create, laboratory, read_all, worker_at
from tests.faults.test_kills import SOURCE_POINTS
from tests.runtime.worker_support import Worker
from tests.support import wait_until

ROWS = 1_500
"""Of a large transaction: more than the server keeps, and more than one batch of the task."""
ROUNDS = 3


def _round(lab: Lab, table: str, number: int) -> list[int]:
    """Two large transactions that are open side by side, each with a part that is taken back, one that is rolled back as a whole, and small
    ones between their blocks; the ids in the order of the commits."""
    fill = f"INSERT INTO {table} SELECT g, repeat(md5(g::text), 4), 0 FROM generate_series(%s::int, %s::int) g"
    base = number * 100_000
    with (
        psycopg.connect(lab.src.info.dsn, password=lab.server.password) as one,
        psycopg.connect(lab.src.info.dsn, password=lab.server.password) as two,
        psycopg.connect(lab.src.info.dsn, password=lab.server.password) as doomed,
    ):
        for writer, start in ((one, 10_000), (two, 20_000), (doomed, 30_000)):
            writer.execute(fill, [base + start, base + start + ROWS - 1])
        lab.src.execute(fill, [base + 1, base + 1])
        for writer, start in ((one, 40_000), (two, 50_000)):
            writer.execute("SAVEPOINT a")
            writer.execute(fill, [base + start, base + start + ROWS - 1])
            writer.execute("ROLLBACK TO a")
        doomed.rollback()
        two.execute(fill, [base + 60_000, base + 60_000])
        two.commit()
        lab.src.execute(fill, [base + 2, base + 2])
        one.commit()
    second = [*range(base + 20_000, base + 20_000 + ROWS), base + 60_000]
    return [base + 1, *second, base + 2, *range(base + 10_000, base + 10_000 + ROWS)]


def _ids(worker: Worker, topic: str) -> list[int]:
    read = read_all(worker, topic)
    if read is None:
        return []
    return [json.loads(value)["payload"]["after"]["id"] for value in read.values if value is not None]


@pytest.mark.parametrize("whole", [False, True], ids=["task", "worker"])
def test_killed_amid_streamed_transactions(whole: bool, tmp_path: Path, postgres: PostgresServer) -> None:
    with laboratory(postgres) as lab:
        if lab.src.info.server_version < 140000:
            pytest.skip("needs a server that streams transactions: 14 or later")
        lab.src.execute(f"ALTER DATABASE {lab.source_db} SET logical_decoding_work_mem = '64kB'")
        victims = {f"streamed{index}": point for index, point in enumerate(SOURCE_POINTS)}
        if whole:
            # One that hangs in the log's commit would hold all others up.
            victims = {name: point for name, point in victims.items() if point != "log.before_commit"}
        marks = tmp_path / "marks"
        marks.mkdir()
        action = "hang" if whole else "kill"
        # At the third hit: in the midst of a large transaction's batches.
        points = ",".join(f"{point}@{name}={action}:2" for name, point in victims.items())
        worker = worker_at(tmp_path / "worker")
        worker.start(env={"HEADRACE_FAILPOINTS": points, "HEADRACE_FAILPOINTS_DIR": str(marks)})
        expected: dict[str, list[int]] = {name: [] for name in victims}
        try:
            more = {"snapshot__mode": "no_data", "max__batch__size": "500", "slot__stream__params": "streaming=on"}
            for name in victims:
                lab.table(name)
                create(worker, name, lab.source(name, **more))
                worker.until_states(name, "RUNNING", "RUNNING")
            for number in range(ROUNDS):
                for name, ids in expected.items():
                    ids += _round(lab, name, number)
                if whole and number == 1:
                    for name, point in victims.items():
                        wait_until((marks / f"{point}@{name}").exists, CATCH_UP_S, f"{point} is hit")
                    worker.kill()
                    worker.start(env={"HEADRACE_FAILPOINTS": points, "HEADRACE_FAILPOINTS_DIR": str(marks)})
            for name, ids in expected.items():
                topic = lab.topic(name)
                wait_until(
                    lambda topic=topic, ids=ids: len(_ids(worker, topic)) >= len(ids),  # type: ignore[misc]
                    CATCH_UP_S,
                    f"{name} has all that was committed",
                )
                assert (marks / f"{victims[name]}@{name}").exists(), name
                assert _ids(worker, topic) == ids, name
            streamed = lab.src.execute(
                "SELECT count(*) FROM pg_stat_replication_slots WHERE stream_txns > 0 AND slot_name LIKE %s",
                [f"{lab.prefix}%"],
            ).fetchone()
            assert streamed is not None
            assert streamed[0] > 0
        finally:
            worker.close()
