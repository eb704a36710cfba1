"""Every key Debezium's PostgreSQL connector declares is known here, of the same type, default and importance; every key that is honoured
has a test of its effect. The table of all keys is printed at the end."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from headrace.config import NO_DEFAULT
from headrace.sources.postgres.keys import GROUPS, KeyRow
from tests.parity.frame.counts import Counts
from tests.parity.frame.oracle import Oracle
from tests.parity.keys_table import EFFECT_SHOWN_BY, NO_EFFECT, REFUSED, key_table, lines, status_of
from tests.parity.postgres.keys import GOLDEN, declared

RECORDED: dict[str, dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))
ROWS: dict[str, KeyRow] = {row.name: row for group in GROUPS.values() for row in group}
REQUIRED = ("database.hostname", "database.user", "database.dbname", "topic.prefix")
REFUSED_VALUES = {"snapshot.mode": {"custom"}, "snapshot.locking.mode": {"custom"}, "snapshot.query.mode": {"custom"}}


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_each_key_is_declared_alike(name: str) -> None:
    theirs, row = RECORDED[name], ROWS.get(name)
    if row is None:
        # A key whose name holds a value, or one of Debezium's own internals.
        assert status_of(name.replace("(d+)", "(\\d+)")) is not None
        return
    assert (row.type.name, row.importance.name) == (theirs["type"], theirs["importance"])
    if name in REQUIRED:
        # The original says so when it is missing, not in the declaration.
        assert row.default is NO_DEFAULT
    else:
        default = None if row.default is None else str(row.default)
        assert (default.lower() if isinstance(row.default, bool) and default else default) == theirs["default"]
    if theirs["allowed"]:
        assert set(row.allowed) == set(theirs["allowed"]) - REFUSED_VALUES.get(name, set())


def test_each_honoured_key_has_a_test_of_its_effect() -> None:
    taken = {name for name, status, _ in key_table() if status not in (NO_EFFECT, REFUSED)}
    singles = {name for name in taken if "<" not in name}
    assert singles - set(EFFECT_SHOWN_BY) == set()
    assert set(EFFECT_SHOWN_BY) - singles == set()


@pytest.mark.parametrize("test_id", sorted(set(EFFECT_SHOWN_BY.values())))
def test_that_test_is_there(test_id: str) -> None:
    path, _, name = test_id.partition("::")
    tree = ast.parse((Path(__file__).resolve().parents[1] / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_reasons_are_given_and_the_table_is_shown(counts: Counts) -> None:
    for name, status, note in key_table():
        assert bool(note) == (status != "honoured"), name
    counts.notes["keys of the PostgreSQL connector"] = lines()


def test_the_recorded_declaration_is_the_originals(oracle: Oracle) -> None:
    assert declared(oracle) == RECORDED
