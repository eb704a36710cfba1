"""Kafka's quick start on our worker: a file's lines through a topic into another file, the tasks killed on the way."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.runtime.worker_support import Worker


def test_lines_arrive_although_tasks_are_killed(tmp_path: Path) -> None:
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    lines = [f"line {number} äöü" for number in range(20_000)]
    source.write_text("".join(f"{line}\n" for line in lines[:10_000]), encoding="utf-8")
    string = "org.apache.kafka.connect.storage.StringConverter"
    worker = Worker(tmp_path, key__converter=string, value__converter=string).start()
    try:
        worker.create("in", "FileStreamSource", file=str(source), topic="lines", batch__size="100")
        worker.create("out", "FileStreamSinkConnector", file=str(target), topics="lines")
        worker.until(lambda: target.exists() and target.read_bytes().count(b"\n") >= 2_000)
        for pid in worker.children()[1:]:
            os.kill(pid, signal.SIGKILL)
        with source.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines[10_000:])

        def written() -> list[str]:
            return target.read_text(encoding="utf-8").splitlines()

        worker.until(lambda: set(lines) <= set(written()), timeout_s=30)
        assert set(written()) == set(lines)
        offsets = worker.request("GET", "/connectors/in/offsets", status=200)["offsets"]
        assert offsets[0]["partition"] == {"filename": str(source)}
        worker.until(
            lambda: (
                worker.request("GET", "/connectors/in/offsets")["offsets"][0]["offset"]["position"]
                == source.stat().st_size
            )
        )
    finally:
        worker.close()
