"""Lanes by themselves: order, how far they read ahead, failures, the end."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest
from tests.support import wait_until

from headrace.errors import RetriableException
from headrace.sources.postgres.snapshot.chunks import Chunk
from headrace.sources.postgres.snapshot.copied import Copy, Piece
from headrace.sources.postgres.snapshot.lanes import Lane, Lanes
from headrace.sources.postgres.tables import TableCodec
from headrace.systems.postgres.copying import CopySession

CHUNK, CODEC = cast(Chunk, object()), cast(TableCodec, object())


class Session:
    """Ends when the copy says so; whoever waits inside learns of an interruption."""

    def __init__(self) -> None:
        self.copying = False
        self.interrupted = threading.Event()
        self.closed = False

    def start(self, statement: str) -> None:
        self.copying = True

    def interrupt(self) -> None:
        self.interrupted.set()

    def close(self) -> None:
        self.closed = True


class Script(Copy):
    """Gives these pieces, raises these errors, waits for events, one a read; then the copy is over."""

    def __init__(self, steps: Sequence[Any]) -> None:
        super().__init__("COPY")
        self.steps = list(steps)
        self.reads = 0
        self.codecs: list[Any] = []

    def read(self, session: Any, max_bytes: int, timeout_s: float) -> Piece | None:
        self.reads += 1
        if not self.steps:
            session.copying = False
            return None
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        if step is None:
            session.interrupted.wait(10)
            raise RetriableException("lost", code="PG_CONNECTION_LOST")
        return cast(Piece, step)

    def go_on(self, codec: Any) -> None:
        self.codecs.append(codec)


def lines(*texts: bytes, stops: bool = False) -> Piece:
    return Piece(len(texts), None, list(texts), sum(map(len, texts)), stops)


def lanes(count: int = 1) -> tuple[Lanes, list[Session]]:
    sessions = [Session() for _ in range(count)]
    return Lanes(cast(list[CopySession], sessions), 1 << 20), sessions


def begin(made: Lanes, script: Script) -> Lane:
    lane = made.idle()
    assert lane is not None
    lane.start(CHUNK, CODEC, script)
    return lane


def taken(made: Lanes, count: int = 1000) -> list[bytes]:
    """All lines of one chunk, up to `count` at a time."""
    found: list[bytes] = []
    while True:
        lane = made.ready(10)
        assert lane is not None
        if lane.has_rows:
            piece = lane.take(count)
            assert piece.lines is not None
            assert piece.total == len(piece.lines)
            found += piece.lines
            if piece.stops:
                lane.go_on()
        if lane.exhausted:
            lane.chunk = None
            return found


def test_pieces_come_in_order_and_in_parts() -> None:
    made, sessions = lanes()
    for _ in range(2):
        begin(made, Script([lines(b"1", b"2", b"3"), lines(b"4"), lines(b"5", b"6")]))
        assert made.busy
        assert taken(made, 2) == [b"1", b"2", b"3", b"4", b"5", b"6"]
        assert not made.busy
    assert made.ready(0.0) is None
    made.close()
    assert sessions[0].closed
    assert not sessions[0].interrupted.is_set()


def test_a_lane_is_two_pieces_ahead_at_most() -> None:
    made, _ = lanes()
    script = Script([lines(b"%d" % i) for i in range(9)])
    begin(made, script)
    wait_until(lambda: script.reads == 2, 5, "two pieces read")
    for taken_so_far in range(1, 4):
        lane = made.ready(5)
        assert lane is not None
        lane.take(10)
        wait_until(lambda expected=2 + taken_so_far: script.reads == expected, 5, "one more piece")  # type: ignore[misc]
    assert len(script.steps) == 9 - 5
    made.close()


def test_a_stop_waits_for_the_codec() -> None:
    made, _ = lanes()
    script = Script([lines(b"1", b"2", stops=True), lines(b"3")])
    lane = begin(made, script)
    assert made.ready(5) is lane
    assert not lane.take(1).stops
    assert script.reads == 1
    assert lane.take(1).stops
    assert not script.codecs
    lane.codec = other = cast(TableCodec, object())
    lane.go_on()
    assert taken(made) == [b"3"]
    assert script.codecs == [other]
    made.close()


def test_what_arrived_before_a_failure_comes_before_it() -> None:
    made, _ = lanes()
    begin(made, Script([lines(b"1"), RetriableException("lost", code="X")]))
    lane = made.ready(5)
    assert lane is not None
    assert lane.take(9).lines == [b"1"]
    with pytest.raises(RetriableException, match="lost"):
        made.ready(5)
    made.close()


@pytest.mark.parametrize("steps", [[None], [lines(b"1")] * 9, [lines(b"1", stops=True), lines(b"2")]])
def test_the_end_reaches_a_lane_wherever_it_waits(steps: list[Any]) -> None:
    """For the server, for room, for a codec."""
    made, sessions = lanes(3)
    script = Script(steps)
    lane = begin(made, script)
    wait_until(lambda: script.reads >= min(2, len(steps)) - any(s and s.stops for s in steps), 5, "it reads")
    made.close()
    assert lane._thread is not None
    assert not lane._thread.is_alive()
    assert all(session.closed for session in sessions)
    # The sessions that read nothing say good-bye properly.
    assert [session.interrupted.is_set() for session in sessions] == [True, False, False]
