"""lsn.flush.timeout.ms and lsn.flush.timeout.action: a server that does not take a confirmation."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from headrace.errors import ConnectException, RetriableException
from headrace.sources.postgres.stream.feedback import Feedback, FlushPolicy


class Deaf:
    """A connection whose server takes nothing while `deaf`."""

    def __init__(self) -> None:
        self.deaf = True
        self.told: list[int] = []
        self.waited: list[float] = []

    def send_status(self, written: int, flushed: int, applied: int, ask: bool, timeout_s: float) -> None:
        self.waited.append(timeout_s)
        if self.deaf:
            raise RetriableException("no answer in time", code="PG_TIMEOUT")
        self.told.append(flushed)


@pytest.mark.parametrize("action", ["fail", "warn", "ignore"])
def test_a_confirmation_that_is_not_taken_in_time(action: str, caplog: pytest.LogCaptureFixture) -> None:
    connection: Any = Deaf()
    feedback = Feedback(connection, 60.0, 10, FlushPolicy(1.5, action))
    try:
        with caplog.at_level(logging.WARNING):
            feedback.confirm(20)
        assert connection.waited == [1.5]
        assert ("did not take the position" in caplog.text) == (action == "warn")
        connection.deaf = False
        if action == "fail":
            with pytest.raises(ConnectException) as failure:
                feedback.received(30, reply=False)
            assert failure.value.code == "PG_FLUSH_TIMEOUT"
            return
        # The next one tells it too.
        feedback.received(30, reply=True)
        assert connection.told == [20]
    finally:
        feedback.stop()


def test_a_connection_that_broke_is_the_readers_to_tell() -> None:
    class Broken(Deaf):
        def send_status(self, *_: Any) -> None:
            raise RetriableException("gone", code="PG_CONNECTION_LOST")

    connection: Any = Broken()
    feedback = Feedback(connection, 60.0, 10)
    try:
        with pytest.raises(RetriableException):
            feedback.confirm(20)
        feedback.received(30, reply=False)
    finally:
        feedback.stop()
