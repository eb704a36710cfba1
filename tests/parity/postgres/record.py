"""`make goldens AREA=postgres_types`: what Debezium makes of the corpus, written to golden/postgres_types.json.

Tables that the server here cannot have keep what was recorded of them before; HEADRACE_POSTGRES_HOME chooses another server.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headrace.testing.servers import PostgresServer
from tests.parity.corpus.postgres_types import MODES, Mode
from tests.parity.frame.oracle import Oracle
from tests.parity.postgres.golden import pack, read_golden, write_golden
from tests.parity.postgres.lab import Lab, Reading, batches, is_last, reading

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "postgres_types.json"
_TOGETHER = 4


class Engine:
    """One Debezium connector in the oracle."""

    def __init__(self, oracle: Oracle, mode: Mode, config: dict[str, str]) -> None:
        self._oracle = oracle
        self.mode = mode
        self.records: list[dict[str, Any]] = []
        self._schemas: dict[str, Any] = {}
        oracle.ask({"op": "engine_start", "engine": mode.id, "config": config})

    def take(self) -> None:
        answer = self._oracle.ask({"op": "engine_take", "engine": self.mode.id, "timeout_s": 0.05, "limit": 5000})["ok"]
        self._schemas.update(answer["schemas"])
        for record in answer["records"]:
            for part in ("key", "value"):
                number, payload = record[part]
                record[part] = [None if number is None else self._schemas[str(number)], payload]
            self.records.append(record)
        if answer["error"]:
            raise RuntimeError(f"{self.mode.id}: {answer['error']}")

    def read(self) -> bool:
        """Whether the snapshot is complete."""
        self.take()
        return any(r["value"][1] and r["value"][1]["source"]["snapshot"] == "last" for r in self.records)

    def done(self) -> bool:
        self.take()
        return is_last(self.records)

    def stop(self) -> None:
        self._oracle.ask({"op": "engine_stop", "engine": self.mode.id})


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not come to its end; see HEADRACE_ORACLE_LOG")


def record() -> Reading:
    """Every mode, read by Debezium."""
    result: Reading = {}
    with PostgresServer(durable=False) as server, Oracle() as oracle:
        for batch in batches():
            result |= _record(server, oracle, batch)
    return result


def _record(server: PostgresServer, oracle: Oracle, batch: tuple[Mode, ...]) -> Reading:
    result: Reading = {}
    lab = Lab(server)
    modes = [mode for mode in batch if lab.tables(mode)]
    engines: list[Engine] = []
    for at in range(0, len(modes), _TOGETHER):
        group = [Engine(oracle, mode, lab.config(mode)) for mode in modes[at : at + _TOGETHER]]
        for engine in group:
            _wait(engine.read, f"the snapshot of {engine.mode.id}")
        engines += group
    lab.stream()
    for engine in engines:
        _wait(engine.done, f"the stream of {engine.mode.id}")
        result |= reading(engine.mode.id, engine.records)
        engine.stop()
    lab.close()
    return result


def main() -> None:
    """Record and write."""
    made = pack(record())
    kept = {name: value for name, value in read_golden(GOLDEN).items() if name not in made}
    known = {f"{mode.id}/{table}" for mode in MODES for table in mode.tables}
    write_golden(GOLDEN, {name: value for name, value in (kept | made).items() if name in known})
    print(f"postgres_types: {len(made)} tables recorded, {len(json.dumps(made)) >> 10} KiB")


if __name__ == "__main__":
    main()
