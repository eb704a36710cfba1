"""The benchmark's parts: the work is what it says, the limits are measured, the meter sees children."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.support import wait_until

from headrace.errors import ConnectException
from headrace.testing.bench import figures, limits, meter
from headrace.testing.bench.server_meter import SESSION, WALSENDER, ServerMeter
from headrace.testing.bench.workload import Workload, differences, table_ddl


def test_changes_are_counted_right_and_differences_found(postgres, make_database):
    with postgres.connect(make_database()) as source, postgres.connect(make_database()) as copy:
        work = Workload(source, 2000)
        work.create()
        assert work.usable(10**9) == 3300
        slot = "SELECT pg_create_logical_replication_slot('count_changes', 'test_decoding')"
        source.execute(slot)
        assert work.change(1000) == 100
        kinds = source.execute(
            "SELECT split_part(data, ' ', 3), count(*) FROM pg_logical_slot_get_changes('count_changes', NULL, NULL) "
            "WHERE data LIKE 'table%' GROUP BY 1"
        ).fetchall()
        assert dict(kinds) == {"INSERT:": 600, "UPDATE:": 300, "DELETE:": 100}
        copy.execute(table_ddl("orders"))
        assert differences(source, copy) == 2500
        assert limits.staged_upsert(source, copy, 2000) > 0
        assert limits.staged_upsert(source, copy, 2000, existing=True) > 0


def test_both_raw_readers_read_to_the_end(postgres, make_database):
    name = make_database()
    with postgres.connect(name) as source:
        work = Workload(source, 1000)
        work.create()
        for slot in ("raw_test", "lazy_test"):
            source.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [slot])
        work.change(500)
        marker = str(work.marker())
        (end,) = source.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        source.execute("SELECT pg_logical_emit_message(true, 'bench', 'end')")
        with ServerMeter(postgres.pid) as used:
            raw = limits.recvlogical(postgres, "raw_test", work.publication, end, name)
        assert 0 < raw.wall_s < 30
        assert 0 <= raw.cpu_s < 30
        assert used.cpu_s(WALSENDER) >= 0
        lazy = limits.lazy_read(postgres, "lazy_test", work.publication, marker, name)
        # Ten columns of text, and twenty-five bytes before each message.
        assert 500 * 60 < lazy.stream_bytes < 500 * 400


def test_copy_reads_every_block_once(postgres, make_database):
    name = make_database()
    with postgres.connect(name) as source:
        Workload(source, 1000).create()
        assert limits.copy_to_null(postgres, "orders", 2, 20, name).wall_s > 0
        with pytest.raises(ConnectException, match="psql failed"):
            limits.copy_to_null(postgres, "no_such_table", 1, 20, name)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_server_meter_tells_sessions_from_walsenders(postgres):
    with ServerMeter(postgres.pid) as used, postgres.connect() as session:
        backend = session.info.backend_pid
        start = meter.read(backend).cpu[backend]
        session.execute("DO $$ BEGIN FOR i IN 1..3000000 LOOP END LOOP; END $$")
        spent = meter.read(backend).cpu[backend] - start
    assert used.cpu_s(SESSION, new=True) >= spent - 0.05
    assert used.cpu_s(WALSENDER) == 0


def test_figures_are_medians_with_their_spread():
    runs = [{"x_per_s": 100.0}, {"x_per_s": 300.0, "y_s": 1.0}, {"x_per_s": 200.0}]
    assert figures.medians(runs) == {"x_per_s": 200}
    made = figures.case(
        "c", runs, "x_per_s", limits={"most_per_s": 400.0}, limit_metric="most_per_s", counts={"rows": 7}
    )
    assert made["metrics"] == {"rows": 7, "x_per_s": 200}
    assert (made["ratio_to_limit"], made["noise_ratio"], made["runs"]) == (0.5, 3.0, 3)
    assert made["implementation"] in ("python", "rust")


def test_an_unknown_case_is_refused():
    assert figures.chosen(["a", "a.b"], ["a.b"]) == ["a.b"]
    with pytest.raises(ConnectException, match=r"No case c here; there are a, a\.b"):
        figures.chosen(["a", "a.b"], ["c"])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_meter_sees_a_child_and_its_cpu():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    parent = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    try:
        wait_until(lambda: len(meter.tree(parent.pid)) == 2, 10, "the child runs")
        child = meter.tree(parent.pid)[1]
        with meter.Meter(parent.pid) as used:
            start = meter.read(child).cpu[child]
            wait_until(lambda: meter.read(child).cpu[child] > start + 0.2, 20, "CPU is used")
        assert sum(used.cpu_s().values()) >= 0.15
        assert used.peak_total_mb > 1
    finally:
        for pid in reversed(meter.tree(parent.pid)):
            subprocess.run(["kill", "-9", str(pid)], check=False)
        parent.wait()
