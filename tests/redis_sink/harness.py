"""Runs a Redis sink task without a worker: a context that records what it is told."""

from __future__ import annotations

from concurrent.futures import Future

import redis as redis_py
from tests.sinks.postgres.kit import as_batch

from headrace.data import (
    BOOLEAN_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    SchemaBuilder,
    SinkRecord,
    Struct,
)
from headrace.sinks.redis.task import RedisSinkTask
from headrace.spi import TopicPartition

TP = TopicPartition("shop.orders", 0)
PUT_BLOCKS = False
"""Whether `Sink.put` hands over blocks; set by the fixture `put_as`."""

KEY = SchemaBuilder.struct().name("shop.orders.Key").field("id", INT32_SCHEMA).build()
ROW = (
    SchemaBuilder.struct()
    .name("shop.orders.Value")
    .optional()
    .field("id", INT32_SCHEMA)
    .field("status", OPTIONAL_STRING_SCHEMA)
    .field("note", OPTIONAL_STRING_SCHEMA)
    .field("gift", BOOLEAN_SCHEMA)
    .build()
)
SOURCE = SchemaBuilder.struct().name("io.debezium.connector.postgresql.Source").field("lsn", INT64_SCHEMA).build()
ENVELOPE = (
    SchemaBuilder.struct()
    .name("shop.orders.Envelope")
    .field("before", ROW)
    .field("after", ROW)
    .field("source", SOURCE)
    .field("op", STRING_SCHEMA)
    .build()
)


class Reporter:
    def __init__(self) -> None:
        self.reported = []

    def report(self, record, error):
        self.reported.append((record, error))
        done: Future[None] = Future()
        done.set_result(None)
        return done


class Context:
    def __init__(self, name="orders-cache", reporter=None):
        self.connector_name = name
        self.task_id = 0
        self.sought = {}
        self.log_id = "log-1."
        self.reporter = reporter

    def offset(self, offsets):
        self.sought.update(offsets)

    def topic_id(self, topic):
        return self.log_id + topic

    def errant_record_reporter(self):
        return self.reporter


class Sink:
    """One task on one server; `put` gives records consecutive offsets."""

    def __init__(self, server, *, name="orders-cache", reporter=None, partitions=(TP,), log_id="log-1.", **settings):
        self.props = {"redis.host": server.host, "redis.port": str(server.port)}
        self.props |= {"redis." + key.replace("_", "."): str(value) for key, value in settings.items()}
        self.context = Context(name, reporter)
        self.context.log_id = log_id
        self.task = RedisSinkTask()
        self.task.initialize(self.context)
        self.task.start(self.props)
        self.task.open(list(partitions))
        self.offset = self.context.sought.get(TP, 0)
        self.client = redis_py.Redis(host=server.host, port=server.port)

    def put(self, *records):
        for record in records:
            if record.offset is None:
                record.offset = record.original_offset = self.offset
            self.offset = record.original_offset + 1
        self.task.put(as_batch(records) if PUT_BLOCKS else list(records))

    def stop(self):
        self.task.stop()
        self.client.close()


def key(id):
    return Struct(KEY, [id])


def row(id, status="new", note="n", gift=False):
    return Struct(ROW, [id, status, note, gift])


def flat(id, status="new", note="n", gift=False, **kwargs):
    return SinkRecord(*TP, KEY, key(id), ROW, row(id, status, note, gift), None, **kwargs)


def event(op, before, after, id=None):
    id = id if id is not None else (after or before).get("id")
    return SinkRecord(*TP, KEY, key(id), ENVELOPE, Struct(ENVELOPE, [before, after, Struct(SOURCE, [1]), op]), None)


def tombstone(id):
    return SinkRecord(*TP, KEY, key(id), None, None, None)
