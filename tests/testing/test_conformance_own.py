"""The product's own connectors, transforms and converters under the suites for any."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import redis as redis_py

from headrace.converters.json import JsonConverter
from headrace.converters.primitives import LongConverter
from headrace.converters.string import StringConverter
from headrace.data import (
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    ConnectRecord,
    Schema,
)
from headrace.sinks.postgres.connector import ConfluentJdbcSinkConnector, DebeziumJdbcSinkConnector
from headrace.sinks.redis import RedisSinkConnector
from headrace.sources.postgres.connector import PostgresConnector
from headrace.testing import (
    ConverterConformance,
    PredicateConformance,
    SinkConformance,
    SourceConformance,
    TcpProxy,
    TransformConformance,
    sink_record,
    struct_of,
)
from headrace.testing.postgres_server import PostgresServer
from headrace.testing.redis_server import RedisServer
from headrace.transforms.cast import Value as Cast
from headrace.transforms.mask_field import Value as MaskField
from headrace.transforms.predicates import TopicNameMatches
from headrace.transforms.regex_router import RegexRouter
from headrace.transforms.replace_field import Value as ReplaceField


class TestPostgresSource(SourceConformance):
    connector = PostgresConnector
    refused = (
        ({"plugin.name": "unheard"}, "plugin.name"),
        ({"database.password": "wrong"}, "database.password"),
        ({"topic.prefix": "a b"}, "topic.prefix"),
    )
    prompt_s = 8.0

    @pytest.fixture(autouse=True)
    def _database(self, postgres: PostgresServer, make_database: Callable[[], str]) -> Iterator[None]:
        self.server, self.name = postgres, make_database()
        self.proxy = TcpProxy(postgres.host, postgres.port)
        self.connection = postgres.connect(self.name)
        self.connection.execute("CREATE TABLE orders (id bigserial PRIMARY KEY, name text)")
        yield
        self.connection.close()
        self.proxy.close()

    def config(self) -> dict[str, str]:
        return {
            "database.hostname": self.proxy.host,
            "database.port": str(self.proxy.port),
            "database.user": self.server.user,
            "database.password": self.server.password,
            "database.dbname": self.name,
            "topic.prefix": "shop",
            "plugin.name": "pgoutput",
            "slot.name": f"slot_{self.name}",
            "publication.autocreate.mode": "filtered",
            "table.include.list": "public.orders",
            "poll.interval.ms": "20",
            "status.update.interval.ms": "100",
            "slot.retry.delay.ms": "100",
            "retriable.restart.connector.wait.ms": "100",
        }

    def produce(self, count: int) -> Sequence[int]:
        query = f"INSERT INTO orders (name) SELECT 'n' || g FROM generate_series(1, {count}) g RETURNING id"
        return [row[0] for row in self.connection.execute(query)]  # type: ignore[arg-type]

    @contextmanager
    def interrupt(self) -> Iterator[None]:  # type: ignore[override]
        self.proxy.refuse()
        yield
        self.proxy.accept()

    def outside(self) -> Any:
        slots = self.connection.execute(
            "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()"
        )
        return slots.fetchall(), self.connection.execute("SELECT pubname FROM pg_publication").fetchall()


class JdbcSink(SinkConformance):
    deletes = True

    @pytest.fixture(autouse=True)
    def _database(self, postgres: PostgresServer, make_database: Callable[[], str]) -> Iterator[None]:
        self.server, self.name = postgres, make_database()
        self.proxy = TcpProxy(postgres.host, postgres.port)
        self.connection = postgres.connect(self.name)
        yield
        self.connection.close()
        self.proxy.close()

    def url(self) -> str:
        return f"jdbc:postgresql://{self.proxy.host}:{self.proxy.port}/{self.name}"

    def read(self) -> Collection[tuple[int, int]]:
        if self.connection.execute("SELECT to_regclass(%s)", [self.topic]).fetchone() == (None,):
            return []
        query = f"SELECT id, version FROM {self.topic}"
        return [(row[0], row[1]) for row in self.connection.execute(query)]  # type: ignore[arg-type]

    @contextmanager
    def interrupt(self) -> Iterator[None]:  # type: ignore[override]
        self.proxy.refuse()
        yield
        self.proxy.accept()

    def outside(self) -> Any:
        return self.connection.execute("SELECT relname FROM pg_class ORDER BY 1").fetchall()


class TestDebeziumJdbcSink(JdbcSink):
    connector = DebeziumJdbcSinkConnector
    refused = (({"connection.url": "jdbc:unheard:of"}, "connection.url"), ({"insert.mode": "often"}, "insert.mode"))

    def config(self) -> dict[str, str]:
        return {
            "topics": self.topic,
            "connection.url": self.url(),
            "connection.username": self.server.user,
            "connection.password": self.server.password,
            "insert.mode": "upsert",
            "delete.enabled": "true",
            "primary.key.mode": "record_key",
            "schema.evolution": "basic",
            "flush.retry.delay.ms": "50",
        }


class TestConfluentJdbcSink(JdbcSink):
    connector = ConfluentJdbcSinkConnector
    refused = (({"connection.url": "jdbc:unheard:of"}, "connection.url"), ({"insert.mode": "often"}, "insert.mode"))

    def config(self) -> dict[str, str]:
        return {
            "topics": self.topic,
            "connection.url": self.url(),
            "connection.user": self.server.user,
            "connection.password": self.server.password,
            "insert.mode": "upsert",
            "delete.enabled": "true",
            "pk.mode": "record_key",
            "auto.create": "true",
            "retry.backoff.ms": "50",
        }


class TestRedisSink(SinkConformance):
    connector = RedisSinkConnector
    deletes = True
    refused = (({"redis.type": "unheard"}, "redis.type"),)

    @pytest.fixture(autouse=True)
    def _server(self, redis: RedisServer) -> Iterator[None]:
        self.proxy = TcpProxy(redis.host, redis.port)
        self.client = redis_py.Redis(host=redis.host, port=redis.port, decode_responses=True)
        yield
        self.client.close()
        self.proxy.close()

    def config(self) -> dict[str, str]:
        return {
            "topics": self.topic,
            "redis.uri": f"redis://{self.proxy.host}:{self.proxy.port}",
            "redis.type": "HASH",
        }

    def record(self, number: int, version: int) -> tuple[Schema | None, Any, Schema | None, Any]:
        value = struct_of({"id": number, "version": version})
        return STRING_SCHEMA, str(number), value.schema, value

    def read(self) -> Collection[tuple[int, int]]:
        found = []
        for key in self.client.scan_iter(match=f"{self.topic}*", _type="hash"):
            row = self.client.hgetall(key)
            if "version" in row:
                found.append((int(row["id"]), int(row["version"])))
        return found

    @contextmanager
    def interrupt(self) -> Iterator[None]:  # type: ignore[override]
        self.proxy.refuse()
        yield
        self.proxy.accept()


ROW = {"id": 1, "name": "Jane", "price": 2.5, "note": None}


class Rows(TransformConformance):
    versioned = False

    def records(self) -> Sequence[ConnectRecord]:
        return [sink_record("shop", {"id": 1}, ROW), sink_record("shop", {"id": 1}, ROW, schemaless=True)]


class TestCast(Rows):
    transform = Cast
    refused = (({"spec": ""}, "spec"), ({"spec": "id:unheard"}, "spec"))

    def config(self) -> dict[str, str]:
        return {"spec": "id:string,price:int32"}

    def expected(self) -> Sequence[Any]:
        return [{**ROW, "id": "1", "price": 2}] * 2

    def refused_records(self) -> Sequence[ConnectRecord]:
        return [sink_record("shop", None, {"id": 1, "price": "no number"})]


class TestMaskField(Rows):
    transform = MaskField
    tombstones = "refuses"  # as Kafka's does
    nulls = "refuses"

    def config(self) -> dict[str, str]:
        return {"fields": "name"}

    def expected(self) -> Sequence[Any]:
        return [{**ROW, "name": ""}] * 2


class TestReplaceField(Rows):
    transform = ReplaceField

    def config(self) -> dict[str, str]:
        return {"exclude": "note", "renames": "name:who"}

    def expected(self) -> Sequence[Any]:
        return [{"id": 1, "who": "Jane", "price": 2.5}] * 2


class TestRegexRouter(Rows):
    transform = RegexRouter
    keeps = ("partition", "timestamp", "key", "value", "headers")
    tombstones = "changes"
    nulls = "changes"
    refused = (({"regex": "("}, "regex"),)

    def config(self) -> dict[str, str]:
        return {"regex": "sh(.*)", "replacement": "$1"}


class TestTopicNameMatches(PredicateConformance):
    versioned = False
    predicate = TopicNameMatches
    refused = (({"pattern": "("}, "pattern"),)

    def config(self) -> dict[str, str]:
        return {"pattern": "sh.*"}

    def holds_for(self) -> Sequence[ConnectRecord]:
        return [sink_record("shop", None, ROW)]

    def fails_for(self) -> Sequence[ConnectRecord]:
        return [sink_record("other", None, ROW), sink_record("ash", None, ROW)]


class TestJson(ConverterConformance):
    versioned = False
    converter = JsonConverter

    def data(self) -> Sequence[tuple[Schema | None, Any]]:
        value = struct_of(ROW)
        return [(value.schema, value), (STRING_SCHEMA, "x"), (INT64_SCHEMA, 5), (None, {"a": [1, 2.5, None, "x"]})]

    def refused_bytes(self) -> Sequence[bytes]:
        return [b"{", b"\xff", b'{"a": 1}']

    def refused_data(self) -> Sequence[tuple[Schema | None, Any]]:
        return [(INT64_SCHEMA, "text"), (STRING_SCHEMA, 5)]


class TestString(ConverterConformance):
    versioned = False
    converter = StringConverter

    def data(self) -> Sequence[tuple[Schema | None, Any]]:
        return [(OPTIONAL_STRING_SCHEMA, "text"), (OPTIONAL_STRING_SCHEMA, "")]


class TestLong(ConverterConformance):
    versioned = False
    converter = LongConverter

    def data(self) -> Sequence[tuple[Schema | None, Any]]:
        return [(OPTIONAL_INT64_SCHEMA, number) for number in (0, -1, 2**63 - 1)]

    def refused_bytes(self) -> Sequence[bytes]:
        return [b"123", b"123456789"]
