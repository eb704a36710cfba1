"""The peer's processes: a Kafka broker (KRaft, one node) and a distributed Connect worker. They never outlive us."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from headrace.errors import ConnectException
from headrace.testing.bench.figures import say
from headrace.testing.bench.peer import settings
from headrace.testing.bench.peer.offsets import Offsets
from headrace.testing.bench.rig import JSON_CONVERTER
from headrace.testing.jvm import jars
from headrace.testing.jvm.program import FLAGS, properties_file, start_program
from headrace.testing.kafka_server import KafkaServer
from headrace.testing.servers import ServerProcess, free_port

_HOST = "127.0.0.1"
_READY_S = 180.0


class PeerCluster:
    """`broker` and `worker`: the processes; `offsets`: what its topics have. Everything ends with `stack`."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._jars = jars.fetch()
        self._folder = folder
        folder.mkdir(parents=True)
        self.broker = KafkaServer(folder / "broker", heap=settings.BROKER_HEAP, flags=FLAGS)
        self.java = self.broker.java
        say(f"starting the peer: Kafka {jars.KAFKA}, Debezium {jars.DEBEZIUM}, Java {self.java.version}")
        self._rest = free_port()
        stack.callback(self.broker.stop)
        self.broker.start()
        self.offsets = stack.enter_context(Offsets(_HOST, self.broker.port))
        self.worker = self._worker()
        stack.callback(self.worker.end)
        self.worker.wait_ready(self._worker_is_up, _READY_S, "The peer's worker")

    def described(self) -> dict[str, Any]:
        """Versions and settings, for the results."""
        return {
            "java": self.java.version,
            "kafka": jars.KAFKA,
            "debezium": jars.DEBEZIUM,
            "debezium_jdbc": jars.DEBEZIUM_JDBC,
            "plugin_discovery": "service_load",
            "worker_heap": " ".join(settings.WORKER_HEAP),
            "source": dict(settings.SOURCE),
            "sink": dict(settings.SINK),
        }

    # ---- REST -----------------------------------------------------------------------------------
    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """A call; 404 and 409 are tried again while the group settles. ConnectException PEER_FAILED."""
        data = None if body is None else json.dumps(body).encode()
        deadline = time.monotonic() + 30
        while True:
            request = urllib.request.Request(
                f"http://{_HOST}:{self._rest}{path}", data, {"Content-Type": "application/json"}, method=method
            )
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    text = answer.read()
                return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                if error.code not in (404, 409) or time.monotonic() > deadline:
                    raise ConnectException(
                        f"{method} {path} of the peer: {error.code} {error.read()[:800]!r}", code="PEER_FAILED"
                    ) from error
            except OSError as error:
                raise ConnectException(f"{method} {path} of the peer: {error}", code="PEER_FAILED") from error
            time.sleep(0.1)

    def create_stopped(self, name: str, config: Mapping[str, str]) -> None:
        self.rest("POST", "/connectors", {"name": name, "config": dict(config), "initial_state": "STOPPED"})

    def check(self, name: str) -> str:
        """The task's state, or that of the connector while there is no task. ConnectException with the trace when it has failed."""
        status = self.rest("GET", f"/connectors/{name}/status")
        parts = status["tasks"] or [status["connector"]]
        for part in parts:
            if part["state"] == "FAILED":
                raise ConnectException(f"{name} of the peer has failed: {part.get('trace')}", code="PEER_FAILED")
        return str(parts[0]["state"]) if status["tasks"] else "NO TASK"

    def stopped(self, name: str) -> None:
        """Stop a connector and wait until it has no task any more."""
        self.rest("PUT", f"/connectors/{name}/stop")
        deadline = time.monotonic() + 60
        while self.rest("GET", f"/connectors/{name}/status")["tasks"] and time.monotonic() < deadline:
            time.sleep(0.1)

    # ---- processes ------------------------------------------------------------------------------
    def _worker(self) -> ServerProcess:
        topics = {
            f"{kind}.storage.{key}": value
            for kind in ("config", "offset", "status")
            for key, value in (("topic", f"peer-{kind}"), ("replication.factor", "1"))
        }
        file = properties_file(
            self._folder / "worker.properties",
            {
                "bootstrap.servers": self.broker.bootstrap,
                "group.id": "peer",
                "listeners": f"http://{_HOST}:{self._rest}",
                "rest.advertised.host.name": _HOST,
                **topics,
                "key.converter": JSON_CONVERTER,
                "value.converter": JSON_CONVERTER,
                "key.converter.schemas.enable": "false",
                "value.converter.schemas.enable": "false",
                "plugin.path": str(self._jars / "plugins"),
                # The default looks into every class of every plugin, and starts five times slower.
                "plugin.discovery": "service_load",
                "connector.client.config.override.policy": "All",
            },
        )
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        return start_program(self.java, self._jars / "libs", main, file, heap=settings.WORKER_HEAP)

    def _worker_is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{_HOST}:{self._rest}/connectors", timeout=5):
                return True
        except OSError:
            return False
