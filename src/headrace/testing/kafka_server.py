"""A real Kafka broker (KRaft) on free ports of 127.0.0.1, one or several; needs a Java and Kafka's jars, which Maven brings once.

KafkaServer is one broker that is its own controller, KafkaCluster several that replicate; `missing` says why neither can run here.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from headrace.errors import ConnectException
from headrace.testing.jvm import jars
from headrace.testing.jvm.java import Java, find_java
from headrace.testing.jvm.program import QUICK_FLAGS, properties_file, start_program
from headrace.testing.local_server import LocalServer
from headrace.testing.processes import ServerProcess, free_port

_READY_S: Final = 120.0
_CLUSTER_ID: Final = "AAAAAAAAAAAAAAAAAAAAAA"
_STARTED: Final = b"Kafka Server started"
SMALL_HEAP: Final = ("-Xms64m", "-Xmx512m")


def missing() -> str | None:
    """What this machine lacks to run a broker; None when it lacks nothing."""
    try:
        find_java()
    except ConnectException as error:
        return str(error)
    if not jars.has_libs() and shutil.which("mvn") is None:
        return "Kafka's jars are not there, and there is no Maven (mvn) to fetch them."
    return None


class KafkaServer(LocalServer):
    """One broker; see `LocalServer`. `stop` ends it in order, `kill` as a crash, `pause` freezes it until `resume`.

    `settings`: broker settings beside those that every broker here has. `listeners`: more listeners, name → security protocol;
    `address` tells where they are. `node` and `voters`: its number, and `number@host:port` of all controllers (None = it is alone).
    """

    folder_prefix = "headrace-kafka-"

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        listeners: Mapping[str, str] | None = None,
        heap: Sequence[str] = SMALL_HEAP,
        flags: Sequence[str] = QUICK_FLAGS,
        node: int = 1,
        controller_port: int | None = None,
        voters: str | None = None,
    ) -> None:
        super().__init__(data_dir, port)
        self.java: Java = find_java()
        self._settings = dict(settings or {})
        self._protocols = dict(listeners or {})
        self._ports = {name: free_port() for name in self._protocols}
        self._heap = heap
        self._flags = flags
        self._node = node
        self._controller_port = controller_port or free_port()
        self._voters = voters or f"{node}@{self.host}:{self._controller_port}"
        self._log_start = 0

    @property
    def bootstrap(self) -> str:
        """What `bootstrap.servers` has to be."""
        return f"{self.host}:{self.port}"

    def address(self, listener: str) -> str:
        """`bootstrap.servers` of one of the other listeners."""
        return f"{self.host}:{self._ports[listener]}"

    def start(self, *, wait: bool = True) -> Self:
        """As `LocalServer.start`; without `wait` it returns before the broker is ready."""
        super().start()
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        """Wait until it serves. ConnectException (DEMO_SERVER_FAILED) if it ends before, or does not within two minutes."""
        if self._process is not None:
            self._process.wait_ready(self._serves, _READY_S, f"Kafka broker {self._node}")

    def stop(self) -> None:
        self.resume()
        self._end(signal.SIGTERM, 30)

    def kill(self) -> None:
        self._end(signal.SIGKILL, 5)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing is answered."""
        if self._process is not None:
            self._process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """End `pause`."""
        if self._process is not None:
            self._process.send(signal.SIGCONT)

    def _end(self, number: signal.Signals, timeout_s: float) -> None:
        if self._process is not None:
            self._process.end(number, timeout_s)
            self._process = None

    def _launch(self) -> ServerProcess:
        base = self.base_dir
        file = properties_file(base / "server.properties", self._properties())
        libs = jars.libs()
        if not (base / "data" / "meta.properties").exists():
            self._format(libs, file)
        log = base / "server.log"
        self._log_start = log.stat().st_size if log.exists() else 0
        return start_program(self.java, libs, "kafka.Kafka", file, heap=self._heap, flags=self._flags)

    def _format(self, libs: Path, file: Path) -> None:
        tool = [str(self.java.program), *QUICK_FLAGS, "-cp", f"{libs}/*", "kafka.tools.StorageTool", "format"]
        done = subprocess.run(
            [*tool, "-t", _CLUSTER_ID, "-c", str(file)], capture_output=True, text=True, timeout=_READY_S
        )
        if done.returncode:
            raise ConnectException(f"The broker's storage: {done.stdout}{done.stderr}", code="DEMO_SERVER_FAILED")

    def _properties(self) -> dict[str, str]:
        ports = {"PLAINTEXT": self.port, **self._ports}
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **self._protocols}
        advertised = ",".join(f"{name}://{self.host}:{port}" for name, port in ports.items())
        return {
            "process.roles": "broker,controller",
            "node.id": str(self._node),
            "controller.quorum.voters": self._voters,
            "listeners": f"{advertised},CONTROLLER://{self.host}:{self._controller_port}",
            "advertised.listeners": advertised,
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": ",".join(f"{name}:{value}" for name, value in protocols.items()),
            "log.dirs": str(self.base_dir / "data"),
            "num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "true",
            # By default records with timestamps of more than a week ago go when the broker first looks, half a minute after its start.
            "log.retention.ms": "-1",
            **self._settings,
        }

    def _serves(self) -> bool:
        with (self.base_dir / "server.log").open("rb") as log:
            log.seek(self._log_start)
            return _STARTED in log.read()


class KafkaCluster:
    """Several brokers; topics are replicated `min(3, nodes)` times. `nodes[n]` can be stopped, killed, paused and started alone."""

    def __init__(self, nodes: int = 3, *, settings: Mapping[str, str] | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=KafkaServer.folder_prefix))
        controllers = {number: free_port() for number in range(1, nodes + 1)}
        voters = ",".join(f"{number}@{KafkaServer.host}:{port}" for number, port in controllers.items())
        copies, in_sync = str(min(3, nodes)), str(min(2, nodes))
        replicated = {
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            **(settings or {}),
        }
        self.nodes = [
            KafkaServer(
                self._folder / str(number), settings=replicated, node=number, controller_port=port, voters=voters
            )
            for number, port in controllers.items()
        ]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes)

    def start(self) -> Self:
        """Start those that do not run, and wait for all: a broker serves when most controllers run."""
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            node.wait_ready()
        return self

    def remove(self) -> None:
        """Kill all and delete their data."""
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.remove()
