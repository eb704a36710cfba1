"""Runs Debezium connectors in this JVM and hands over what they produce.

A record is given as `{"topic", "partition", "timestamp", "key": [schema, payload], "value": […], "headers": [[name, schema, payload]],
"source": {}, "offset": {}}`. Its schemas are numbers into `schemas`, each told once, in neutral form; a payload is what JsonConverter
writes under that schema, nulls kept, so that nothing is lost and a long run stays cheap.
"""

from __future__ import annotations

import json
import queue
import tempfile
from typing import Any

import jpype
from codec import HashMap, String, schema_form
from jpype import JClass

_DebeziumEngine = JClass("io.debezium.engine.DebeziumEngine")
_Connect = JClass("io.debezium.embedded.Connect")
_Properties = JClass("java.util.Properties")
_Thread = JClass("java.lang.Thread")
_IdentityHashMap = JClass("java.util.IdentityHashMap")
_JsonConverter = JClass("org.apache.kafka.connect.json.JsonConverter")
_STOP_MS = 20_000
_KEPT_OFFSETS = "org.apache.kafka.connect.storage.FileOffsetBackingStore"
_QUIET_OFFSETS = "org.apache.kafka.connect.storage.MemoryOffsetBackingStore"


@jpype.JImplements("io.debezium.engine.DebeziumEngine$ChangeConsumer")
class _Consumer:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @jpype.JOverride
    def handleBatch(self, events: Any, committer: Any) -> None:  # noqa: N802
        for event in events:
            self._engine.take(event.value())
            committer.markProcessed(event)
        committer.markBatchFinished()

    @jpype.JOverride
    def supportsTombstoneEvents(self) -> bool:  # noqa: N802
        return True


@jpype.JImplements("io.debezium.engine.DebeziumEngine$CompletionCallback")
class _Completion:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @jpype.JOverride
    def handle(self, success: bool, message: Any, error: Any) -> None:
        if not success and self._engine.error is None:
            causes, cause = [str(message)], error
            while cause is not None:
                causes.append(str(cause.toString()))
                cause = cause.getCause()
            self._engine.error = " <- ".join(reversed(causes))


class Engine:
    """One connector. `error` says why it ended by itself."""

    def __init__(self, config: dict[str, str], stored: dict[str, Any] | None = None) -> None:
        self.error: str | None = None
        self._records: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._schemas = _IdentityHashMap()
        self._new_schemas: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._converter = _JsonConverter()
        settings = HashMap()
        for name, value in (("schemas.enable", "false"), ("replace.null.with.default", "false")):
            settings.put(name, String(value))
        self._converter.configure(settings, False)
        if stored is not None:
            path = f"{tempfile.mkdtemp(prefix='oracle-')}/offsets"
            _store(path, config, stored)
            config = {**config, "offset.storage": _KEPT_OFFSETS, "offset.storage.file.filename": path}
        properties = _Properties()
        for name, value in {"offset.storage": _QUIET_OFFSETS, "offset.flush.interval.ms": "0", **config}.items():
            properties.setProperty(name, value)
        builder = _DebeziumEngine.create(_Connect).using(properties).using(_Completion(self))
        self._engine = builder.notifying(_Consumer(self)).build()
        self._thread = _Thread(self._engine)
        self._thread.setDaemon(True)
        self._thread.start()

    def take(self, record: Any) -> None:
        """Called for each record, in the engine's thread."""
        try:
            self._take(record)
        except jpype.JException as error:
            self.error = f"{error.toString()} in {record.toString()}"
            raise

    def _take(self, record: Any) -> None:
        topic, partition, timestamp = str(record.topic()), record.kafkaPartition(), record.timestamp()
        headers = [
            f"[{json.dumps(str(header.key()))},{self._datum(topic, header.schema(), header.value())}]"
            for header in record.headers()
        ]
        pieces = (
            f'"topic":{json.dumps(topic)}',
            f'"partition":{"null" if partition is None else int(partition)}',
            f'"timestamp":{"null" if timestamp is None else int(timestamp)}',
            f'"key":[{self._datum(topic, record.keySchema(), record.key())}]',
            f'"value":[{self._datum(topic, record.valueSchema(), record.value())}]',
            f'"headers":[{",".join(headers)}]',
            f'"source":{self._payload(topic, None, record.sourcePartition())}',
            f'"offset":{self._payload(topic, None, record.sourceOffset())}',
        )
        self._records.put("{" + ",".join(pieces) + "}")

    def _datum(self, topic: str, schema: Any, value: Any) -> str:
        return f"{self._number(schema)},{self._payload(topic, schema, value)}"

    def _payload(self, topic: str, schema: Any, value: Any) -> str:
        made = self._converter.fromConnectData(topic, schema, value)
        return "null" if made is None else bytes(made).decode()

    def _number(self, schema: Any) -> str:
        if schema is None:
            return "null"
        known = self._schemas.get(schema)
        if known is None:
            known = String(str(self._schemas.size()))
            self._schemas.put(schema, known)
            self._new_schemas.put(f'"{known}":{json.dumps(schema_form(schema))}')
        return str(known)

    def drain(self, timeout_s: float, limit: int) -> str:
        """What came, at most `limit` records; waits for the first of them."""
        running = bool(self._thread.isAlive())
        records: list[str] = []
        try:
            records.append(self._records.get(timeout=timeout_s))
            while len(records) < limit:
                records.append(self._records.get_nowait())
        except queue.Empty:
            pass
        # After the records: a record's schema is put down before it is.
        schemas: list[str] = []
        while not self._new_schemas.empty():
            schemas.append(self._new_schemas.get_nowait())
        state = f'"running":{json.dumps(running)},"error":{json.dumps(self.error)}'
        return f'{{"ok":{{"records":[{",".join(records)}],"schemas":{{{",".join(schemas)}}},{state}}}}}'

    def stop(self) -> None:
        """End the connector; all it has committed stays committed."""
        if self._thread.isAlive():
            self._engine.close()
            self._thread.join(_STOP_MS)


def _store(path: str, config: dict[str, str], stored: dict[str, Any]) -> None:
    """An offset as FileOffsetBackingStore keeps it."""
    offsets = HashMap()
    key = json.dumps([config["name"], {"server": config["topic.prefix"]}], separators=(",", ":"))
    offsets.put(String(key).getBytes("UTF-8"), String(json.dumps(stored)).getBytes("UTF-8"))
    file = JClass("java.io.ObjectOutputStream")(JClass("java.io.FileOutputStream")(path))
    file.writeObject(offsets)
    file.close()


_engines: dict[str, Engine] = {}


def engine_start(request: dict[str, Any]) -> dict[str, Any]:
    """`engine`: a name for it; `config`: the connector's, with `name` and `connector.class`; `stored`: an offset to go on from."""
    _engines[request["engine"]] = Engine(request["config"], request.get("stored"))
    return {"ok": None}


def engine_take(request: dict[str, Any]) -> str:
    """Records of `engine`, at most `limit`; waits `timeout_s` for the first. `running`, `error`: how the engine is."""
    return _engines[request["engine"]].drain(request.get("timeout_s", 1.0), request.get("limit", 2000))


def engine_stop(request: dict[str, Any]) -> dict[str, Any]:
    """Ends `engine`; `error` says what it failed of."""
    engine = _engines.pop(request["engine"])
    engine.stop()
    return {"ok": {"error": engine.error}}
