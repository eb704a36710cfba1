"""A source of numbers, a sink into a list and a transform: right ones, and one wrong in each way the suites must notice."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from headrace.config.validators import at_least
from headrace.data import INT64_SCHEMA, STRING_SCHEMA, SchemaBuilder
from headrace.spi import (
    ConfigDef,
    ConfigType,
    ConnectException,
    DataException,
    Importance,
    RetriableException,
    SinkConnector,
    SinkRecord,
    SinkTask,
    SourceConnector,
    SourceRecord,
    SourceTask,
    Struct,
    TopicPartition,
    Transform,
)

KEY = SchemaBuilder.struct().field("id", INT64_SCHEMA).build()
WORLDS: dict[str, list[Any]] = {}
"""What sources read and sinks write, by name."""


class NumbersConnector(SourceConnector):
    task: ClassVar[type[SourceTask]]

    @classmethod
    def version(cls) -> str:
        return "1.0"

    @classmethod
    def config(cls) -> ConfigDef:
        return (
            ConfigDef()
            .define("world", ConfigType.STRING, importance=Importance.HIGH, documentation="Where the numbers are.")
            .define("batch.size", ConfigType.INT, 5, at_least(1), documentation="Most records per poll.")
        )

    def start(self, props: Mapping[str, str]) -> None:
        self.props = dict(props)

    def task_class(self) -> type[SourceTask]:
        return NumbersTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [dict(self.props)]

    def stop(self) -> None:
        pass


class NumbersTask(SourceTask):
    @classmethod
    def version(cls) -> str:
        return "1.0"

    def start(self, props: Mapping[str, str]) -> None:
        config = NumbersConnector.config().parse(props)
        self.world = WORLDS[config["world"]]
        self.size = config["batch.size"]
        self.partition = {"world": config["world"]}
        stored = self.context.offset_reader.offset(self.partition)
        self.at = stored["at"] if stored else 0

    def poll(self) -> Sequence[SourceRecord] | None:
        batch = self.world[self.at : self.at + self.size]
        if not batch:
            self.idle()
            return None
        records = [self.record(self.at + i, number) for i, number in enumerate(batch)]
        self.at += len(batch)
        return records

    def idle(self) -> None:
        threading.Event().wait(0.01)

    def record(self, at: int, number: int) -> SourceRecord:
        return SourceRecord(
            self.partition, {"at": at + 1}, "numbers", None, KEY, Struct(KEY, [number]), STRING_SCHEMA, f"n{number}"
        )


class ForgetfulTask(NumbersTask):
    """Starts at the end instead of where it was."""

    def start(self, props: Mapping[str, str]) -> None:
        super().start(props)
        if self.context.offset_reader.offset(self.partition):
            self.at = len(self.world)


class AheadTask(NumbersTask):
    """Every record of a batch has the offset of the batch's end."""

    def poll(self) -> Sequence[SourceRecord] | None:
        records = super().poll()
        for record in records or ():
            record.source_offset = {"at": self.at}
        return records


class RepeatingTask(NumbersTask):
    """Gives everything again after a start."""

    def start(self, props: Mapping[str, str]) -> None:
        super().start(props)
        self.at = 0


class SleepyTask(NumbersTask):
    """Does not look at `stopping` while it waits."""

    def idle(self) -> None:
        time.sleep(0.6)


class UntypedTask(NumbersTask):
    """A text where the schema says a number."""

    def record(self, at: int, number: int) -> SourceRecord:
        record = super().record(at, number)
        record.key = Struct(KEY, [str(number)])
        return record


def source_with(task: type[SourceTask]) -> type[NumbersConnector]:
    class Connector(NumbersConnector):
        def task_class(self) -> type[SourceTask]:
            return task

    return Connector


class EagerConnector(NumbersConnector):
    """Plans more tasks than allowed, all with the same work."""

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [dict(self.props)] * 3


class SilentConnector(NumbersConnector):
    """Accepts anything."""

    def validate(self, props: Mapping[str, str]) -> Any:
        values = super().validate(props)
        for value in values:
            value.errors.clear()
        return values


class MeddlingConnector(NumbersConnector):
    """Changes the outside when it validates."""

    def validate(self, props: Mapping[str, str]) -> Any:
        for world in WORLDS.values():
            world.append(-1)
        return super().validate(props)


class ListConnector(SinkConnector):
    @classmethod
    def version(cls) -> str:
        return "1.0"

    @classmethod
    def config(cls) -> ConfigDef:
        return ConfigDef().define("world", ConfigType.STRING, documentation="Where to write.")

    def start(self, props: Mapping[str, str]) -> None:
        self.props = dict(props)

    def task_class(self) -> type[SinkTask]:
        return ListTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [dict(self.props)] * max_tasks

    def stop(self) -> None:
        pass


class ListTask(SinkTask):
    """Keeps records until `flush`, then upserts them into the world: [id, version] pairs."""

    away: ClassVar[bool] = False

    @classmethod
    def version(cls) -> str:
        return "1.0"

    def start(self, props: Mapping[str, str]) -> None:
        self.world = WORLDS[props["world"]]
        self.held: list[SinkRecord] = []

    def put(self, records: Sequence[SinkRecord]) -> None:
        if ListTask.away and records:
            raise RetriableException("the world is away")
        for record in records:
            if record.value is not None and not isinstance(record.value, Struct):
                self.bad(record)
                continue
            self.held.append(record)

    def bad(self, record: SinkRecord) -> None:
        error = DataException("a struct is needed")
        reporter = self.context.errant_record_reporter()
        if reporter is None:
            raise error
        reporter.report(record, error)

    def flush(self, offsets: Mapping[TopicPartition, int]) -> None:
        for record in self.held:
            self.write(record)
        self.held.clear()

    def write(self, record: SinkRecord) -> None:
        self.world[:] = [row for row in self.world if row[0] != record.key["id"]]
        if record.value is not None:
            self.world.append([record.key["id"], record.value["version"]])

    def stop(self) -> None:
        pass


class AppendingTask(ListTask):
    """What comes again is there again."""

    def write(self, record: SinkRecord) -> None:
        if record.value is not None:
            self.world.append([record.key["id"], record.value["version"]])


class BoastingTask(ListTask):
    """Says durable of what it holds."""

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        return offsets

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        super().flush({})


class ReversingTask(ListTask):
    def flush(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.held.reverse()
        super().flush(offsets)


class SwallowingTask(ListTask):
    """Passes over bad records in silence."""

    def bad(self, record: SinkRecord) -> None:
        pass


class DeadSinkTask(ListTask):
    """Loses what was at hand when the target is away."""

    def put(self, records: Sequence[SinkRecord]) -> None:
        if not ListTask.away:
            super().put(records)


def sink_with(task: type[SinkTask]) -> type[ListConnector]:
    class Connector(ListConnector):
        def task_class(self) -> type[SinkTask]:
            return task

    return Connector


class Louder(Transform[Any]):
    """Adds a mark to a text field."""

    @classmethod
    def version(cls) -> str:
        return "1.0"

    @classmethod
    def config(cls) -> ConfigDef:
        return ConfigDef().define("field", ConfigType.STRING, documentation="The field.")

    def configure(self, props: Mapping[str, str]) -> None:
        self.field = self.config().parse(props)["field"]
        self.calls = 0

    def apply(self, record: Any) -> Any:
        if record.value is None:
            return record
        if not isinstance(record.value, Struct):
            raise ConnectException("a struct is needed")
        value = Struct(record.value.schema, list(record.value.values))
        value[self.field] = self.change(value[self.field])
        return record.new_record(value=value)

    def change(self, text: str) -> str:
        return text + "!"


class InPlace(Louder):
    def apply(self, record: Any) -> Any:
        if record.value is not None:
            record.value[self.field] = self.change(record.value[self.field])
        return record


class Counting(Louder):
    """Depends on what came before."""

    def change(self, text: str) -> str:
        self.calls += 1
        return text + "!" * self.calls


class OtherBatch(Louder):
    def apply_batch(self, records: Sequence[Any]) -> list[Any]:
        return list(records)


class Misfit(Louder):
    def apply(self, record: Any) -> Any:
        return record if record.value is None else record.new_record(value="text")


class Rerouting(Louder):
    def apply(self, record: Any) -> Any:
        return super().apply(record).new_record(topic="elsewhere")
