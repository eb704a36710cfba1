from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from headrace.cli.main import main
from tests.rest.fake_herder import FakeHerder
from tests.rest.serving import running


@dataclass
class Outcome:
    code: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def herder() -> FakeHerder:
    return FakeHerder()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line in this process."""

    def call(*arguments: str) -> Outcome:
        code = main(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def worker(herder: FakeHerder, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A worker that the command line finds by its environment."""
    with running(herder) as urls:
        monkeypatch.setenv("HEADRACE_URL", urls[0])
        yield urls[0]
