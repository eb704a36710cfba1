"""`make goldens AREA=postgres_signals`: what Debezium makes of the scenarios, written to golden/postgres_signals.json."""

from __future__ import annotations

import sys
from pathlib import Path

from headrace.testing.servers import PostgresServer
from tests.parity.corpus.postgres_signals import SCENARIOS
from tests.parity.frame.oracle import Oracle
from tests.parity.signals.lab import SignalsLab, form
from tests.parity.stream.record import read_golden, write_golden
from tests.parity.workload.sides import Theirs

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "postgres_signals.json"


def main(names: list[str]) -> None:
    """Record all scenarios, or those named, and write."""
    found = read_golden(GOLDEN)
    with PostgresServer(durable=False) as server, Oracle() as oracle:
        for name, scenario in SCENARIOS.items():
            if names and name not in names:
                continue
            outcome = SignalsLab(server, scenario, lambda settings: Theirs(oracle, settings)).run()
            found[name] = form(outcome.events, outcome.failure)
            print(f"{name}: {len(outcome.events)} events{', failed: ' + outcome.failure if outcome.failure else ''}")
    write_golden({name: found[name] for name in SCENARIOS if name in found}, GOLDEN)


if __name__ == "__main__":
    main(sys.argv[1:])
