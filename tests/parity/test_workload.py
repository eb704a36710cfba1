"""Both PostgreSQL connectors on a generated workload: event by event the same."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable

import pytest

from headrace.testing.servers import PostgresServer
from tests.parity.frame.counts import Counts, Part
from tests.parity.frame.oracle import Oracle
from tests.parity.workload.run import Outcome, Run

SEED = int(os.environ.get("HEADRACE_SEED", "0")) or secrets.randbelow(10**6)
EVENTS = int(os.environ.get("HEADRACE_PARITY_EVENTS", "100000"))
EVENTS_A_RUN = 4000
REFUSED_AT_MOST = 0.02
"""Statements the server refuses, of all events: a few, or the workload is none."""


def run(
    server: PostgresServer, oracle: Oracle, make_database: Callable[..., str], seed: int, number: int, events: int
) -> Outcome:
    one = Run(server, oracle, make_database(), seed, number)
    try:
        outcome = one.drive(events)
    finally:
        one.close()
    repeat = f"HEADRACE_SEED={seed - number} make test-parity, run {number}, settings {outcome.configuration}"
    lines = "\n".join(outcome.differences)
    assert not outcome.differing, f"{outcome.differing} of {outcome.events} events differ; repeat: {repeat}\n{lines}"
    assert len(outcome.refused) <= max(3, REFUSED_AT_MOST * outcome.events), outcome.refused[:10]
    return outcome


def count(counts: Counts, outcome: Outcome) -> None:
    equal = outcome.events - outcome.explained
    counts.merge("postgresql workload (events)", Part(outcome.events, outcome.events, equal, outcome.explained))


def test_a_sample_with_the_defaults_is_equal(
    postgres: PostgresServer, oracle: Oracle, make_database: Callable[..., str], counts: Counts
) -> None:
    count(counts, run(postgres, oracle, make_database, SEED, 0, 1200))


def test_a_sample_with_other_settings_is_equal(
    postgres: PostgresServer, oracle: Oracle, make_database: Callable[..., str], counts: Counts
) -> None:
    count(counts, run(postgres, oracle, make_database, SEED + 1, 1, 800))


@pytest.mark.parity
@pytest.mark.timeout(3600)
def test_the_long_workload_is_equal(
    postgres: PostgresServer, oracle: Oracle, make_database: Callable[..., str], counts: Counts
) -> None:
    """HEADRACE_PARITY_EVENTS of them, in runs of different tables and settings."""
    compared = number = 0
    while compared < EVENTS:
        outcome = run(postgres, oracle, make_database, SEED + number, number, min(EVENTS_A_RUN, EVENTS))
        count(counts, outcome)
        compared += outcome.events
        number += 1
        print(f"run {number}: {compared:,} events equal, seed {outcome.seed}, {outcome.configuration or 'defaults'}")
