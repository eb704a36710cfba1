"""The page of tickets names tests that are there, and no test is left out of it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "loss-tickets.md").read_text(encoding="utf-8")


def test_every_test_named_is_there() -> None:
    for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE):
        assert re.search(rf"^\s*def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.M), f"{path}::{name}"


def test_every_test_here_is_named() -> None:
    for path in Path(__file__).parent.glob("test_*.py"):
        if path != Path(__file__):
            for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.M):
                assert f"`tests/loss/{path.name}::{name}`" in PAGE, name
