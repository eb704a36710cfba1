"""Kafka Connect's own standalone worker with a broker, from Maven's jars, for recording. Needs Java 17 or newer and mvn.

Used as a context manager: `with JvmWorker(folder) as url`. Everything it starts is ended.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import httpx

from headrace.testing.servers import free_port

VERSION = "4.3.1"
_ARTIFACTS = ("kafka_2.13", "kafka-tools", "connect-runtime", "connect-json", "connect-transforms", "connect-file")
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_READY_S = 120.0


class JvmWorker:
    """`folder`: for jars (kept), data and logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> str:
        try:
            self._fetch()
            return self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def _fetch(self) -> None:
        libs = self.folder / "libs"
        if libs.exists():
            return
        wanted = "".join(
            f"<dependency><groupId>org.apache.kafka</groupId><artifactId>{name}</artifactId><version>{VERSION}</version></dependency>"
            for name in _ARTIFACTS
        )
        pom = self.folder / "pom.xml"
        pom.write_text(
            '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>recorder</groupId>'
            f"<artifactId>worker</artifactId><version>1</version><dependencies>{wanted}</dependencies></project>"
        )
        partial = self.folder / "libs.partial"
        command = ["mvn", "-B", "-q", "-f", str(pom), _COPY, "-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
        subprocess.run(command, check=True)
        partial.rename(libs)

    def _start(self) -> str:
        broker, controller, rest = free_port(), free_port(), free_port()
        data = self.folder / f"data-{broker}"
        server = self._write(
            "server.properties",
            {
                "process.roles": "broker,controller",
                "node.id": "1",
                "controller.quorum.voters": f"1@127.0.0.1:{controller}",
                "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
                "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}",
                "controller.listener.names": "CONTROLLER",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "log.dirs": str(data),
                "offsets.topic.replication.factor": "1",
                "group.initial.rebalance.delay.ms": "0",
            },
        )
        self._run(
            "format", "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c", str(server)
        ).wait()
        self._processes.append(self._run("broker", "kafka.Kafka", str(server)))
        plugins = self.folder / "plugins"
        plugins.mkdir(exist_ok=True)
        converter = "org.apache.kafka.connect.json.JsonConverter"
        worker = self._write(
            "worker.properties",
            {
                "bootstrap.servers": f"127.0.0.1:{broker}",
                "listeners": f"http://127.0.0.1:{rest}",
                "rest.advertised.host.name": "127.0.0.1",
                "key.converter": converter,
                "value.converter": converter,
                "key.converter.schemas.enable": "false",
                "value.converter.schemas.enable": "false",
                "offset.storage.file.filename": str(self.folder / f"offsets-{broker}"),
                "offset.flush.interval.ms": "500",
                "plugin.path": str(plugins),
                "plugin.discovery": "hybrid_warn",
                "connector.client.config.override.policy": "All",
            },
        )
        self._processes.append(self._run("worker", "org.apache.kafka.connect.cli.ConnectStandalone", str(worker)))
        url = f"http://127.0.0.1:{rest}"
        self._await(lambda: httpx.get(url + "/connectors").status_code == 200)
        return url

    def _write(self, name: str, values: dict[str, str]) -> Path:
        path = self.folder / name
        path.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        return path

    def _run(self, name: str, main: str, *arguments: str) -> subprocess.Popen[bytes]:
        with open(self.folder / f"{name}.log", "wb") as log:
            command = ["java", "-Xmx256m", "-cp", f"{self.folder}/libs/*", main, *arguments]
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    def _await(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _READY_S
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if condition():
                    return
            ended = [process.args for process in self._processes if process.poll() is not None]
            assert not ended, f"ended, see the logs in {self.folder}: {ended}"
            assert time.monotonic() < deadline, f"not ready, see the logs in {self.folder}"
            time.sleep(0.1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
