"""Every corpus: headrace's answers against the recorded ones, and the recorded ones against the oracle's of today."""

from __future__ import annotations

import hashlib

import pytest

from tests.parity.frame import corpora, ours
from tests.parity.frame.compare import differences
from tests.parity.frame.counts import Counts
from tests.parity.frame.oracle import Oracle

GROUPS = [(area, group) for area in corpora.areas() for group in corpora.groups(area)]
SAMPLE_OF = 20


@pytest.mark.parametrize(("area", "group"), GROUPS, ids=lambda value: value)
def test_answers_equal_the_recorded_ones(area: str, group: str, counts: Counts) -> None:
    wrong: list[str] = []
    goldens = corpora.goldens(area)
    for name, case in corpora.cases(area).items():
        if name.partition("/")[0] != group:
            continue
        golden = goldens.get(name)
        if golden is None or golden["case"] != corpora.digest(case):
            wrong.append(f"{name}: not recorded as it is now; run `make goldens AREA={area}`")
            continue
        found = differences(golden["answer"], ours.answer(corpora.request(case)))
        reason = corpora.explanation(area, name)
        results = len(golden["answer"].get("ok", "1"))
        counts.add(area, results=results, differs=bool(found), explained=reason is not None)
        if found and reason is None:
            wrong.append(f"{name}:\n    " + "\n    ".join(found))
        elif reason is not None and not found:
            wrong.append(f"{name}: is equal, yet EXPLAINED says it differs: {reason}")
    assert not wrong, f"{len(wrong)} cases of {area}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("area", corpora.areas())
def test_nothing_is_recorded_or_explained_in_vain(area: str) -> None:
    assert sorted(set(corpora.goldens(area)) - set(corpora.cases(area))) == [], f"run `make goldens AREA={area}`"
    assert corpora.idle_explanations(area) == []


def _recorded_as_today(area: str, names: list[str], oracle: Oracle) -> None:
    for name in names:
        recorded = corpora.goldens(area).get(name, {}).get("answer")
        assert oracle.ask(corpora.request(corpora.cases(area)[name])) == recorded, f"{area} {name}"


ASKED = [area for area in corpora.areas() if corpora.can_be_asked(area)]


@pytest.mark.parametrize("area", ASKED)
def test_a_sample_is_recorded_as_the_oracle_answers(area: str, oracle: Oracle) -> None:
    def draw(name: str) -> int:
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")

    names = sorted(corpora.cases(area), key=draw)
    _recorded_as_today(area, names[: 1 + len(names) // SAMPLE_OF], oracle)


@pytest.mark.parity
@pytest.mark.parametrize("area", ASKED)
def test_all_is_recorded_as_the_oracle_answers(area: str, oracle: Oracle) -> None:
    _recorded_as_today(area, list(corpora.cases(area)), oracle)
