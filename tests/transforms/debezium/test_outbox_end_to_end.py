"""The outbox, filters and routers in a real worker: PostgreSQL's changes through the transforms into topics."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.testing.servers import PostgresServer
from tests.faults.kit import JSON, Lab, create, delete, laboratory, log_of, read_all, worker_at
from tests.runtime.worker_support import Worker
from tests.support import wait_until

OUTBOX = (
    "CREATE TABLE {} (id uuid PRIMARY KEY, aggregatetype varchar(50) NOT NULL, aggregateid varchar(50) NOT NULL, type varchar(50), "
    "payload jsonb, tenant text, tracingspancontext text)"
)
ROUTER = {
    "transforms": "outbox",
    "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter",
    "transforms.outbox.table.expand.json.payload": "true",
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": JSON,
    "value.converter.schemas.enable": "false",
    "header.converter": "org.apache.kafka.connect.storage.SimpleHeaderConverter",
}
SPAN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def lab(postgres: PostgresServer) -> Iterator[Lab]:
    with laboratory(postgres) as lab:
        yield lab


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Worker]:
    worker = worker_at(tmp_path_factory.mktemp("worker"))
    try:
        yield worker.start()
    finally:
        worker.close()


def taken(worker: Worker, topic: str, count: int) -> list[tuple[Any, Any, dict[str, Any]]]:
    """Key, value and headers of the first records of a topic; waits until there are so many."""

    def found() -> list[tuple[Any, Any, dict[str, Any]]]:
        batch = read_all(worker, topic)
        if batch is None or len(batch.timestamps) < count:
            return []
        return [
            (
                None if key is None else bytes(key).decode(),
                None if value is None else json.loads(bytes(value)),
                {name: text and bytes(text).decode() for name, text in headers if not name.startswith("__debezium.")},
            )
            for key, value, headers in zip(batch.keys, batch.values, batch.headers, strict=True)
        ]

    return wait_until(found, 20, f"{count} records in {topic}")


def topics(worker: Worker) -> set[str]:
    log = log_of(worker)
    try:
        return set(log.topics())
    finally:
        log.close()


def until_streaming(lab: Lab, slot: str) -> None:
    active = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s AND active"
    wait_until(lambda: lab.src.execute(active, [slot]).fetchone() == (1,), 20, "the slot streams")


def test_rows_of_an_outbox_table_become_events(worker: Worker, lab: Lab) -> None:
    lab.src.execute(OUTBOX.format("outbox"))
    first, second, third = (str(uuid.uuid4()) for _ in range(3))
    insert = "INSERT INTO outbox VALUES (%s, %s, %s, %s, %s, %s, %s)"
    lab.src.execute(
        insert, [first, "order", "1", "OrderCreated", '{"id": 1, "lines": [{"sku": "a", "n": 2}]}', "t1", None]
    )
    config = lab.source("outbox") | ROUTER
    placement = "type:header:eventType,tenant:header"
    create(worker, "outbox", config | {"transforms.outbox.table.fields.additional.placement": placement})
    assert taken(worker, "outbox.event.order", 1) == [
        ("1", {"id": 1, "lines": [{"sku": "a", "n": 2}]}, {"id": first, "eventType": "OrderCreated", "tenant": "t1"})
    ]
    with lab.src.transaction():
        # As services do it: the row goes in the transaction in which it came.
        lab.src.execute(insert, [second, "customer", "7", "Named", '{"name": "Ann"}', None, f"traceparent={SPAN}"])
        lab.src.execute("DELETE FROM outbox WHERE id = %s", [second])
    lab.src.execute("UPDATE outbox SET type = 'x'")
    lab.src.execute("DELETE FROM outbox")
    lab.src.execute(insert, [third, "order", "2", "Cancelled", None, None, None])
    key, value, headers = taken(worker, "outbox.event.customer", 1)[0]
    assert (key, value) == ("7", {"name": "Ann"})
    assert (headers["id"], headers["traceparent"]) == (second, SPAN)
    orders = taken(worker, "outbox.event.order", 2)
    # Neither the update nor the deletes left anything behind.
    assert [(key, value) for key, value, _ in orders][1:] == [("2", None)]
    assert lab.topic("outbox") not in topics(worker)
    assert worker.states("outbox") == ("RUNNING", ["RUNNING"])
    delete(worker, "outbox")


def test_logical_messages_are_an_outbox_without_a_table(worker: Worker, lab: Lab) -> None:
    lab.src.execute("CREATE TABLE anchor (id int PRIMARY KEY)")
    decode = "io.debezium.connector.postgresql.transforms.DecodeLogicalDecodingMessageContent"
    config = lab.source("anchor") | ROUTER | {"transforms": "decode,outbox", "transforms.decode.type": decode}
    create(
        worker,
        "messages",
        config | {"transforms.outbox.table.expand.json.payload": "false", "snapshot.mode": "no_data"},
    )
    until_streaming(lab, config["slot.name"])
    event = {
        "id": "e1",
        "aggregatetype": "invoice",
        "aggregateid": "9",
        "type": "Paid",
        "payload": {"total": 12.5, "at": None},
    }
    with lab.src.transaction(force_rollback=True):
        lab.src.execute("SELECT pg_logical_emit_message(true, 'outbox', %s)", [json.dumps(event | {"id": "never"})])
    lab.src.execute("SELECT pg_logical_emit_message(true, 'outbox', %s)", [json.dumps(event)])
    assert taken(worker, "outbox.event.invoice", 1) == [("9", {"total": 12.5}, {"id": "e1"})]
    delete(worker, "messages")


def test_an_expression_keeps_and_routes_changes(worker: Worker, lab: Lab) -> None:
    lab.table("scripted", 0)
    config = lab.source("scripted") | {
        "transforms": "keep,route",
        "transforms.keep.type": "io.debezium.transforms.Filter",
        "transforms.keep.language": "jsr223.groovy",
        "transforms.keep.condition": "value.op == 'c' && value.after.n >= 14",
        "transforms.keep.null.handling.mode": "drop",
        "transforms.route.type": "io.debezium.transforms.ContentBasedRouter",
        "transforms.route.language": "jsr223.graal.js",
        "transforms.route.topic.expression": "value.after.id % 2 === 0 ? `even-${value.source.table}` : null",
        "value.converter": JSON,
        "value.converter.schemas.enable": "false",
        "snapshot.mode": "no_data",
    }
    create(worker, "scripted", config)
    until_streaming(lab, config["slot.name"])
    lab.insert("scripted", 5)
    lab.change("scripted")
    assert [value["after"]["id"] for _, value, _ in taken(worker, "even-scripted", 2)] == [2, 4]
    assert [value["after"]["id"] for _, value, _ in taken(worker, lab.topic("scripted"), 2)][:2] == [3, 5]
    delete(worker, "scripted")


def test_an_expression_that_is_not_understood_is_refused_before_anything_runs(worker: Worker, lab: Lab) -> None:
    config = lab.source("never") | {
        "transforms": "keep",
        "transforms.keep.type": "io.debezium.transforms.Filter",
        "transforms.keep.language": "jsr223.groovy",
        "transforms.keep.condition": "value.op == 'c' && System.exit(1)",
    }
    answer = worker.http.post(worker.url + "/connectors", json={"name": "never", "config": config})
    assert answer.status_code == 400
    assert "unknown name 'System' (column 20)" in answer.json()["message"]
    assert "never" not in worker.request("GET", "/connectors")
