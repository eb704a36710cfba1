"""CPU of a PostgreSQL server's processes, by what they are: walsenders, sessions, the rest.

A session's process ends with its connection and takes its account with it, so all are read again and again; what a process used
after the last reading is not seen: at most one step, about a hundredth of the shortest run that is worth measuring.
"""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

from headrace.foundation.process import cpu_seconds
from headrace.testing.bench.meter import tree

_STEP_S = 0.05
WALSENDER, SESSION, OTHER = "walsender", "session", "other"
_OWN = (
    "checkpointer",
    "background writer",
    "walwriter",
    "autovacuum",
    "archiver",
    "logical replication",
    "logger",
    "io worker",
)


class ServerMeter:
    """`with ServerMeter(pid of the postmaster) as used:`; afterwards `used.cpu_s(kind)`. Sessions that were there before and are
    idle cost nothing; those of the measurement itself should be so."""

    def __init__(self, postmaster: int) -> None:
        self._postmaster = postmaster
        self._stop = threading.Event()
        self._first: dict[int, float] = {}
        self._last: dict[int, float] = {}
        self._kinds: dict[int, str] = {}
        self._before: frozenset[int] = frozenset()

    def __enter__(self) -> ServerMeter:
        self._take()
        self._before = frozenset(self._last)
        self._first = dict(self._last)
        self._thread = threading.Thread(target=self._run, name="server-meter", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._take()

    def cpu_s(self, kind: str, *, new: bool = False) -> float:
        """CPU seconds used meanwhile by processes of a kind; `new`: only by those that were not there at the beginning."""
        return sum(
            seconds - self._first.get(pid, 0.0)
            for pid, seconds in self._last.items()
            if self._kinds.get(pid) == kind and not (new and pid in self._before)
        )

    def _run(self) -> None:
        while not self._stop.wait(_STEP_S):
            self._take()

    def _take(self) -> None:
        for pid in _children(self._postmaster):
            seconds = cpu_seconds(pid)
            if seconds is None:
                continue
            self._last[pid] = seconds
            # A session becomes a walsender only after its log-in.
            if self._kinds.get(pid) in (None, SESSION) and (kind := _kind(pid)):
                self._kinds[pid] = kind


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (OSError, ValueError):
        return tree(pid)[1:]


def _kind(pid: int) -> str:
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0].decode(errors="replace")
    except OSError:
        return ""
    _, colon, words = title.partition(": ")
    if not colon:
        return ""
    if words.startswith("walsender"):
        return WALSENDER
    return OTHER if words.startswith(_OWN) else SESSION
