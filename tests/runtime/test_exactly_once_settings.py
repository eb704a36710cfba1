"""exactly.once.support and transaction.boundary: what the worker promises, and what it refuses before anything starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from headrace.runtime.validation import validate
from headrace.spi.connector import ExactlyOnceSupport
from headrace.spi.plugins import PluginEntry, PluginKind, PluginRegistry
from tests.runtime.task_kit import ScriptedSourceConnector
from tests.runtime.worker_support import Worker

BOUNDARY = "transaction.boundary"
SUPPORT = "exactly.once.support"


class Answering(ScriptedSourceConnector):
    """Says of itself what the test wants; `answer` may be an error to raise."""

    answer: ClassVar[ExactlyOnceSupport | Exception | None] = None

    def exactly_once_support(self, props: Mapping[str, str]) -> ExactlyOnceSupport | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def can_define_transaction_boundaries(self, props: Mapping[str, str]) -> bool:
        return True


def errors(**config: str) -> dict[str, list[str]]:
    registry = PluginRegistry([PluginEntry("kit.Answering", PluginKind.SOURCE, f"{__name__}:Answering")])
    given = {key.replace("__", "."): value for key, value in config.items()}
    result = validate(registry, {}, {"name": "c", "connector.class": "kit.Answering", **given})
    return {entry["value"]["name"]: entry["value"]["errors"] for entry in result.configs if entry["value"]["errors"]}


@pytest.mark.parametrize("value", ["connector", "CONNECTOR"])
def test_boundaries_of_the_connectors_own_are_refused_though_it_could(value: str) -> None:
    found = errors(transaction__boundary=value)
    assert set(found) == {BOUNDARY}
    assert "is not offered by this worker" in found[BOUNDARY][0]
    assert "transaction.boundary=poll" in found[BOUNDARY][0]


@pytest.mark.parametrize("value", ["poll", "interval", "Interval"])
def test_other_boundaries_are_met_by_committing_every_batch(value: str) -> None:
    assert errors(transaction__boundary=value, transaction__boundary__interval__ms="100") == {}


def test_unknown_boundary() -> None:
    assert set(errors(transaction__boundary="never")) == {BOUNDARY}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (ExactlyOnceSupport.SUPPORTED, None),
        (ExactlyOnceSupport.UNSUPPORTED, "does not support"),
        (None, "does not say"),
        (ValueError("no such table"), "no such table"),
    ],
)
def test_required_needs_a_connector_that_supports_it(
    monkeypatch: pytest.MonkeyPatch, answer: ExactlyOnceSupport | Exception | None, text: str | None
) -> None:
    monkeypatch.setattr(Answering, "answer", answer)
    assert errors(exactly__once__support="requested") == {}
    found = errors(exactly__once__support="Required")
    if text is None:
        assert found == {}
    else:
        assert set(found) == {SUPPORT}
        assert text in found[SUPPORT][0]
        assert "exactly.once.support=requested" in found[SUPPORT][0]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tmp_path)
    try:
        yield worker.start()
    finally:
        worker.close()


def test_a_connector_so_configured_is_not_created(worker: Worker) -> None:
    config = {"connector.class": "DummySource", BOUNDARY: "connector", SUPPORT: "required"}
    refused = worker.request("POST", "/connectors", {"name": "x", "config": config}, 400)["message"]
    assert "2 error(s)" in refused
    assert "not offered by this worker" in refused
    assert "does not say whether it supports exactly-once" in refused
    assert worker.request("GET", "/connectors", status=200) == []
