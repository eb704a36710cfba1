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
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, postgres.jdbc_url(name), postgres.user, postgres.password, "5", put_as],
        cwd=ROOT,
        env={**os.environ, "HEADRACE_FAILPOINTS": point, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    with postgres.connect(name) as sql:
        assert sql.execute("SELECT count(*) FROM t").fetchone() == (written,)
        sink, topic = Sink(postgres, name, {"insert.mode": "insert", "schema.evolution": "basic"}), Topic()
        sink.put(*(topic.flat(number, "x") for number in range(5)))
        sink.stop()
        assert sql.execute("SELECT id FROM t ORDER BY id").fetchall() == [(n,) for n in range(5)]
