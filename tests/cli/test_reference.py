"""The reference pages in docs/ are those the declarations give today."""

from __future__ import annotations

from pathlib import Path

from headrace.cli.reference import reference_pages

DOCS = Path(__file__).parents[2] / "docs" / "reference"


def test_pages_are_up_to_date() -> None:
    expected = {name: text.rstrip() + "\n" for name, text in reference_pages().items()}
    found = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    stale = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    assert not stale, f"run make docs: {stale}"
