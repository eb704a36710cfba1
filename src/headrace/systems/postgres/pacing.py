"""When to read from a busy replication stream: not at every packet.

The server sends each row with a call of its own; a reader that waits for each makes it pay the wake-up. While the stream is
busy, a reader that lets the buffer fill for a few milliseconds halves the server's cost. On a quiet stream there is no delay: below
BUSY_BYTES_PER_S, some twenty thousand commits of a row a second, what is done with a chunk takes longer than the next one needs to
gather. Longer delays than LAZY_S spare the server hardly more.
"""

from __future__ import annotations

BUSY_BYTES_PER_S = 8_000_000.0
LAZY_S = 0.004
WINDOW_S = 0.02


class Pacer:
    """Tells how long to wait before the next read. Times are seconds of one monotonic clock, handed in."""

    __slots__ = ("_busy", "_bytes", "_last", "_started")

    def __init__(self, now: float) -> None:
        self._started = self._last = now
        self._bytes = 0
        self._busy = False

    @property
    def busy(self) -> bool:
        """True while the stream brings more than BUSY_BYTES_PER_S."""
        return self._busy

    def delay(self, now: float) -> float:
        """Seconds to let the buffer fill, 0 for a quiet stream or when it had that time already."""
        self._roll(now)
        return max(0.0, self._last + LAZY_S - now) if self._busy else 0.0

    def received(self, count: int, now: float, full: bool) -> None:
        """`count` bytes came; `full`: there may be more at once, so the next read need not wait."""
        if now - self._last > WINDOW_S:
            # Nothing came for so long: what was before says nothing about what comes.
            self._started, self._bytes, self._busy = now, 0, False
        self._bytes += count
        self._last = now - LAZY_S if full else now
        self._roll(now)

    def _roll(self, now: float) -> None:
        elapsed = now - self._started
        if elapsed >= WINDOW_S:
            self._busy = self._bytes > BUSY_BYTES_PER_S * elapsed
            self._started, self._bytes = now, 0
