"""Goldens of readings, written small: a column that the mode `default` has alike is left out, as is what the stream has as the snapshot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.parity.postgres.lab import Reading

_LATER = {"stream": "snapshot", "schema_stream": "schema"}
BASE = "default"


def pack(made: Reading) -> Reading:
    """The small form."""
    result: Reading = {}
    for name, one in made.items():
        table = name.partition("/")[2]
        base = made.get(f"{BASE}/{table}")
        packed = dict(one)
        for part, other in _LATER.items():
            packed[part] = {c: v for c, v in one[part].items() if v != one[other].get(c)}
        packed["unstreamed"] = sorted(set(one["schema"]) - set(one["schema_stream"]))
        if base is not None and base is not one:
            packed["without"] = sorted(set(base["schema"]) - set(one["schema"]))
            packed["key"] = one["key"] if one["key"] != base["key"] else None
            for part in ("schema", "snapshot"):
                packed[part] = {c: v for c, v in one[part].items() if v != base[part].get(c)}
            if _alike(one, base):
                packed["changes"] = "as default"
        result[name] = packed
    return result


def _alike(one: dict[str, Any], base: dict[str, Any]) -> bool:
    return bool(one["changes"] == base["changes"])


def unpack(packed: Reading) -> Reading:
    """The whole form again."""
    result: Reading = {}
    for name in sorted(packed, key=lambda n: (not n.startswith(f"{BASE}/"), n)):
        one = {**packed[name]}
        base = result.get(f"{BASE}/{name.partition('/')[2]}")
        if "without" in one and base is not None:
            gone = set(one.pop("without"))
            one["key"] = one["key"] or base["key"]
            for part in ("schema", "snapshot"):
                one[part] = {c: one[part].get(c, v) for c, v in base[part].items() if c not in gone} | one[part]
            if one["changes"] == "as default":
                one["changes"] = base["changes"]
        for part, other in _LATER.items():
            one[part] = {c: v for c, v in one[other].items() if c not in one["unstreamed"]} | one[part]
        result[name] = one
    return result


def read_golden(path: Path) -> Reading:
    """The small form, {} when nothing is recorded."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_golden(path: Path, packed: Reading) -> None:
    """One line a table and part, sorted, so that a change shows as few lines."""
    lines = []
    for name, one in sorted(packed.items()):
        parts = [f"{json.dumps(part)}:{_line(value)}" for part, value in sorted(one.items())]
        lines.append(f"{json.dumps(name)}:{{\n" + ",\n".join(parts) + "}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _line(value: Any) -> str:
    if isinstance(value, dict) and value:
        inner = [
            f"{json.dumps(k)}:{json.dumps(v, ensure_ascii=False, separators=(',', ':'))}" for k, v in value.items()
        ]
        return "{\n " + ",\n ".join(inner) + "}"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
