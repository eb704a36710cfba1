"""Streaming scenarios: the records of headrace against those Debezium made of the same statements, field by field with schemas."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest

from headrace.testing.servers import PostgresServer
from tests.parity.corpus.postgres_stream import EXPLAINED, SCENARIOS, VARIANTS
from tests.parity.frame.counts import Counts
from tests.parity.frame.oracle import Oracle
from tests.parity.stream.lab import Lab
from tests.parity.stream.normal import Form, Normal, differences
from tests.parity.stream.record import read_golden
from tests.parity.workload.sides import Ours, Theirs

AREA = "postgres_stream"
GOLDENS = read_golden()
LIVE = ("transactions", "identity-nokey", "messages-bytes", "partitions-root", "definitions", "reselect-all")


def _ours(server: PostgresServer, name: str) -> Form:
    outcome = Lab(server, SCENARIOS[name], Ours).run()
    return Normal(outcome.events).form(outcome.failure)


def _check(name: str, theirs: Form, ours: Form, counts: Counts) -> None:
    wrong: list[str] = []
    used: set[str] = set()
    differing: dict[str, bool] = {}
    for place, found in differences(theirs, ours):
        reasons = [pattern for pattern in EXPLAINED if fnmatch.fnmatchcase(f"{name}:{place}", pattern)]
        used |= set(reasons)
        event = place.partition(".")[0]
        differing[event] = differing.get(event, True) and bool(reasons)
        if not reasons:
            wrong.append(f"{place}: {found}")
    shared = min(len(theirs["events"]), len(ours["events"]))
    for number in range(max(shared, len(theirs["events"]), len(ours["events"]))):
        place = str(number) if number < shared else "count"
        counts.add(AREA, results=1, differs=place in differing, explained=differing.get(place, True))
    stale = [p for p in EXPLAINED if p.partition(":")[0] == name and p not in used]
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong[:20])
    assert not stale, f"equal, yet EXPLAINED says it differs: {stale}"


def _tiered(name: str) -> Any:
    long = any(fnmatch.fnmatchcase(name, pattern) for pattern in VARIANTS)
    return pytest.param(name, marks=pytest.mark.parity if long else ())


@pytest.mark.parametrize("name", [_tiered(name) for name in SCENARIOS])
def test_records_are_debeziums(name: str, postgres: PostgresServer, counts: Counts) -> None:
    with postgres.connect() as connection:
        if connection.info.server_version < SCENARIOS[name].since:
            pytest.skip("the server is too old for this scenario")
    _check(name, GOLDENS[name], _ours(postgres, name), counts)


@pytest.mark.parity
@pytest.mark.parametrize("name", LIVE)
def test_recorded_answers_are_still_debeziums(name: str, postgres: PostgresServer, oracle: Oracle) -> None:
    outcome = Lab(postgres, SCENARIOS[name], lambda settings: Theirs(oracle, settings)).run()
    assert list(differences(GOLDENS[name], Normal(outcome.events).form(outcome.failure))) == []
