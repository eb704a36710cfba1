"""Finds the corpora and their goldens. A case is a request to the oracle with an `id`: "group/name"."""

from __future__ import annotations

import fnmatch
import hashlib
import importlib
import json
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

Case = dict[str, Any]
Answer = dict[str, Any]
_HERE = Path(__file__).resolve().parents[1]


def areas() -> list[str]:
    """The corpora's names: the modules that have `cases`; the others hold what these share."""
    names = sorted(p.stem for p in (_HERE / "corpus").glob("*.py") if not p.stem.startswith("_"))
    return [name for name in names if hasattr(_module(name), "cases")]


@cache
def _module(area: str) -> Any:
    return importlib.import_module(f"tests.parity.corpus.{area}")


@cache
def cases(area: str) -> dict[str, Case]:
    """The corpus by id. ValueError for an id that comes twice or has no group."""
    result: dict[str, Case] = {}
    for case in _module(area).cases():
        name = case["id"]
        if name in result or "/" not in name:
            raise ValueError(f"{area}: the id {name!r} comes twice or has no group ('group/name')")
        result[name] = case
    return result


def groups(area: str) -> list[str]:
    """The groups of a corpus: what its ids have before the first slash."""
    return sorted({name.partition("/")[0] for name in cases(area)})


def can_be_asked(area: str) -> bool:
    """Whether the oracle has what the corpus needs: some need the script engines (README.md), which are no part of its packages."""
    return not getattr(_module(area), "NEEDS_SCRIPT_ENGINES", False) or "HEADRACE_ORACLE_JARS" in os.environ


def explanation(area: str, name: str) -> str | None:
    """Why this case may differ, by the corpus module's EXPLAINED (pattern of ids → reason), or None."""
    explained: dict[str, str] = getattr(_module(area), "EXPLAINED", {})
    return next((reason for pattern, reason in explained.items() if fnmatch.fnmatchcase(name, pattern)), None)


def idle_explanations(area: str) -> list[str]:
    """Patterns of EXPLAINED that no case has."""
    explained: dict[str, str] = getattr(_module(area), "EXPLAINED", {})
    return [pattern for pattern in explained if not fnmatch.filter(cases(area), pattern)]


def request(case: Case) -> dict[str, Any]:
    """What is asked of either side."""
    return {key: value for key, value in case.items() if key != "id"}


def digest(case: Case) -> str:
    """Tells whether a golden belongs to this very case."""
    return hashlib.sha256(json.dumps(request(case), sort_keys=True).encode()).hexdigest()[:12]


def golden_file(area: str) -> Path:
    return _HERE / "golden" / f"{area}.json"


@cache
def goldens(area: str) -> dict[str, dict[str, Any]]:
    """The recorded answers by id, each `{"case": digest, "answer": …}`."""
    path = golden_file(area)
    if not path.exists():
        return {}
    result: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return result


def write_goldens(area: str, answers: Iterable[tuple[Case, Answer]]) -> None:
    """Replace the recorded answers; one line a case, sorted, so that a change shows as few lines."""
    lines = []
    for case, answer in sorted(answers, key=lambda pair: pair[0]["id"]):
        entry = {"case": digest(case), "answer": answer}
        text = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        lines.append(f"{json.dumps(case['id'])}:{text}")
    golden_file(area).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
