"""Every case runs, counts its rows right, and says what it found in the form that scripts read."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from typing import Any

import pytest

from headrace.testing.bench import (
    run_catchup_bench,
    run_cliff_bench,
    run_settings_bench,
    run_sink_bench,
    run_snapshot_bench,
    run_transform_bench,
)
from headrace.testing.bench.shapes import SHAPES, ShapeWork
from headrace.testing.kafka_server import KafkaServer
from headrace.testing.servers import PostgresServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def checked(cases: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for case in cases:
        json.dumps(case)
        assert case["machine"]["cores"] >= 1
        assert case["implementation"]
        for group in ("metrics", "limit_metrics"):
            values = case.get(group, {})
            assert all(isinstance(value, (int, float)) and value >= 0 for value in values.values())
        assert "ratio_to_limit" not in case or case["ratio_to_limit"] > 0
    return {case["case"]: case for case in cases}


def test_catchup_into_kafka(kafka: KafkaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.testing.bench.rig.KafkaServer", lambda *_, **__: nullcontext(kafka))
    cases = checked(run_catchup_bench(500, runs=1, log="kafka", only=["catchup.kafka"]))
    assert list(cases) == ["catchup.kafka"]
    assert cases["catchup.kafka"]["metrics"]["catchup_events_per_s"] > 0


def test_catchup() -> None:
    cases = checked(run_catchup_bench(2000, runs=1))
    assert list(cases) == ["catchup", "catchup.schemas"]
    for case in cases.values():
        metrics = case["metrics"]
        # 200 of 2,000 changes are deletes, each with a tombstone; one row marks the end.
        assert (metrics["changes"], metrics["records"]) == (2001, 2201)
        assert metrics["catchup_events_per_s"] > 0
        assert metrics["source_task_peak_pss_mb"] > 5
        assert case["limit_metrics"]["stream_mb"] == pytest.approx(2001 * 220 / 1e6, rel=0.3)
        assert case["limit_metrics"]["recvlogical_events_per_s"] > 0
        assert {"wall_ratio_to_limit", "walsender_cpu_ratio_to_limit"} <= set(case)


def test_snapshot_over_one_connection_and_two() -> None:
    cases = checked(run_snapshot_bench(2000, runs=1, only=["snapshot", "snapshot.two"]))
    assert [case["metrics"]["connections"] for case in cases.values()] == [1, 2]
    for case in cases.values():
        assert case["metrics"]["rows"] == 2000
        assert case["metrics"]["snapshot_rows_per_s"] > 0
        assert case["wall_ratio_to_limit"] > 0
    assert cases["snapshot.two"]["limit_metrics"]["copy_2_rows_per_s"] > 0


def test_sinks() -> None:
    cases = checked(run_sink_bench(1000, runs=1))
    assert list(cases) == ["sink", "sink.existing", "sink.redis"]
    for case in cases.values():
        assert case["metrics"]["rows"] == 1000
        assert case["metrics"]["sink_rows_per_s"] > 0
        assert case["metrics"]["sink_task_peak_pss_mb"] > 5
        assert case["ratio_to_limit"] > 0


def test_transforms() -> None:
    names = ["transform.python", "transform.chain"]
    cases = checked(run_transform_bench(1000, runs=1, only=names))
    assert list(cases) == names
    for case in cases.values():
        assert case["metrics"]["records"] == 1101
        assert case["metrics"]["records_per_s"] > 0


def test_cliffs() -> None:
    cases = checked(run_cliff_bench(1000, runs=1, huge_rows=2000, only=["cliff.base", "cliff.large", "cliff.huge"]))
    changes = {name: case["metrics"]["changes"] for name, case in cases.items()}
    # One row more marks the end.
    assert changes == {"cliff.base": 1001, "cliff.large": 11, "cliff.huge": 2001}
    # A large row is 64 KB.
    assert cases["cliff.large"]["limit_metrics"]["stream_mb"] == pytest.approx(11 * 65536 / 1e6, rel=0.05)
    for case in cases.values():
        assert case["metrics"]["stream_mb_per_s"] > 0
    assert all(case["ratio_to_base"] > 0 and case["limit_ratio_to_base"] > 0 for case in list(cases.values())[1:])


@pytest.mark.parametrize("name", list(SHAPES))
def test_rows_are_made_in_the_transactions_of_their_shape(name: str, postgres: PostgresServer, make_database) -> None:
    shape = SHAPES[name]
    with postgres.connect(make_database()) as connection:
        work = ShapeWork(connection, name, shape, 25)
        work.create()
        connection.execute("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", [f"shape_{name}"])
        assert work.make() == (25, 25)
        work.mark()
        changes = "SELECT data FROM pg_logical_slot_get_changes(%s, NULL, NULL, 'include-xids', 'false')"
        words = [data.split(" ", 1)[0] for (data,) in connection.execute(changes, [f"shape_{name}"]).fetchall()]
        connection.execute("SELECT pg_drop_replication_slot(%s)", [f"shape_{name}"])
    assert words.count("table") == 26
    size = shape.per_transaction or 25
    assert words.count("COMMIT") == -(-25 // size) + 1


def test_settings() -> None:
    names = ["settings.max.batch.size=512", "settings.batch.size=500"]
    cases = checked(run_settings_bench(1000, runs=1, only=names))
    assert list(cases) == names
    rates = ("catchup_events_per_s", "sink_rows_per_s")
    for case, rate in zip(cases.values(), rates, strict=True):
        assert case["metrics"][rate] > 0
