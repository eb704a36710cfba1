"""The text of every kind of value, as Kafka's sink writes it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headrace.data import FLOAT32_SCHEMA, INT32_SCHEMA, STRING_SCHEMA, Schema, SchemaBuilder, SinkRecord, Struct
from headrace.sinks.file.lines import line_of
from headrace.sinks.file.task import FileStreamSinkTask


def _point() -> Struct:
    schema = (
        SchemaBuilder.struct().field("x", INT32_SCHEMA).field("s", SchemaBuilder.string().optional().build()).build()
    )
    return Struct(schema, [1, None])


@pytest.mark.parametrize(
    ("schema", "value", "line"),
    [
        (STRING_SCHEMA, "zwölf", "zwölf"),
        (None, None, "null"),
        (None, True, "true"),
        (FLOAT32_SCHEMA, 0.1, "0.1"),
        (None, 1e20, "1.0E20"),
        (None, Decimal("1.20"), "1.20"),
        (None, {"a": [1, "b", None]}, "{a=[1, b, null]}"),
        (None, dt.datetime(2026, 1, 2, 3, 4, 5, 6000, dt.UTC), "2026-01-02T03:04:05.006Z"),
        (None, b"\x00raw", "\x00raw"),
    ],
)
def test_text(schema: Schema | None, value: Any, line: str) -> None:
    assert line_of(schema, value) == line.encode() + b"\n"


def test_struct_leaves_nulls_out() -> None:
    point = _point()
    assert line_of(point.schema, point) == b"Struct{x=1}\n"


def test_a_line_cut_short_is_not_joined(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_bytes(b"whole\nhal")
    for _ in range(2):
        task = FileStreamSinkTask()
        task.start({"file": str(path)})
        task.put([SinkRecord("t", 0, None, None, STRING_SCHEMA, "next", 0)])
        task.stop()
    assert path.read_bytes() == b"whole\nhal\nnext\nnext\n"
