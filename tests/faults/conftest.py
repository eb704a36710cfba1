"""A worker with a lab and a neighbour, shared by the tests of one module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headrace.testing.servers import PostgresServer
from tests.faults.kit import Lab, Neighbour, laboratory, worker_at
from tests.runtime.worker_support import Worker


@pytest.fixture(scope="module")
def lab(postgres: PostgresServer) -> Iterator[Lab]:
    with laboratory(postgres) as lab:
        yield lab


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Worker]:
    """A worker that notices hangs within seconds; ended before the lab's databases go."""
    worker = worker_at(
        tmp_path_factory.mktemp("worker"),
        headrace__task__heartbeat__timeout__ms="10000",
        headrace__task__hang__timeout__ms="5000",
        headrace__task__start__timeout__ms="10000",
    )
    try:
        yield worker.start()
    finally:
        worker.close()


@pytest.fixture(scope="module")
def neighbour(worker: Worker, lab: Lab) -> Iterator[Neighbour]:
    """A pipeline of the same worker; at the end of the module it is seen to have noticed nothing."""
    neighbour = Neighbour(worker, lab)
    yield neighbour
    neighbour.check()
