"""`make goldens AREA=postgres_stream`: what Debezium makes of the scenarios, written to golden/postgres_stream.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from headrace.testing.servers import PostgresServer
from tests.parity.corpus.postgres_stream import SCENARIOS
from tests.parity.frame.oracle import Oracle
from tests.parity.stream.lab import Lab
from tests.parity.stream.normal import Form, Normal
from tests.parity.workload.sides import Theirs

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "postgres_stream.json"


def read_golden(path: Path = GOLDEN) -> dict[str, Form]:
    """By scenario."""
    if not path.exists():
        return {}
    whole = json.loads(path.read_text(encoding="utf-8"))
    return {name: {**one, "schemas": whole["schemas"]} for name, one in whole["scenarios"].items()}


def write_golden(found: dict[str, Form], path: Path = GOLDEN) -> None:
    """One line an event and a schema, so that a change shows as few lines."""
    schemas = {digest: form for one in found.values() for digest, form in one["schemas"].items()}
    used = set(json.dumps([one["events"] for one in found.values()]).split('"'))
    for _ in range(4):
        used |= {part for digest in used & set(schemas) for part in json.dumps(schemas[digest]).split('"')}
    lines = [f" {json.dumps(d)}:{_line(schemas[d])}" for d in sorted(used & set(schemas))]
    parts = []
    for name, one in found.items():
        events = ",\n  ".join(_line(event) for event in one["events"])
        parts.append(f' {json.dumps(name)}:{{"failed":{json.dumps(one["failed"])},"events":[\n  {events}]}}')
    body = ",\n".join(parts)
    path.write_text('{"schemas":{\n' + ",\n".join(lines) + '},\n"scenarios":{\n' + body + "}}\n", encoding="utf-8")


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main(names: list[str]) -> None:
    """Record all scenarios, or those named, and write."""
    found = read_golden()
    with PostgresServer(durable=False) as server, Oracle() as oracle:
        for name, scenario in SCENARIOS.items():
            if names and name not in names:
                continue
            outcome = Lab(server, scenario, lambda settings: Theirs(oracle, settings)).run()
            found[name] = Normal(outcome.events).form(outcome.failure)
            print(
                f"{name}: {len(outcome.events)} events{', failed: ' + outcome.failure[:200] if outcome.failure else ''}"
            )
    write_golden({name: found[name] for name in SCENARIOS if name in found})


if __name__ == "__main__":
    main(sys.argv[1:])
