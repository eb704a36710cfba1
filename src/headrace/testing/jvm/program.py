"""A program of Kafka's, started as Kafka's own scripts start it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from headrace.testing.jvm.java import Java
from headrace.testing.processes import ServerProcess

FLAGS: Final = (
    *("-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35"),
    *("-XX:+ExplicitGCInvokesConcurrent", "-XX:MaxInlineLevel=15", "-Djava.awt.headless=true"),
)
"""The flags that Kafka's own start scripts give."""
QUICK_FLAGS: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
"""For a broker that lives for minutes: it starts sooner and has fewer threads."""
_LOGGING: Final = """status=error
appender.c.type=Console
appender.c.name=C
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=INFO
rootLogger.appenderRef.c.ref=C
"""


def properties_file(path: Path, values: Mapping[str, str]) -> Path:
    """Write a Java properties file of plain values; returns its path."""
    path.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    return path


def start_program(
    java: Java, libs: Path, main: str, file: Path, *, heap: Sequence[str], flags: Sequence[str] = FLAGS
) -> ServerProcess:
    """Run the class `main` of the jars in `libs` with a properties file; it logs beside it, in `<the file's stem>.log`."""
    folder = file.parent
    logging = folder / "log4j2.properties"
    logging.write_text(_LOGGING)
    command: list[str | Path] = [
        java.program,
        *heap,
        *flags,
        f"-Dlog4j2.configurationFile={logging}",
        "-cp",
        f"{libs}/*",
        main,
        file,
    ]
    return ServerProcess(command, log_path=folder / f"{file.stem}.log", cwd=folder)
