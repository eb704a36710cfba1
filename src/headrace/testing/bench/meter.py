"""CPU and memory of a worker with all its children, from /proc."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headrace.foundation.process import cpu_seconds, pss_bytes

MB = 1 << 20


def tree(pid: int) -> list[int]:
    """The process and all its descendants that live now."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except (OSError, UnicodeDecodeError):
                continue
            children.setdefault(int(fields[1]), []).append(int(entry))
    found = [pid]
    for known in found:
        found.extend(children.get(known, ()))
    return found


def name_of(pid: int) -> str:
    """The process's name as tools show it (at most 15 characters); empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


@dataclass(slots=True)
class Reading:
    """PSS in bytes and CPU seconds of each process of a tree, by process id."""

    pss: dict[int, int] = field(default_factory=dict)
    cpu: dict[int, float] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    @property
    def total_pss_mb(self) -> float:
        return sum(self.pss.values()) / MB


def read(pid: int) -> Reading:
    """One reading of the tree now."""
    reading = Reading()
    for member in tree(pid):
        pss, cpu = pss_bytes(member), cpu_seconds(member)
        if pss is not None and cpu is not None:
            reading.pss[member], reading.cpu[member], reading.names[member] = pss, cpu, name_of(member)
    return reading


class Meter:
    """`with Meter(pid) as meter:` samples the tree four times a second; afterwards the peaks and the CPU used are known."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self._before = Reading()
        self._cpu: dict[int, float] = {}
        self.names: dict[int, str] = {}
        self.peak_pss: dict[int, int] = {}
        self.peak_total_mb = 0.0

    def __enter__(self) -> Meter:
        self._before = read(self._pid)
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
        self._take()

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds used meanwhile, by name of process."""
        used: dict[str, float] = {}
        for pid, seconds in self._cpu.items():
            name = self.names[pid]
            used[name] = used.get(name, 0.0) + seconds - self._before.cpu.get(pid, 0.0)
        return used

    def peak_mb(self, word: str) -> float:
        """The highest PSS in MB of a process whose name contains `word`."""
        return max((peak / MB for pid, peak in self.peak_pss.items() if word in self.names[pid]), default=0.0)

    def _run(self) -> None:
        while not self._stop.wait(0.25):
            self._take()

    def _take(self) -> None:
        reading = read(self._pid)
        self.names |= reading.names
        self._cpu |= reading.cpu
        for pid, pss in reading.pss.items():
            self.peak_pss[pid] = max(pss, self.peak_pss.get(pid, 0))
        self.peak_total_mb = max(self.peak_total_mb, reading.total_pss_mb)


class PeakMemory:
    """`with PeakMemory(pids) as memory:`; afterwards `memory.peak` is the highest PSS of them together, in bytes."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._stop = threading.Event()
        self.peak = 0

    def __enter__(self) -> PeakMemory:
        self._thread = threading.Thread(target=self._run, name="peak-memory", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()
        self._take()

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            self._take()

    def _take(self) -> None:
        self.peak = max(self.peak, sum(pss_bytes(pid) or 0 for pid in self._pids))
