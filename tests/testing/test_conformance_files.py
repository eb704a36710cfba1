"""The file stream source and sink under the suites for any source and sink."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from headrace.sinks.file.connector import FileStreamSinkConnector
from headrace.sources.file.connector import FileStreamSourceConnector
from headrace.testing import SinkConformance, SourceConformance


class TestSource(SourceConformance):
    connector = FileStreamSourceConnector
    refused = (({"topic": ""}, "topic"),)

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.file = tmp_path / "lines.txt"
        self.number = 0

    def config(self) -> dict[str, str]:
        return {"file": str(self.file), "topic": "lines", "batch.size": "5"}

    def produce(self, count: int) -> Sequence[str]:
        lines = [f"line {self.number + n}" for n in range(count)]
        self.number += count
        with self.file.open("a") as file:
            file.writelines(line + "\n" for line in lines)
        return lines

    def identity(self, record: Any) -> str:
        assert isinstance(record.value, str)
        return record.value


class TestSink(SinkConformance):
    connector = FileStreamSinkConnector
    upserts = False
    idempotent = False

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.file = tmp_path / "out.txt"

    def config(self) -> dict[str, str]:
        return {"file": str(self.file), "topics": self.topic}

    def record(self, number: int, version: int) -> Any:
        return None, None, None, f"{number}:{version}"

    def read(self) -> Collection[tuple[int, int]]:
        lines = [line for line in self.file.read_text().splitlines() if line != "null"]
        return [(int(number), int(version)) for number, _, version in (line.partition(":") for line in lines)]
