"""Lazy reading, in a simulation: a stream whose bytes arrive by a plan, a reader that waits as the pacer says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.systems.postgres.pacing import BUSY_BYTES_PER_S, LAZY_S, WINDOW_S, Pacer

CHUNK = 1 << 20
simulated = settings(deadline=None, max_examples=40)
TIMES = st.floats(0.0, 0.01, allow_nan=False)


Packet = tuple[float, int]
"""When it arrives, and its bytes."""


@dataclass
class Reader:
    """Reads what has arrived, `work_s` after the last read; waits for the first byte when there is none.

    It keeps sums, no lists: what a failing example leaves behind is kept by the search for a smaller one."""

    work_s: float = 0.0
    now: float = 0.0
    reads: int = 0
    waits: int = 0
    """How often it waited for a packet, which is what costs the server."""
    longest_delay: float = 0.0
    longest_lain: float = 0.0
    """How long a packet lay there while the reader had nothing else to do."""
    pacer: Pacer = field(default_factory=lambda: Pacer(0.0))

    def run(self, arrivals: Iterable[Packet]) -> None:
        coming = iter(arrivals)
        packet = next(coming, None)
        while packet is not None:
            delay = self.pacer.delay(self.now)
            assert 0.0 <= delay <= LAZY_S + 1e-9
            self.longest_delay = max(self.longest_delay, delay)
            free = self.now
            self.now += delay
            if packet[0] > self.now:
                self.waits += 1
                self.now = packet[0]
            size = 0
            while packet is not None and packet[0] <= self.now and size < CHUNK:
                self.longest_lain = max(self.longest_lain, self.now - max(free, packet[0]))
                size += packet[1]
                packet = next(coming, None)
            self.reads += 1
            self.pacer.received(size, self.now, size >= CHUNK)
            self.now += self.work_s


def steady(rate_bytes: float, packet: int, seconds: float, begin: float = 0.0) -> Iterator[Packet]:
    step = packet / rate_bytes
    return ((begin + number * step, packet) for number in range(int(seconds / step)))


@simulated
@given(st.floats(1_000.0, BUSY_BYTES_PER_S * 0.9), st.integers(50, 400), TIMES)
def test_a_stream_below_the_threshold_is_never_delayed(rate: float, packet: int, work: float) -> None:
    reader = Reader(work)
    reader.run(steady(rate, packet, 0.1))
    # A chunk that gathered during work may look like a burst, once a window; it is not one.
    if work < WINDOW_S / 10:
        assert reader.longest_delay == 0.0
        assert reader.longest_lain == 0.0


@simulated
@given(st.floats(BUSY_BYTES_PER_S * 1.5, 2e8), st.integers(2000, 8000))
def test_a_busy_stream_is_read_in_large_chunks(rate: float, packet: int) -> None:
    reader = Reader()
    seconds = 0.1
    reader.run(steady(rate, packet, seconds))
    # Eager only until the first window is over.
    eager = reader.reads - seconds / LAZY_S - seconds * rate / CHUNK
    assert eager <= WINDOW_S * rate / packet + 3
    assert reader.longest_lain <= LAZY_S + 1e-9
    assert reader.waits <= WINDOW_S * rate / packet + 3


@simulated
@given(st.floats(0.0005, 0.02), st.integers(2000, 8000))
def test_whoever_works_longer_than_the_delay_is_not_delayed(work: float, packet: int) -> None:
    reader = Reader(work)
    reader.run(steady(1e8, packet, 0.1))
    assert reader.longest_delay <= max(0.0, LAZY_S - work) + 1e-9


@simulated
@given(st.integers(1, 10), st.floats(0.05, 1.0))
def test_behind_a_burst_a_quiet_stream_is_read_at_once(megabytes: int, pause: float) -> None:
    reader = Reader()
    reader.run(steady(1e8, 10_000, megabytes / 100))
    reader.longest_lain = 0.0
    reader.run(steady(100_000.0, 200, 0.2, megabytes / 100 + pause))
    assert not reader.pacer.busy
    assert reader.longest_lain == 0.0


def test_a_full_chunk_is_followed_by_the_next_at_once() -> None:
    pacer = Pacer(0.0)
    pacer.received(CHUNK, WINDOW_S, full=True)
    assert pacer.busy
    assert pacer.delay(WINDOW_S + 1e-6) == 0.0
    pacer.received(1000, WINDOW_S + 0.001, full=False)
    assert pacer.delay(WINDOW_S + 0.001) == LAZY_S
