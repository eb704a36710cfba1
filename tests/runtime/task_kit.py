"""Plugins and helpers for the tests of the task loops: a scripted source, a recording sink, small converters and transforms."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from headrace.config import ConfigDef
from headrace.data import STRING_SCHEMA, SchemaAndValue, SinkRecord, SourceRecord
from headrace.data.columns import layout_of
from headrace.errors import ConnectException, DataException, RetriableException
from headrace.log.spi import EncodedBatch, Log
from headrace.native import core
from headrace.runtime.herder import State
from headrace.runtime.task_runner import TaskRunner, TaskSpec
from headrace.spi import (
    Converter,
    HeaderConverter,
    Predicate,
    SinkConnector,
    SinkTask,
    SourceConnector,
    SourceTask,
    TopicPartition,
    Transform,
)
from headrace.spi.converter import Column, DecodedRun
from headrace.spi.plugins import PluginEntry, PluginKind, PluginRegistry
from headrace.testing.memory_log import MemoryLog, MemoryOffsetStore

DEADLINE_S = 10.0


def eventually(condition: Callable[[], Any], what: str = "condition") -> Any:
    """Poll until true."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.005)
    raise AssertionError(f"{what} did not come true within {DEADLINE_S} s")


class _Plain:
    @classmethod
    def config(cls) -> ConfigDef:
        return ConfigDef()

    def configure(self, props: Mapping[str, str]) -> None:
        self.props = dict(props)


class TextConverter(_Plain, Converter):
    """Text ↔ UTF-8. A value that starts with `bad` is refused, one that starts with `busy` is, the first `busy.times` times."""

    seen_props: ClassVar[list[dict[str, str]]] = []

    def configure(self, props: Mapping[str, str]) -> None:
        super().configure(props)
        self.busy_left = int(props.get("busy.times", "0"))
        TextConverter.seen_props.append(dict(props))

    def _check(self, text: str) -> None:
        if text.startswith("bad"):
            raise DataException(f"cannot convert {text}")
        if text.startswith("busy") and self.busy_left > 0:
            self.busy_left -= 1
            raise RetriableException(f"not now: {text}")

    def from_connect_data(self, topic: str, schema: Any, value: Any) -> bytes | None:
        if value is None:
            return None
        self._check(value)
        return str(value).encode()

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        if data is None:
            return SchemaAndValue(None, None)
        self._check(data.decode())
        return SchemaAndValue(None, data.decode())

    columns = False
    """Whether good data are decoded to columns."""

    def decode_column(self, topic: str, column: Column) -> list[DecodedRun] | None:
        data = list(column)
        if not TextConverter.columns or any(one is not None and one.startswith((b"bad", b"busy")) for one in data):
            return None
        values = [None if one is None else one.decode() for one in data]
        return [DecodedRun(len(data), STRING_SCHEMA, core.Column.of(layout_of(STRING_SCHEMA), values))]


class FastTextConverter(TextConverter):
    """For measurements: whole batches."""

    def encode_batch(self, topic: str, schemas: Any, values: Any) -> Column:
        return Column([None if value is None else value.encode() for value in values])

    def decode_batch(self, topic: str, column: Column) -> list[SchemaAndValue]:
        return [SchemaAndValue(None, None if datum is None else datum.decode()) for datum in column]


class TextHeaders(_Plain, HeaderConverter):
    encoded = 0

    def from_connect_header(self, topic: str, key: str, schema: Any, value: Any) -> bytes | None:
        TextHeaders.encoded += 1
        if str(value).startswith("bad"):
            raise DataException(f"cannot convert header {value}")
        return str(value).encode()

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        if data is not None and data.startswith(b"bad"):
            raise DataException("cannot convert header")
        return SchemaAndValue(None, None if data is None else data.decode())


class Mark(_Plain, Transform[Any]):
    """Adds its `mark` to the value, in place; `drop…` is dropped, `fail…` refused, `wait…` refused `wait.times` times."""

    def configure(self, props: Mapping[str, str]) -> None:
        super().configure(props)
        self.left = int(props.get("wait.times", "0"))

    def apply(self, record: Any) -> Any:
        if record.value.startswith("drop"):
            return None
        if record.value.startswith("fail"):
            raise ValueError(f"refused {record.value}")
        if record.value.startswith("wait") and self.left > 0:
            self.left -= 1
            raise RetriableException("later")
        record.value += self.props.get("mark", "!")
        return record


class Route(_Plain, Transform[Any]):
    """By batch: sends everything to topic `to`, partition 7; counts its calls."""

    batches = 0

    def apply(self, record: Any) -> Any:
        if record.value.startswith("fail"):
            raise ValueError(record.value)
        return record.new_record(topic=self.props["to"])

    def apply_batch(self, records: Sequence[Any]) -> list[Any]:
        Route.batches += 1
        if any(record.value.startswith("fail") for record in records):
            raise ValueError("some record")
        return [record.new_record(topic=self.props["to"]) for record in records]


class StartsWith(_Plain, Predicate[Any]):
    def test(self, record: Any) -> bool:
        if record.value.startswith("untestable"):
            raise ValueError("predicate fails")
        return bool(record.value.startswith(self.props["text"]))


class _Connector:
    @classmethod
    def config(cls) -> ConfigDef:
        return ConfigDef()

    def start(self, props: Mapping[str, str]) -> None: ...
    def stop(self) -> None: ...
    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [{}]


class Script:
    """What a scripted task does and what happened to it; one per test, found by the connector's name."""

    all: ClassVar[dict[str, Script]] = {}

    def __init__(self, name: str) -> None:
        self.polls: list[Any] = []
        """For a source: record lists, or exceptions to raise."""
        self.puts: list[Any] = []
        """For a sink: an exception to raise (or a callable to call) per put of records; when empty, puts succeed."""
        self.on_open: Callable[[Any, Sequence[TopicPartition]], None] | None = None
        self.pre_commit: Callable[[Mapping[TopicPartition, int]], Mapping[TopicPartition, int]] | None = None
        self.events: list[tuple[str, Any]] = []
        self.lock = threading.Lock()
        self.more = threading.Event()
        self.task: Any = None
        self.start_error: Exception | None = None
        Script.all[name] = self

    def note(self, name: str, what: Any = None) -> None:
        with self.lock:
            self.events.append((name, what))

    def got(self, name: str) -> list[Any]:
        with self.lock:
            return [what for event, what in self.events if event == name]

    def feed(self, *polls: Any) -> None:
        with self.lock:
            self.polls.extend(polls)
        self.more.set()


class ScriptedSource(SourceTask):
    def start(self, props: Mapping[str, str]) -> None:
        self.script = Script.all[self.context.connector_name]
        self.script.task = self
        self.script.note("start", dict(props))
        if self.script.start_error is not None:
            raise self.script.start_error

    def poll(self) -> Any:
        script = self.script
        with script.lock:
            item = script.polls.pop(0) if script.polls else None
            script.more.clear()
        if item is None:
            script.more.wait(0.5)
            return None
        if isinstance(item, Exception):
            raise item
        return item() if callable(item) else item

    def offsets_committed(self, offsets: Any) -> None:
        self.script.note("offsets", [(dict(p), dict(o)) for p, o in offsets])

    def commit(self) -> None:
        self.script.note("commit")

    def paused(self) -> None:
        self.script.note("paused")

    def stop(self) -> None:
        self.script.note("stop", threading.current_thread().name)
        self.script.more.set()

    def close(self) -> None:
        self.script.note("close")


class RecordNotingSource(ScriptedSource):
    def commit_record(self, record: SourceRecord) -> None:
        self.script.note("record", record.source_offset["n"])


class ScriptedSink(SinkTask):
    def start(self, props: Mapping[str, str]) -> None:
        self.script = Script.all[self.context.connector_name]
        self.script.task = self
        self.script.note("start", dict(props))
        if self.script.start_error is not None:
            raise self.script.start_error

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        self.script.note("open", list(partitions))
        if self.script.on_open is not None:
            self.script.on_open(self.context, partitions)

    def put(self, records: Sequence[SinkRecord]) -> None:
        if not records:
            self.script.note("idle")
            return
        with self.script.lock:
            action = self.script.puts.pop(0) if self.script.puts else None
        if isinstance(action, Exception):
            self.script.note("refused", [record.value for record in records])
            raise action
        if callable(action):
            action(self.context, records)
        self.script.note("put", [(r.topic, r.partition, r.offset, r.value) for r in records])

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        self.script.note("pre_commit", dict(offsets))
        if self.script.pre_commit is not None:
            return self.script.pre_commit(offsets)
        return super().pre_commit(offsets)

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        self.script.note("close", list(partitions))

    def stop(self) -> None:
        self.script.note("stop")

    def values(self) -> list[str]:
        return [value for batch in self.script.got("put") for _, _, _, value in batch]


class ScriptedSourceConnector(_Connector, SourceConnector):
    def task_class(self) -> type[SourceTask]:
        return ScriptedSource


class RecordNotingSourceConnector(_Connector, SourceConnector):
    def task_class(self) -> type[SourceTask]:
        return RecordNotingSource


class ScriptedSinkConnector(_Connector, SinkConnector):
    def task_class(self) -> type[SinkTask]:
        return ScriptedSink


_PLUGINS = {
    PluginKind.SOURCE: [ScriptedSourceConnector, RecordNotingSourceConnector],
    PluginKind.SINK: [ScriptedSinkConnector],
    PluginKind.TRANSFORMATION: [Mark, Route],
    PluginKind.PREDICATE: [StartsWith],
    PluginKind.CONVERTER: [TextConverter, FastTextConverter],
    PluginKind.HEADER_CONVERTER: [TextHeaders],
}


def registry() -> PluginRegistry:
    """The plugins above, as `kit.<Class>`."""
    return PluginRegistry(
        PluginEntry(f"kit.{cls.__name__}", kind, f"{cls.__module__}:{cls.__name__}")
        for kind, classes in _PLUGINS.items()
        for cls in classes
    )


class Listener:
    def __init__(self) -> None:
        self.states: list[State] = []
        self.topics: list[str] = []

    def on_state(self, state: State) -> None:
        self.states.append(state)

    def on_topics(self, topics: Sequence[str]) -> None:
        self.topics.extend(topics)


class Running:
    """A task runner on a thread of its own; use as a context manager."""

    def __init__(
        self,
        kind: str,
        log: Log,
        config: Mapping[str, str] | None = None,
        worker: Mapping[str, str] | None = None,
        name: str | None = None,
        task_id: int = 0,
        connector_class: str | None = None,
        paused: bool = False,
    ) -> None:
        self.name = name or f"{kind}-{time.monotonic_ns()}"
        self.log = log
        self.script = Script.all.get(self.name) or Script(self.name)
        self.listener = Listener()
        self.error: BaseException | None = None
        connector = {
            "name": self.name,
            "connector.class": connector_class or f"kit.Scripted{kind.title()}Connector",
            **({"topics": "t"} if kind == "sink" and "topics.regex" not in (config or {}) else {}),
            **(config or {}),
        }
        base = {
            "key.converter": "kit.TextConverter",
            "value.converter": "kit.TextConverter",
            "header.converter": "kit.TextHeaders",
            **(worker or {}),
        }
        spec = TaskSpec(self.name, task_id, kind, None, {**connector, "task.class": "x"}, connector, base)  # type: ignore[arg-type]
        offsets: Any = MemoryOffsetStore(log) if isinstance(log, MemoryLog) else None
        self.runner = TaskRunner(spec, log=log, offsets=offsets, registry=registry(), listener=self.listener)
        if paused:
            self.runner.pause()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.runner.run()
        except BaseException as error:
            self.error = error

    def start(self) -> Running:
        self.thread.start()
        return self

    def join(self) -> None:
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive(), f"the task did not end; stage {self.runner.progress()}"

    def stop(self) -> None:
        self.runner.stop()
        self.join()

    def __enter__(self) -> Running:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.runner.stop()
        self.join()
        if exc[0] is None and self.error is not None:
            raise self.error

    def failed(self) -> BaseException:
        """Wait for the task's failure and take it."""
        self.join()
        assert self.error is not None
        error, self.error = self.error, None
        return error

    def sample(self, name: str, **labels: str) -> float:
        """The sample's value."""
        found = [s.value for s in self.runner.samples() if s.name == name and set(labels.items()) <= set(s.labels)]
        assert len(found) == 1, (name, labels, found)
        return found[0]


def record(n: int, value: str | None = None, *, topic: str = "t", partition: str = "p", **more: Any) -> SourceRecord:
    """A source record; its offset is {"n": n}."""
    return SourceRecord({"part": partition}, {"n": n}, topic, key=f"k{n}", value=value or f"v{n}", **more)


def fill(log: Log, values: Iterable[str | None], topic: str = "t", partition: int = 0, headers: Any = ()) -> None:
    """Append to a topic, as a source would."""
    data = [None if value is None else value.encode() for value in values]
    batch = EncodedBatch(
        topic,
        partition,
        [1_700_000_000_000 + i for i in range(len(data))],
        Column([f"k{i}".encode() for i in range(len(data))]),
        Column(data),
        [headers] * len(data),
    )
    log.producer("test").append([batch])


def connect_error(error: BaseException, code: str) -> ConnectException:
    assert isinstance(error, ConnectException), error
    assert error.code == code, error
    return error
