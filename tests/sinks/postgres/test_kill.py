"""A process killed around the target's commit: the next one takes the same records, and each counts once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.sinks.postgres.kit import Sink, Topic

from headrace.native import core
from headrace.testing.servers import PostgresServer

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from types import SimpleNamespace
from tests.sinks.postgres import kit
from tests.sinks.postgres.kit import Sink, Topic
url, user, password, count, kit.PUT_BLOCKS = *sys.argv[1:-1], sys.argv[-1] == "blocks"
server = SimpleNamespace(user=user, password=password, jdbc_url=lambda name: url)
sink, topic = Sink(server, "", {"insert.mode": "insert", "schema.evolution": "basic"}), Topic()
for number in range(int(count)):
    sink.put(topic.flat(number, "x"))
"""


@pytest.mark.parametrize(
    ("point", "written"), [("sink.before_target_commit=kill:2", 2), ("sink.after_target_commit=kill:2", 3)]
)
@pytest.mark.parametrize("put_as", ["records", "blocks"])
def test_killed_around_the_commit(
    postgres: PostgresServer, make_database: Callable[..., str], point: str, written: int, put_as: str
) -> None:
    if put_as == "blocks" and core is None:
        pytest.skip("the Rust core is not built")
    name = make_database()
    assert _killed(PROGRAM, postgres, name, ["5", put_as], point) == -signal.SIGKILL
    with postgres.connect(name) as sql:
        assert sql.execute("SELECT count(*) FROM t").fetchone() == (written,)
        sink, topic = Sink(postgres, name, {"insert.mode": "insert", "schema.evolution": "basic"}), Topic()
        sink.put(*(topic.flat(number, "x") for number in range(5)))
        sink.stop()
        assert sql.execute("SELECT id FROM t ORDER BY id").fetchall() == [(n,) for n in range(5)]


TWO = """
import sys
from types import SimpleNamespace
from tests.sinks.postgres import kit
from tests.sinks.postgres.kit import Sink, Topic
url, user, password, kit.PUT_BLOCKS = *sys.argv[1:-1], sys.argv[-1] == "blocks"
server = SimpleNamespace(user=user, password=password, jdbc_url=lambda name: url)
props = {"insert.mode": "insert", "schema.evolution": "basic", "write.max.connections": "2"}
sink, topics = Sink(server, "", props, topics=("a", "b")), (Topic("a"), Topic("b"))
sink.put(*(topic.flat(number, "x") for number in range(5) for topic in topics))
"""


@pytest.mark.parametrize("last", ["a", "b"])
@pytest.mark.parametrize("put_as", ["records", "blocks"])
def test_killed_between_the_commits_of_two_connections(
    postgres: PostgresServer, make_database: Callable[..., str], last: str, put_as: str
) -> None:
    """One table cannot be written until the process is dead: the connection for the other has committed, and nobody knows it."""
    if put_as == "blocks" and core is None:
        pytest.skip("the Rust core is not built")
    name = make_database()
    props = {"insert.mode": "insert", "schema.evolution": "basic", "write.max.connections": "2"}
    five = [(n,) for n in range(5)]
    with postgres.connect(name) as sql:
        for table in "ab":
            sql.execute(f"CREATE TABLE {table} (id int, name text)")
        with sql.transaction():
            sql.execute(f"LOCK TABLE {last} IN SHARE MODE")
            assert _killed(TWO, postgres, name, [put_as], "sink.after_target_commit=kill") == -signal.SIGKILL
            first = "ab".replace(last, "")
            assert sql.execute(f"SELECT id FROM {first} ORDER BY id").fetchall() == five
            assert sql.execute(f"SELECT id FROM {last}").fetchall() == []
            assert sql.execute("SELECT topic, next_offset FROM headrace_sink_offsets").fetchall() == [(first, 5)]
        sink, topics = Sink(postgres, name, props, topics=("a", "b")), (Topic("a"), Topic("b"))
        sink.put(*(topic.flat(number, "x") for number in range(5) for topic in topics))
        sink.stop()
        for table in "ab":
            assert sql.execute(f"SELECT id FROM {table} ORDER BY id").fetchall() == five


def _killed(program: str, server: PostgresServer, name: str, arguments: list[str], point: str) -> int:
    """The exit code of a process that runs the program with the fault."""
    return subprocess.run(
        [sys.executable, "-c", program, server.jdbc_url(name), server.user, server.password, *arguments],
        cwd=ROOT,
        env={**os.environ, "HEADRACE_FAILPOINTS": point, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        timeout=60,
        check=False,
    ).returncode
