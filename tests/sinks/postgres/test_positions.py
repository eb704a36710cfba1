"""Positions belong to a topic, not to its name: what they say of a topic that was replaced is refused, and an operator's word goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from tests.sinks.postgres.kit import CONFLUENT, UPSERT, Sink, Topic

from headrace.errors import ConnectException, RetriableException, RetryClass
from headrace.sinks.postgres.connector import ConfluentJdbcSinkConnector, DebeziumJdbcSinkConnector
from headrace.spi.context import TopicPartition
from headrace.systems.postgres.introspect import Conn
from headrace.testing.servers import PostgresServer

PLACE = TopicPartition("t", 0)
NEW = {"t": "log-2.t"}


class Target:
    def __init__(self, server: PostgresServer, name: str) -> None:
        self.server, self.name = server, name
        self.sql: Conn = server.connect(name)
        self.made: list[Sink] = []

    def sink(self, **settings: Any) -> Sink:
        self.made.append(Sink(self.server, self.name, settings.pop("props", UPSERT), **settings))
        return self.made[-1]

    def rows(self) -> list[tuple[Any, ...]]:
        return self.sql.execute("SELECT id, name FROM t ORDER BY id").fetchall()

    def stored(self) -> list[tuple[Any, ...]]:
        return self.sql.execute("SELECT next_offset, topic_id FROM headrace_sink_offsets").fetchall()


@pytest.fixture
def target(postgres: PostgresServer, make_database: Callable[..., str]) -> Iterator[Target]:
    target = Target(postgres, make_database())
    yield target
    for sink in target.made:
        sink.stop()
    target.sql.close()


def refused(action: Callable[[], object]) -> ConnectException:
    with pytest.raises(ConnectException) as caught:
        action()
    assert caught.value.code == "SINK_POSITION_OF_ANOTHER_TOPIC"
    return caught.value


@pytest.mark.parametrize("props", [UPSERT, CONFLUENT], ids=["debezium", "confluent"])
def test_a_topic_made_anew_is_refused_until_the_offsets_are_reset(target: Target, props: dict[str, str]) -> None:
    first, topic = target.sink(props=props), Topic()
    first.put(topic.flat(1, "a"), topic.flat(2, "b"))
    first.stop()
    assert target.stored() == [(2, "log-1.t")]
    error = refused(lambda: target.sink(props=props, topic_ids=NEW))
    assert error.retry_class is RetryClass.OPERATOR
    assert all(part in error.message for part in ("t-0", "offset 2", "log-1.t", "log-2.t", "shop-sink"))
    assert "DELETE /connectors/shop-sink/offsets" in (error.remedy or "")
    assert target.rows() == [(1, "a"), (2, "b")]
    assert target.stored() == [(2, "log-1.t")]

    settings = {**first.props, "name": "shop-sink"}
    connector = DebeziumJdbcSinkConnector() if props is UPSERT else ConfluentJdbcSinkConnector()
    assert connector.alter_offsets(settings, {PLACE: None})
    anew = Topic()
    second = target.sink(props=props, topic_ids=NEW)
    second.put(anew.flat(1, "new"), anew.flat(3, "c"))
    assert target.rows() == [(1, "new"), (2, "b"), (3, "c")]
    assert target.stored() == [(2, "log-2.t")]


def test_a_target_that_was_away_at_open_is_checked_in_put(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    first, topic = target.sink(), Topic()
    first.put(*(topic.flat(n, "a") for n in range(3)))
    first.stop()

    def away(partitions: Sequence[TopicPartition]) -> None:
        raise RetriableException("away", code="PG_CONNECT_REFUSED")

    with monkeypatch.context() as patch:
        patch.setattr("headrace.sinks.postgres.session.Session._known", lambda session, places: away(places))
        second, same = target.sink(topic_ids=NEW), target.sink()
    refused(lambda: second.put(Topic().flat(9, "lost")))
    assert target.rows() == [(0, "a"), (1, "a"), (2, "a")]
    # The right topic: written records are passed over without reading them all, and the log is asked whether it has so many.
    same.put(Topic().flat(0, "again"))
    assert same.context.offsets == {PLACE: 3}
    assert target.rows() == [(0, "a"), (1, "a"), (2, "a")]


def test_a_task_that_lingers_on_the_old_topic_is_fenced(target: Target) -> None:
    old, topic = target.sink(), Topic()
    old.put(topic.flat(1, "a"))
    settings = {**old.props, "name": "shop-sink"}
    assert DebeziumJdbcSinkConnector().alter_offsets(settings, {PLACE: None})
    target.sink(topic_ids=NEW).put(Topic().flat(2, "new"))
    with pytest.raises(ConnectException) as caught:
        old.put(topic.flat(3, "late"))
    assert caught.value.code == "SINK_FENCED"
    assert target.rows() == [(1, "a"), (2, "new")]


def test_positions_of_an_older_version_take_on_the_topic_at_the_first_write(target: Target) -> None:
    target.sql.execute(
        "CREATE TABLE headrace_sink_offsets (connector text, topic text, partition integer,"
        " next_offset bigint NOT NULL, PRIMARY KEY (connector, topic, partition))"
    )
    target.sql.execute("INSERT INTO headrace_sink_offsets VALUES ('shop-sink', 't', 0, 1)")
    sink, topic = target.sink(), Topic()
    assert sink.context.offsets == {PLACE: 1}
    assert target.stored() == [(1, None)]
    sink.put(topic.flat(1, "written before"), topic.flat(2, "b"))
    assert target.rows() == [(2, "b")]
    assert target.stored() == [(2, "log-1.t")]
    refused(lambda: target.sink(topic_ids=NEW))


def test_an_operators_position_is_for_the_topic_of_the_day(target: Target) -> None:
    first, topic = target.sink(), Topic()
    first.put(topic.flat(1, "a"), topic.flat(2, "b"))
    first.stop()
    settings = {**first.props, "name": "shop-sink"}
    assert DebeziumJdbcSinkConnector().alter_offsets(settings, {PLACE: 1})
    assert target.stored() == [(1, None)]
    second, anew = target.sink(topic_ids=NEW), Topic()
    second.put(anew.flat(7, "passed over"), anew.flat(8, "x"))
    assert target.rows() == [(1, "a"), (2, "b"), (8, "x")]
    assert target.stored() == [(2, "log-2.t")]
