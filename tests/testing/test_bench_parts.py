"""The benchmark's parts: the work is what it says, the limits are measured, the meter sees children."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.support import wait_until

from headrace.testing.bench import limits, meter
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
        assert limits.staged_upsert_rows_per_s(source, copy, 2000) > 1000


def test_pg_recvlogical_reads_to_the_end(postgres, make_database):
    name = make_database()
    with postgres.connect(name) as source:
        work = Workload(source, 1000)
        work.create()
        source.execute("SELECT pg_create_logical_replication_slot('raw_test', 'pgoutput')")
        work.change(500)
        (end,) = source.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        source.execute("SELECT pg_logical_emit_message(true, 'bench', 'end')")
        assert 0 < limits.recvlogical_seconds(postgres, name, "raw_test", end) < 30


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
