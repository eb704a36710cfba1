"""What the PostgreSQL connectors say to settings: each key with values of every wrong kind, pairs that exclude each other, what is missing.

Asked of the original at every run. Compared: which keys have an error, and the values recommended; texts are each connector's own.
The database does not answer, which both tell at database.hostname when nothing else is wrong.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.sources.postgres.connector import PostgresConnector
from tests.parity.frame.counts import Counts
from tests.parity.frame.oracle import Oracle

CLASS = "io.debezium.connector.postgresql.PostgresConnector"
BASE = {
    "connector.class": CLASS,
    "name": "v",
    "database.hostname": "127.0.0.1",
    "database.port": "1",
    "database.user": "u",
    "database.password": "p",
    "database.dbname": "d",
    "topic.prefix": "srv",
    "plugin.name": "pgoutput",
}
VALUES = {
    "INT": ("x", "-1", "0", "99999999999", "1.5"),
    "LONG": ("x", "-1", "0", "99999999999999999999"),
    "SHORT": ("x", "-1", "0", "70000"),
    "BOOLEAN": ("perhaps",),
    "STRING": ("no such value", "", "("),
    "LIST": ("no such value", "", "("),
    "CLASS": ("no.such.Class",),
    "PASSWORD": ("x",),
}
PAIRS = (
    ("schema.include.list", "schema.exclude.list"),
    ("table.include.list", "table.exclude.list"),
    ("column.include.list", "column.exclude.list"),
    ("message.prefix.include.list", "message.prefix.exclude.list"),
)
EXPLAINED = {
    "*=-1": "a negative size, time, port or count is refused; the original takes some of them",
    "incremental.snapshot.chunk.size=0": "chunks of no rows never end",
    "slot.stream.params=[n(]*": "not name=value: the original passes it over",
    "database.sslfactory=*": "a Java class",
    "snapshot.*.custom.name=*": "names a Java class of the user's",
    "converters=*": "names Java classes of the user's; the original finds out at the start",
    "post.processors=*": "an alias without type: the original finds out at the start",
    "*.enabled.channels=*": "there is no such channel: the original passes it over, and signals or notes go nowhere",
    "topic.naming.strategy=*": "the original finds out at the start that there is no such class",
    "snapshot.select.statement.overrides=*": "a table is listed without its SELECT: the original passes it over",
    "column.*.(d+).chars=*": "the original checks these under the names that stand for a pattern",
    "internal.*": "steers the original's own code and has no effect here",
    "openlineage.*": "has no effect here",
}
"""Pattern of case ids → why the answers differ."""


def _cases(keys: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, str]]]:
    yield "base", BASE
    yield "nothing", {"connector.class": CLASS, "name": "v"}
    for name in BASE:
        if name not in ("connector.class", "name"):
            yield f"without {name}", {key: value for key, value in BASE.items() if key != name}
    for key in keys:
        for value in VALUES[key["type"]]:
            yield f"{key['name']}={value}", {**BASE, key["name"]: value}
    for one, other in PAIRS:
        yield f"{one} and {other}", {**BASE, one: "a", other: "b"}


@pytest.fixture(scope="module")
def keys(oracle: Oracle) -> list[dict[str, Any]]:
    return [key for key in oracle.ask({"op": "configdef", "class": CLASS})["ok"] if not key["internal"]]


def _refused(oracle: Oracle, config: dict[str, str], key: str) -> set[str]:
    """The keys with errors; the one that was set where validation itself ends in an exception."""
    try:
        return {
            v["name"] for v in oracle.ask({"op": "validate", "class": CLASS, "config": config})["ok"] if v["errors"]
        }
    except RuntimeError:
        return {key}


def test_the_same_keys_are_refused(oracle: Oracle, keys: list[dict[str, Any]], counts: Counts) -> None:
    known = {key["name"] for key in keys}
    wrong: list[str] = []
    needed: set[str] = set()
    for name, config in _cases(keys):
        theirs = _refused(oracle, config, name.partition("=")[0]) & known
        ours = {value.name: value.errors for value in PostgresConnector().validate(config) if value.errors}
        differs = theirs != ours.keys() & known
        pattern = next((p for p in EXPLAINED if fnmatch.fnmatchcase(name, p)), None)
        counts.add("postgres_validation", results=1, differs=differs, explained=pattern is not None)
        if differs and pattern is not None:
            needed.add(pattern)
        elif differs:
            wrong.append(f"{name}: refused by the original {sorted(theirs)}, by us {ours}")
    assert not wrong, f"{len(wrong)} cases:\n" + "\n".join(wrong)
    assert needed == set(EXPLAINED)


def test_the_same_values_are_recommended(oracle: Oracle, keys: list[dict[str, Any]]) -> None:
    asked = oracle.ask({"op": "validate", "class": CLASS, "config": BASE})["ok"]
    theirs = {value["name"]: sorted(value["recommended_values"]) for value in asked if value["recommended_values"]}
    ours = {
        value.name: sorted(value.recommended_values)
        for value in PostgresConnector().validate(BASE)
        if value.recommended_values
    }
    # What is refused is not recommended.
    assert {name: ours.get(name) for name in theirs} == {
        name: [v for v in values if v != "custom"] for name, values in theirs.items()
    }
