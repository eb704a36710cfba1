"""Dead letters: records that were given up, written to a topic of their own with Connect's context headers.

A sink's dead letter is the record as it lay in the log. A source's record never was in the log: its dead letter is a JSON
document that shows it as well as JSON can. Letters are collected and written in one append; for a source they go into the same
commit as the batch they came from. Source: KIP-298, DeadLetterQueueReporter (Kafka 4.3); for sources an own addition.
"""

from __future__ import annotations

import base64
import json
import logging
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.data import SinkRecord, SourceRecord, Struct
from headrace.errors import ConfigException
from headrace.log.spi import EncodedBatch, HeaderBytes, Log, TopicSpec
from headrace.runtime.task_metrics import ErrorMetrics
from headrace.runtime.task_settings import read_bool, read_int, read_text
from headrace.runtime.tolerance import Failure, Origin, RawRecord
from headrace.spi.converter import Column

logger = logging.getLogger(__name__)

REPLICATION_FACTOR = "errors.deadletterqueue.topic.replication.factor"
PREFIX = "__connect.errors."


@dataclass(frozen=True, slots=True)
class DeadLetterSettings:
    """The errors.deadletterqueue.* settings; taken from sources as well. The replication factor means nothing to the embedded log."""

    topic: str
    context_headers: bool
    replication_factor: int = 3

    @classmethod
    def from_config(cls, config: Mapping[str, str]) -> DeadLetterSettings | None:
        """None when no topic is set."""
        topic = read_text(config, "errors.deadletterqueue.topic.name", "")
        if not topic:
            return None
        return cls(
            topic,
            read_bool(config, "errors.deadletterqueue.context.headers.enable", False),
            read_int(config, REPLICATION_FACTOR, 3),
        )


class DeadLetters:
    """Collects failed records as letters. Not thread-safe."""

    def __init__(
        self, settings: DeadLetterSettings, log: Log, connector: str, task_id: int, metrics: ErrorMetrics
    ) -> None:
        self._settings = settings
        self._log = log
        self._connector = connector
        self._task_id = task_id
        self._metrics = metrics
        self._letters: list[tuple[int, bytes | None, bytes | None, HeaderBytes]] = []

    def prepare(self) -> None:
        """Create the topic, with one partition, if it is missing. RetriableException when the log cannot now, ConfigException
        (TOPIC_CONFIG_INVALID) when it has fewer brokers than copies are asked for."""
        settings = self._settings
        try:
            self._log.create_topics([TopicSpec(settings.topic, 1, replication_factor=settings.replication_factor)])
        except ConfigException as error:
            if error.code == "TOPIC_CONFIG_INVALID":
                error.field = REPLICATION_FACTOR
                error.remedy = f"Set {REPLICATION_FACTOR} to at most the number of brokers, or create {settings.topic}."
            raise

    def report(self, failure: Failure) -> None:
        """Add a letter; `peek` shows it to who appends."""
        origin = failure.origin
        headers: HeaderBytes = ()
        if isinstance(origin, RawRecord):
            timestamp, key, value, headers = origin.timestamp, origin.key, origin.value, origin.headers
        else:
            timestamp = origin.timestamp if origin.timestamp is not None else time.time_ns() // 1_000_000
            key = None if origin.key is None else _json(origin.key)
            value = _source_document(origin)
        if self._settings.context_headers:
            headers = (*headers, *context_headers(failure, self._connector, self._task_id))
        self._letters.append((timestamp, key, value, headers))
        self._metrics.dead_letters += 1

    def __len__(self) -> int:
        return len(self._letters)

    def peek(self) -> EncodedBatch | None:
        """The letters collected so far as one batch to append, None when there are none. They stay until `drop`."""
        letters = self._letters
        if not letters:
            return None
        return EncodedBatch(
            self._settings.topic,
            0,
            [letter[0] for letter in letters],
            Column([letter[1] for letter in letters]),
            Column([letter[2] for letter in letters]),
            [letter[3] for letter in letters],
        )

    def drop(self, count: int) -> None:
        """The first `count` letters are durable, or in the hands of someone who sees to that."""
        del self._letters[:count]


def context_headers(failure: Failure, connector: str, task_id: int) -> HeaderBytes:
    """Connect's headers that tell what failed, as UTF-8 text, in Connect's order."""
    origin, error = failure.origin, failure.error
    headers: list[tuple[str, str | None]] = []
    if isinstance(origin, RawRecord):
        headers += [
            ("topic", origin.topic),
            ("partition", str(origin.partition)),
            ("offset", str(origin.offset)),
        ]
    headers += [
        ("connector.name", connector),
        ("task.id", str(task_id)),
        ("stage", failure.stage.value),
        ("class.name", failure.class_name),
        ("exception.class.name", class_name(type(error))),
        ("exception.message", str(error)),
        ("exception.stacktrace", "".join(traceback.format_exception(error))),
    ]
    return tuple((PREFIX + name, None if text is None else text.encode(errors="replace")) for name, text in headers)


def class_name(cls: type) -> str:
    """The dotted name of a class; built-in classes by their name alone."""
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


class ErrorLog:
    """errors.log.enable: a log line per record given up. `include` shows where the record is from and its time."""

    def __init__(self, connector: str, task_id: int, include: bool, metrics: ErrorMetrics) -> None:
        self._task = f"{connector}-{task_id}"
        self._include = include
        self._metrics = metrics

    def report(self, failure: Failure) -> None:
        text = (
            f"Error encountered in task {self._task}. Executing stage '{failure.stage.value}' with class "
            f"'{failure.class_name}'"
        )
        if self._include:
            text += describe_origin(failure.origin)
        logger.error("%s.", text, exc_info=failure.error)
        self._metrics.logged += 1


def describe_origin(origin: Origin) -> str:
    """The record in words for a log line."""
    if isinstance(origin, RawRecord):
        return (
            f", where consumed record is {{topic='{origin.topic}', partition={origin.partition}, offset={origin.offset}, "
            f"timestamp={origin.timestamp}, timestampType=CreateTime}}"
        )
    return f", where source record is = {origin!r}"


def _source_document(record: SourceRecord) -> bytes:
    return _json(
        {
            "topic": record.topic,
            "partition": record.partition,
            "timestamp": record.timestamp,
            "key": record.key,
            "value": record.value,
            "headers": [[header.key, header.value] for header in record.header_items],
            "source_partition": record.source_partition,
            "source_offset": record.source_offset,
        }
    )


def sink_record_document(record: SinkRecord) -> tuple[bytes | None, bytes | None]:
    """Key and value of a record whose bytes are no longer in the log."""
    key, value = record.key, record.value
    return None if key is None else _json(key), None if value is None else _json(value)


def _json(value: Any) -> bytes:
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _plain(value: Any) -> Any:
    """Anything as JSON can show it; never raises, for a letter that cannot be written would be a record lost."""
    try:
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, bytes | bytearray | memoryview):
            return base64.b64encode(value).decode("ascii")
        if isinstance(value, Struct):
            return {field.name: _plain(item) for field, item in zip(value.schema.fields, value.values, strict=False)}
        if isinstance(value, Mapping):
            return {str(key): _plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [_plain(item) for item in value]
        return str(value)
    except Exception as error:
        return f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"
