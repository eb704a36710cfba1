"""The pipe of the regression tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from headrace.testing.servers import PostgresServer
from tests.regressions.pipe import Pipe


@pytest.fixture
def pipe(postgres: PostgresServer, make_database: Callable[..., str]) -> Iterator[Callable[..., Pipe]]:
    """`pipe(props, sink, converter)`: a pipe between two fresh databases, with further settings of its parts."""
    made: list[Pipe] = []

    def make(
        props: dict[str, str] | None = None,
        sink: dict[str, str] | None = None,
        converter: dict[str, str] | None = None,
    ) -> Pipe:
        made.append(Pipe(postgres, make_database(), make_database(), props, sink, converter))
        return made[-1]

    yield make
    for one in made:
        one.close()
