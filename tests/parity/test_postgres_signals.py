"""Snapshots beside the stream: headrace's records against those Debezium made of the same signals, field by field with schemas."""

from __future__ import annotations

import fnmatch

import pytest

from headrace.testing.servers import PostgresServer
from tests.parity.corpus.postgres_signals import EXPLAINED, SCENARIOS
from tests.parity.frame.counts import Counts
from tests.parity.frame.oracle import Oracle
from tests.parity.signals.lab import SignalsLab, form
from tests.parity.signals.record import GOLDEN
from tests.parity.stream.normal import differences
from tests.parity.stream.record import read_golden
from tests.parity.workload.sides import Ours, Theirs

AREA = "postgres_signals"
GOLDENS = read_golden(GOLDEN)


@pytest.mark.parametrize("name", SCENARIOS)
def test_records_are_debeziums(name: str, postgres: PostgresServer, counts: Counts) -> None:
    outcome = SignalsLab(postgres, SCENARIOS[name], Ours).run()
    theirs, ours = GOLDENS[name], form(outcome.events, outcome.failure)
    wrong, used, differing = [], set(), set()
    for place, found in differences(theirs, ours):
        reasons = [pattern for pattern in EXPLAINED if fnmatch.fnmatchcase(f"{name}:{place}", pattern)]
        used |= set(reasons)
        differing.add(place.partition(".")[0])
        if not reasons:
            wrong.append(f"{place}: {found}")
    for number in range(len(theirs["events"])):
        counts.add(AREA, results=1, differs=str(number) in differing, explained=not wrong)
    stale = [p for p in EXPLAINED if p.partition(":")[0] == name and p not in used]
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong[:20])
    assert not stale, f"equal, yet EXPLAINED says it differs: {stale}"


@pytest.mark.parity
@pytest.mark.parametrize("name", ["incremental", "blocking"])
def test_recorded_answers_are_still_debeziums(name: str, postgres: PostgresServer, oracle: Oracle) -> None:
    outcome = SignalsLab(postgres, SCENARIOS[name], lambda settings: Theirs(oracle, settings)).run()
    assert list(differences(GOLDENS[name], form(outcome.events, outcome.failure))) == []
