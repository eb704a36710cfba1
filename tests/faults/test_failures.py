"""What goes wrong while a pipeline runs: the status says what and where, repair brings everything, others do not notice."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import redis as redis_py

from headrace.log.spi import EncodedBatch
from headrace.systems.postgres import PgTarget, ReplicationConnection
from headrace.testing.servers import RedisServer
from tests.faults.kit import (
    Lab,
    Neighbour,
    create,
    delete,
    failed_task,
    put_raw,
    read_all,
    replace,
    rows_of,
)
from tests.runtime.worker_support import Worker
from tests.support import wait_until

pytestmark = pytest.mark.usefixtures("neighbour")

BY_HAND = {"headrace.restart.policy": "none"}
DEAD = {
    "errors.tolerance": "all",
    "errors.deadletterqueue.topic.replication.factor": "1",
    "errors.deadletterqueue.context.headers.enable": "true",
}
POISON = b'{"schema": {"type": "struct"'


# ---- tasks that misbehave -----------------------------------------------------------------------


def test_tasks_that_raise_crash_hang_and_leak(worker: Worker, neighbour: Neighbour, tmp_path: Path) -> None:
    """Each does so once, is started again by the policy, and its records are all there, once and in order."""
    expected = {
        "raise": "UNEXPECTED",
        "raise-retriable": None,  # polled again in the same process
        "crash": "TASK_CRASHED",
        "hang": "TASK_HUNG",
        "hold-gil": "TASK_HUNG",
        "leak": "TASK_MEMORY_LIMIT",
    }
    for behave in expected:
        config = {
            "behave": behave,
            "behave.once.file": str(tmp_path / behave),
            "topic": f"from-{behave}",
            "value.converter": "TextConverter",
            "headrace.task.memory.limit.bytes": str(150 << 20),
        }
        if behave == "leak":
            del config["behave.once.file"]  # it takes many polls
        create(worker, behave, {"connector.class": "DummySource", **config})
    for behave, code in expected.items():
        if code is not None:
            line = f'headrace_failures_total{{connector="{behave}",task="0",code="{code}"}}'
            wait_until(lambda line=line: worker.metric(line), 30, line)  # type: ignore[misc]
    replace(worker, "leak", {**worker.request("GET", "/connectors/leak/config"), "behave": "well"})
    neighbour.check()
    for behave in expected:
        worker.until_states(behave, "RUNNING", "RUNNING", timeout_s=20)
        reached = worker.offset(behave)
        worker.until(lambda behave=behave, reached=reached: worker.offset(behave) > reached + 5)  # type: ignore[misc]
        delete(worker, behave)
        batch = read_all(worker, f"from-{behave}")
        assert batch is not None
        assert [int(value or b"0") for value in batch.values] == list(range(1, len(batch) + 1)), behave


def test_task_fails_and_is_restarted_by_hand(worker: Worker, lab: Lab) -> None:
    """Without a policy it stays failed, with its trace, until somebody acts."""
    lab.table("byhand", 10)
    create(worker, "byhand", {**lab.source("byhand"), **BY_HAND})
    create(worker, "byhandx", lab.insert_sink("byhand", "byhand_copy"))
    lab.until_equal("byhand", "byhand_copy")
    os.kill(worker.task_pid("byhand"), signal.SIGKILL)
    trace = failed_task(worker, "byhand", "TASK_CRASHED")
    assert "SIGKILL" in trace
    assert "Remedy" in trace
    lab.insert("byhand", 10)
    worker.request("POST", "/connectors/byhand/restart?includeTasks=true&onlyFailed=true", status=202)
    lab.until_equal("byhand", "byhand_copy")
    delete(worker, "byhandx", "byhand")


# ---- source -------------------------------------------------------------------------------------


def test_slot_in_use(worker: Worker, lab: Lab) -> None:
    """Somebody else reads the slot while the connector rests: refused, or failed; free again, everything comes."""
    lab.table("slotted", 10)
    config = {**lab.source("slotted"), **BY_HAND}
    create(worker, "slotted", config)
    create(worker, "slottedx", lab.insert_sink("slotted", "slotted_copy"))
    lab.until_equal("slotted", "slotted_copy")
    worker.request("PUT", "/connectors/slotted/stop", status=204)
    lab.insert("slotted", 10)
    server = lab.server
    target = PgTarget(server.host, server.port, lab.source_db, server.user, server.password, application_name="thief")
    thief = ReplicationConnection(target)
    slot = config["slot.name"]
    options = {"proto_version": "1", "publication_names": f'"{slot}"'}
    wait_until(lambda: thief.start_replication(slot, 0, options) or True, 10, "the slot is free")
    try:
        answer = worker.http.post(worker.url + "/connectors", json={"name": "second", "config": config})
        assert answer.status_code == 400
        for part in ("slot.name", "[PG_SLOT_IN_USE]", "slot of its own", slot):
            assert part in answer.json()["message"]
        worker.request("PUT", "/connectors/slotted/resume", status=202)
        trace = failed_task(worker, "slotted", "PG_SLOT_IN_USE")
        assert slot in trace
        assert "Remedy: Stop the other reader" in trace
    finally:
        thief.close()
    worker.request("POST", "/connectors/slotted/restart?includeTasks=true", status=202)
    lab.until_equal("slotted", "slotted_copy")
    delete(worker, "slottedx", "slotted")


def test_slot_is_dropped_behind_our_back(worker: Worker, lab: Lab) -> None:
    """A gap is never silent; after a new snapshot source and target are equal."""
    lab.table("gone", 10)
    config = {**lab.source("gone"), **BY_HAND}
    create(worker, "gone", config)
    create(worker, "gonex", lab.sink("gone"))
    lab.until_equal("gone")
    worker.request("PUT", "/connectors/gone/stop", status=204)
    wait_until(
        lambda: lab.src.execute("SELECT pg_drop_replication_slot(%s)", [config["slot.name"]]), 10, "the slot is free"
    )
    lab.insert("gone", 10)
    worker.request("PUT", "/connectors/gone/resume", status=202)
    trace = failed_task(worker, "gone", "PG_SLOT_MISSING")
    assert "Changes may be lost" in trace
    assert "when_needed" in trace
    replace(worker, "gone", {**config, "snapshot.mode": "when_needed"})
    lab.until_equal("gone")
    delete(worker, "gonex", "gone")


def test_table_without_key(worker: Worker, lab: Lab) -> None:
    """Its records have no key: a sink that needs one says so and goes on once it is told where to find it."""
    lab.table("keyless", 12, key=False)
    create(worker, "keyless", lab.source("keyless"))
    config = {**lab.sink("keyless"), **BY_HAND}
    create(worker, "keylessx", config)
    trace = failed_task(worker, "keylessx", "SINK_KEY_MISSING", "TOLERANCE_EXCEEDED")
    for part in (lab.topic("keyless"), "key", "Remedy", "primary.key.mode"):
        assert part in trace, trace
    repaired = {"primary.key.mode": "record_value", "primary.key.fields": "id", "delete.enabled": "false"}
    replace(worker, "keylessx", {**config, **repaired})
    lab.until_equal("keyless")
    lab.insert("keyless", 5)
    lab.until_equal("keyless")
    delete(worker, "keylessx", "keyless")


# ---- records ------------------------------------------------------------------------------------


def test_record_that_cannot_be_converted(worker: Worker, lab: Lab) -> None:
    """errors.tolerance=none: failed, with topic and offset. all: it becomes a dead letter and the rest goes on."""
    lab.table("poisoned", 10)
    topic, letters = lab.topic("poisoned"), f"{lab.prefix}-letters"
    create(worker, "poisoned", lab.source("poisoned"))
    config = {**lab.insert_sink("poisoned", "poisoned_copy"), **BY_HAND}
    create(worker, "poisonedx", config)
    lab.until_equal("poisoned", "poisoned_copy")
    [offset] = put_raw(worker, topic, POISON)
    lab.insert("poisoned", 10)
    trace = failed_task(worker, "poisonedx", "TOLERANCE_EXCEEDED")
    for part in (
        f"topic {topic}",
        f"offset {offset}",
        "VALUE_CONVERTER",
        "JsonConverter",
        "Remedy",
        "errors.tolerance",
    ):
        assert part in trace, trace
    replace(worker, "poisonedx", {**config, **DEAD, "errors.deadletterqueue.topic.name": letters})
    lab.until_equal("poisoned", "poisoned_copy")
    [letter] = dead_letters(worker, letters)
    assert letter["value"] == POISON
    assert letter["__connect.errors.topic"] == topic.encode()
    assert letter["__connect.errors.offset"] == str(offset).encode()
    assert letter["__connect.errors.stage"] == b"VALUE_CONVERTER"
    assert letter["__connect.errors.connector.name"] == b"poisonedx"
    put_raw(worker, topic, POISON, b"nor is this")
    lab.insert("poisoned", 5)
    lab.until_equal("poisoned", "poisoned_copy")
    assert len(dead_letters(worker, letters)) == 3
    worker.until_states("poisonedx", "RUNNING", "RUNNING")
    delete(worker, "poisonedx", "poisoned")


def test_record_that_the_target_refuses(worker: Worker, lab: Lab) -> None:
    """One bad row in a transaction of many: the others are written, once."""
    lab.table("checked", 10)
    lab.dst.execute("CREATE TABLE checked_copy (id bigint, v text, n integer CHECK (n <> 77))")
    letters = f"{lab.prefix}-refused"
    config = {**lab.insert_sink("checked", "checked_copy"), **BY_HAND}
    create(worker, "checked", lab.source("checked"))
    create(worker, "checkedx", config)
    lab.until_equal("checked", "checked_copy")
    lab.insert("checked", 10)  # row 11 has n = 77
    trace = failed_task(worker, "checkedx", "SINK_RECORD_REFUSED", "TOLERANCE_EXCEEDED")
    for part in (lab.topic("checked"), "check constraint", "Remedy", "errors.tolerance", "10"):
        assert part in trace, trace
    replace(worker, "checkedx", {**config, **DEAD, "errors.deadletterqueue.topic.name": letters})
    others = [row for row in rows_of(lab.src, "checked") if row[2] != 77]
    wait_until(lambda: rows_of(lab.dst, "checked_copy") == others, 20, "all but the refused row are there")
    [letter] = dead_letters(worker, letters)
    assert json.loads(letter["value"] or b"null")["payload"]["after"]["n"] == 77
    delete(worker, "checkedx", "checked")


def test_redis_key_of_another_type(worker: Worker, lab: Lab, redis: RedisServer) -> None:
    """Another program's key is in the way of a stream: nothing is overwritten, and after its removal all is there."""
    lab.table("inway", 10)
    with redis_py.Redis(host=redis.host, port=redis.port) as client:
        client.set("inway", "mine")
        create(worker, "inway", lab.source("inway"))
        create(worker, "inwayx", {**lab.redis_sink(redis, "inway", "STREAM", "inway"), **BY_HAND})
        trace = failed_task(worker, "inwayx", "REDIS_WRONG_TYPE", "TOLERANCE_EXCEEDED")
        assert "REDIS_WRONG_TYPE" in trace
        assert "redis.keyspace" in trace
        assert client.get("inway") == b"mine"
        client.delete("inway")
    worker.request("POST", "/connectors/inwayx/restart?includeTasks=true", status=202)
    lab.until_in_redis(redis, "inway", "STREAM", "inway")
    delete(worker, "inwayx", "inway")


def dead_letters(worker: Worker, topic: str) -> list[dict[str, bytes | None]]:
    batch: EncodedBatch | None = read_all(worker, topic)
    if batch is None:
        return []
    return [{"value": value, **dict(headers)} for value, headers in zip(batch.values, batch.headers, strict=True)]


def test_password_changes_while_it_runs(worker: Worker, lab: Lab) -> None:
    """Source and sink are cut off and cannot log in again: both say which setting; with the new password all comes."""
    role = f"{lab.prefix}_rotated"
    lab.server.create_role(role, "first", "SUPERUSER LOGIN")
    try:
        lab.table("rotated", 10)
        source = {**lab.source("rotated", database__user=role, database__password="first"), **BY_HAND}
        sink = {**lab.insert_sink("rotated", "rotated_copy"), **BY_HAND}
        sink |= {"connection.username": role, "connection.password": "first"}
        create(worker, "rotated", source)
        create(worker, "rotatedx", sink)
        lab.until_equal("rotated", "rotated_copy")
        lab.src.execute(f"ALTER ROLE {role} PASSWORD 'second'")
        lab.src.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")
        lab.insert("rotated", 10)
        assert "database.password" in failed_task(worker, "rotated", "PG_AUTH_FAILED")
        replace(worker, "rotated", {**source, "database.password": "second"})
        assert "connection.password" in failed_task(worker, "rotatedx", "PG_AUTH_FAILED")
        replace(worker, "rotatedx", {**sink, "connection.password": "second"})
        lab.until_equal("rotated", "rotated_copy")
        delete(worker, "rotatedx", "rotated")
    finally:
        lab.src.execute(f"DROP PUBLICATION IF EXISTS {lab.prefix}_rotated")
        for connection in (lab.src, lab.dst):
            connection.execute(f"REASSIGN OWNED BY {role} TO postgres")
            connection.execute(f"DROP OWNED BY {role}")
        lab.server.drop_role(role)
