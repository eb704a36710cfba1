"""Kafka, Connect and Debezium from Maven's repositories, kept in the user's cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from headrace.errors import ConnectException

KAFKA: Final = "4.3.1"
DEBEZIUM: Final = "3.6.3.Final"
DEBEZIUM_JDBC: Final = "3.5.0.Final"
"""The newest whose dependencies Maven's central repository has."""
_LOG4J: Final = "2.25.4"

_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_KAFKA_PARTS: Final = (
    *("kafka_2.13", "kafka-tools", "connect-runtime", "connect-json", "connect-transforms", "connect-file"),
)
# A plugin must not bring what the worker has: with a second Jackson the JDBC sink does not start.
_WORKER_HAS: Final = (
    "org.apache.kafka,org.slf4j,com.fasterxml.jackson.core,org.xerial.snappy,com.github.luben,org.lz4,at.yawk.lz4"
)
_SETS: Final = {
    "libs": [
        *((f"org.apache.kafka:{part}", KAFKA) for part in _KAFKA_PARTS),
        # The binding that Kafka's own archive brings; its artifacts leave it out.
        ("org.apache.logging.log4j:log4j-slf4j-impl", _LOG4J),
    ],
    "plugins/debezium-postgres": [("io.debezium:debezium-connector-postgres", DEBEZIUM)],
    "plugins/debezium-jdbc": [("io.debezium:debezium-connector-jdbc", DEBEZIUM_JDBC)],
}


def fetch() -> Path:
    """The folder with `libs` and `plugins`; fetched once for these versions. ConnectException PEER_FETCH_FAILED."""
    for name in _SETS:
        _fetched(name)
    return _folder()


def libs() -> Path:
    """The folder with Kafka's own jars; fetched once. ConnectException PEER_FETCH_FAILED."""
    return _fetched("libs")


def has_libs() -> bool:
    """Whether `libs` has nothing to fetch."""
    return (_folder() / "libs").is_dir()


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headrace" / "peer"
    return cache / f"{KAFKA}-{DEBEZIUM}-{DEBEZIUM_JDBC}"


def _fetched(name: str) -> Path:
    folder = _folder()
    if not (folder / name).is_dir():
        _copy(folder, name, _SETS[name])
    return folder / name


def _copy(folder: Path, name: str, artifacts: list[tuple[str, str]]) -> None:
    print(f"fetching {name} of the peer", file=sys.stderr, flush=True)
    work = folder / f"{name.replace('/', '-')}.partial"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    pom = work / "pom.xml"
    wanted = ""
    for artifact, version in artifacts:
        group, _, part = artifact.partition(":")
        wanted += f"<dependency><groupId>{group}</groupId><artifactId>{part}</artifactId><version>{version}</version></dependency>"
    pom.write_text(
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>headrace</groupId>'
        f"<artifactId>peer</artifactId><version>1</version><packaging>pom</packaging><dependencies>{wanted}</dependencies></project>"
    )
    command = ["mvn", "-B", "-q", "-f", str(pom), _COPY, "-DincludeScope=runtime", f"-DoutputDirectory={work / 'jars'}"]
    if name != "libs":
        command.append(f"-DexcludeGroupIds={_WORKER_HAS}")
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise _failed(str(error)) from error
    if done.returncode:
        raise _failed((done.stdout + done.stderr)[-1500:])
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    (work / "jars").rename(target)
    shutil.rmtree(work)


def _failed(reason: str) -> ConnectException:
    return ConnectException(
        f"The peer's jars could not be fetched: {reason}",
        code="PEER_FETCH_FAILED",
        remedy="Install Maven (mvn) and see that it reaches its repositories.",
    )
