"""Every PostgreSQL type in every handling mode: headrace's schemas and values against those Debezium gave for the same tables.

Compared by column: its schema, its values in the snapshot and in the stream, and the events of updates and deletes.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.testing.servers import PostgresServer
from tests.parity.corpus.postgres_types import EXPLAINED, MODES
from tests.parity.frame.counts import Counts
from tests.parity.postgres.golden import read_golden, unpack
from tests.parity.postgres.lab import Reading
from tests.parity.postgres.ours import read_all
from tests.parity.postgres.record import GOLDEN

GOLDENS = unpack(read_golden(GOLDEN))
AREA = "postgres_types"


SAMPLE = (
    "default",
    "time-connect",
    "time-isostring",
    "decimal-string",
    "binary-base64",
    "unknown",
    "hstore-map",
    "mask-hash",
    "truncate",
)
"""The modes of every test run; the others are of the long one."""
OTHERS = [mode.id for mode in MODES if mode.id not in SAMPLE]


@pytest.fixture(scope="module")
def sampled(postgres: PostgresServer) -> tuple[Reading, list[str]]:
    return read_all(postgres, SAMPLE)


@pytest.fixture(scope="module")
def others(postgres: PostgresServer) -> tuple[Reading, list[str]]:
    return read_all(postgres, OTHERS)


def differences(name: str, theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(`mode/table.column:part`, what differs), an empty text where nothing does."""

    def place(column: str, part: str) -> str:
        return f"{name}.{column}:{part}"

    yield place("c_id", "key"), "" if theirs["key"] == ours["key"] else f"{theirs['key']} | {ours['key']}"
    for column in {**theirs["schema"], **ours["schema"]}:
        for part in ("schema", "schema_stream", "snapshot", "stream"):
            one, other = theirs[part].get(column), ours[part].get(column)
            yield place(column, part), "" if one == other else f"theirs {one} | ours {other}"
    if len(theirs["changes"]) != len(ours["changes"]):
        yield place("*", "changes"), f"theirs {theirs['changes']} | ours {ours['changes']}"
        return
    for index, (one, other) in enumerate(zip(theirs["changes"], ours["changes"], strict=True)):
        for row in ("before", "after"):
            for column in {**(one[row] or {}), **(other[row] or {})}:
                values = (one[row] or {}).get(column), (other[row] or {}).get(column)
                same = values[0] == values[1]
                yield place(column, f"{row}{index}"), "" if same else f"theirs {values[0]} | ours {values[1]}"


def _explanation(place: str) -> str | None:
    return next((pattern for pattern in EXPLAINED if fnmatch.fnmatchcase(place, pattern)), None)


def _cells(mode: str, readings: Reading, names: list[str]) -> Iterator[tuple[str, str]]:
    for name, theirs in GOLDENS.items():
        if name.partition("/")[0] == mode and name.partition("/")[2] in names:
            yield from differences(name, theirs, readings[name])


def _compare(mode: str, ours: tuple[Reading, list[str]], counts: Counts) -> None:
    wrong: list[str] = []
    compared = 0
    for place, found in _cells(mode, *ours):
        compared += 1
        explained = bool(found) and _explanation(place) is not None
        counts.add(AREA, results=1, differs=bool(found), explained=explained)
        if found and not explained:
            wrong.append(f"{place}\n    {found}")
    assert compared
    assert not wrong, f"{len(wrong)} of {compared}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("mode", SAMPLE)
def test_schemas_and_values_are_debeziums(mode: str, sampled: tuple[Reading, list[str]], counts: Counts) -> None:
    _compare(mode, sampled, counts)


@pytest.mark.parity
@pytest.mark.parametrize("mode", OTHERS)
def test_those_of_all_modes_are_debeziums(mode: str, others: tuple[Reading, list[str]], counts: Counts) -> None:
    _compare(mode, others, counts)


@pytest.mark.parity
def test_every_explained_difference_is_there(
    sampled: tuple[Reading, list[str]], others: tuple[Reading, list[str]]
) -> None:
    idle, differing = set[str](), set[str]()
    for mode in (mode.id for mode in MODES):
        for place, found in _cells(mode, *(sampled if mode in SAMPLE else others)):
            pattern = _explanation(place)
            if pattern is not None:
                (differing if found else idle).add(pattern)
    assert idle - differing == set()
