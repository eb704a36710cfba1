"""What machine a measurement is from."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from headrace.testing.wheels import postgres_root

POSTGRES: Final = "HEADRACE_BENCH_POSTGRES"
"""Names a folder of another PostgreSQL's programs to measure with."""


def postgres_programs() -> Path | None:
    """The folder that HEADRACE_BENCH_POSTGRES names; None for the wheel's."""
    folder = os.environ.get(POSTGRES)
    return Path(folder) if folder else None


def machine() -> dict[str, str | int | float]:
    """Processor, cores this process may use, memory, kernel, Python, PostgreSQL."""
    return {
        "cpu": _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgres": _postgres_version(postgres_programs() or postgres_root() / "bin"),
    }


@cache
def _postgres_version(programs: Path) -> str:
    try:
        said = subprocess.run([str(programs / "postgres"), "--version"], capture_output=True, text=True, timeout=30)
    except OSError:
        return ""
    words = said.stdout.split()
    return words[2] if len(words) > 2 else ""


def _field(path: str, name: str) -> str:
    try:
        for line in Path(path).read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == name:
                return value.strip()
    except OSError:
        pass
    return ""
