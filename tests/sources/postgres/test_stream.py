"""Changes while streaming: keys, identities, schema changes, filters, masks, messages."""

from __future__ import annotations

import hashlib
from typing import Any

import psycopg
import pytest
from tests.sources.postgres.kit import Runner, ops, plain

from headrace.data.validation import validate_value

pytestmark = pytest.mark.usefixtures("implementation")


def streaming(props: dict[str, str], **more: str) -> Runner:
    run = Runner(
        {**props, "snapshot.mode": "no_data", **{key.replace("__", "."): value for key, value in more.items()}}
    )
    run.settle()
    return run


def test_create_update_delete(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text, n int NOT NULL)")
    with streaming(props) as run:
        sql.execute("INSERT INTO t VALUES (1, 'a', 5)")
        sql.execute("UPDATE t SET v = 'b'")
        sql.execute("DELETE FROM t")
        create, update, delete, tombstone = run.count(4)
    assert ops(run.records) == ["c", "u", "d", "-"]
    assert [f.name for f in create.value_schema.fields] == [
        "before",
        "after",
        "source",
        "transaction",
        "op",
        "ts_ms",
        "ts_us",
        "ts_ns",
    ]
    assert create.value_schema.version == 2
    assert create.value_schema.name == "srv.public.t.Envelope"
    assert create.key_schema.name == "srv.public.t.Key"
    for record in (create, update, delete):
        validate_value(record.value_schema, record.value)
        validate_value(record.key_schema, record.key)
    assert create.value["before"] is None
    assert update.value["before"] is None
    assert plain(update.value["after"]) == {"id": 1, "v": "b", "n": 5}
    assert plain(delete.value["before"]) == {"id": 1, "v": None, "n": 0}
    assert delete.value["after"] is None
    assert tombstone.value is None
    assert tombstone.key.values == [1]
    source = plain(create.value["source"])
    assert {
        **source,
        "schema": "public",
        "table": "t",
        "snapshot": "false",
        "connector": "postgresql",
        "name": "srv",
    } == source
    assert source["ts_us"] // 1000 == source["ts_ms"]
    assert source["ts_ns"] == source["ts_us"] * 1000
    assert update.value["source"]["sequence"] == f'["{create.source_offset["lsn"]}","{update.value["source"]["lsn"]}"]'
    names = [header.key for header in create.header_items]
    assert names == [f"__debezium.context.{n}" for n in ("connectorLogicalName", "taskId", "connectorName", "runId")]
    assert create.header_items is update.header_items


def test_change_of_key(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')")
    with streaming(props) as run:
        sql.execute("UPDATE t SET id = 2")
        gone, tombstone, born = run.count(3)
    assert ops(run.records) == ["d", "-", "c"]
    assert [r.key["id"] for r in run.records] == [1, 1, 2]
    for record in (gone, tombstone):
        assert record.headers.last_with_name("__debezium.newkey").value.values == [2]
    assert born.headers.last_with_name("__debezium.oldkey").value.values == [1]
    assert born.value["before"] is None
    assert plain(born.value["after"]) == {"id": 2, "v": "a"}


def test_replica_identities(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(
        "CREATE TABLE f (id int PRIMARY KEY, v text); ALTER TABLE f REPLICA IDENTITY FULL; INSERT INTO f VALUES (1, 'a')"
    )
    sql.execute(
        "CREATE TABLE nokey (x int, y text); ALTER TABLE nokey REPLICA IDENTITY FULL; INSERT INTO nokey VALUES (1, 'a')"
    )
    sql.execute("CREATE TABLE u (x int NOT NULL, y int NOT NULL, z int); CREATE UNIQUE INDEX u_yx ON u (y, x)")
    sql.execute("ALTER TABLE u REPLICA IDENTITY USING INDEX u_yx; INSERT INTO u VALUES (1, 2, 3)")
    sql.execute("CREATE TABLE n (id int PRIMARY KEY); ALTER TABLE n REPLICA IDENTITY NOTHING")
    with streaming(props) as run:
        sql.execute("UPDATE f SET v = 'b'; DELETE FROM f")
        sql.execute("UPDATE nokey SET y = 'b'; DELETE FROM nokey")
        sql.execute("UPDATE u SET z = 4; DELETE FROM u")
        sql.execute("INSERT INTO n VALUES (1)")
        run.count(10)
    by_topic = {t: [r for r in run.records if r.topic == f"srv.public.{t}"] for t in ("f", "nokey", "u", "n")}
    assert ops(by_topic["f"]) == ["u", "d", "-"]
    assert plain(by_topic["f"][0].value["before"]) == {"id": 1, "v": "a"}
    assert plain(by_topic["f"][1].value["before"]) == {"id": 1, "v": "b"}
    assert ops(by_topic["nokey"]) == ["u", "d", "-"]
    assert by_topic["nokey"][2].key is None
    assert by_topic["nokey"][0].key is None
    assert by_topic["nokey"][0].key_schema is None
    assert ops(by_topic["u"]) == ["u", "d", "-"]
    assert plain(by_topic["u"][0].key) == {"y": 2, "x": 1}
    assert list(plain(by_topic["u"][0].key)) == ["y", "x"]
    assert ops(by_topic["n"]) == ["c"]


def test_a_delete_whose_key_is_not_in_the_identity_is_refused(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute(
        "CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL UNIQUE); ALTER TABLE t REPLICA IDENTITY USING INDEX t_k_key"
    )
    sql.execute("INSERT INTO t VALUES (1, 10)")
    with streaming(props) as run:
        sql.execute("UPDATE t SET k = 11")
        assert ops(run.count(1)) == ["u"]
        sql.execute("DELETE FROM t")
        assert run.failure().code == "PG_KEY_NOT_IN_IDENTITY"


def test_schema_changes_in_flight(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, a text)")
    with streaming(props) as run:
        sql.execute("INSERT INTO t VALUES (1, 'x')")
        sql.execute("ALTER TABLE t ADD COLUMN n numeric(5,1) NOT NULL DEFAULT 2.5")
        sql.execute("INSERT INTO t VALUES (2, 'y', 7.5)")
        sql.execute("ALTER TABLE t DROP COLUMN a")
        sql.execute("INSERT INTO t VALUES (3, 9.5)")
        sql.execute("ALTER TABLE t ALTER COLUMN n TYPE numeric(8,3)")
        sql.execute("INSERT INTO t VALUES (4, 9.5)")
        sql.execute("ALTER TABLE t RENAME COLUMN n TO m; ALTER TABLE t ALTER COLUMN id TYPE bigint")
        sql.execute("INSERT INTO t VALUES (5, 1)")
        sql.execute("CREATE TABLE later (id int PRIMARY KEY)")
        sql.execute("INSERT INTO later VALUES (1)")
        run.count(6)
    rows = [{k: str(v) for k, v in r.value["after"].to_dict().items()} for r in run.records]
    assert rows[0] == {"id": "1", "a": "x"}
    assert rows[1] == {"id": "2", "a": "y", "n": "7.5"}
    assert rows[2] == {"id": "3", "n": "9.5"}
    assert rows[3] == {"id": "4", "n": "9.500"}
    assert rows[4] == {"id": "5", "m": "1.000"}
    assert run.records[4].key_schema.field("id").schema.type.value == "int64"
    assert run.records[5].topic == "srv.public.later"


def test_truncate_only_when_asked(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)")
    with streaming(props, skipped__operations="none") as run:
        sql.execute("TRUNCATE a, b")
        first, second = run.count(2)
        assert {first.topic, second.topic} == {"srv.public.a", "srv.public.b"}
        assert first.key is None
        assert first.value["op"] == "t"
        assert first.value["before"] is None
        assert first.value["after"] is None
        offset = first.source_offset
        assert {**offset, "messageType": "TRUNCATE", "lsn_events_processed": 1} == dict(offset)
    with streaming({**props, "slot.name": props["slot.name"] + "_b"}, skipped__operations="t,u") as run:
        sql.execute("TRUNCATE a, b")
        sql.execute("INSERT INTO a VALUES (1); UPDATE a SET id = 2; INSERT INTO b VALUES (3)")
        run.count(2)
        assert [(r.topic, r.key["id"]) for r in run.records] == [("srv.public.a", 1), ("srv.public.b", 3)]
        assert run.context.metrics.value("debezium_metrics_NumberOfEventsFiltered", context="streaming") == 3


def test_columns_left_out_masked_and_keys_chosen(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute('CREATE TABLE t (id int PRIMARY KEY, secret text, mail text, note text, "Odd Name" int)')
    more = {
        "column.exclude.list": r"public\.t\.(id|none)",
        "column.mask.with.4.chars": "public.t.secret",
        "column.mask.hash.SHA-256.with.salt.abc": "public.t.mail",
        "column.truncate.to.3.chars": "PUBLIC.T.NOTE",
        "message.key.columns": "public.t:note,id",
        "field.name.adjustment.mode": "avro",
        "tombstones.on.delete": "false",
        "extended.headers.enabled": "false",
    }
    with streaming(props, **more) as run:
        sql.execute("ALTER TABLE t REPLICA IDENTITY FULL")
        sql.execute("INSERT INTO t VALUES (1, 'geheim', 'a@b', 'abcdef', 7)")
        sql.execute("DELETE FROM t")
        create, delete = run.count(2)
    assert plain(create.value["after"]) == {
        "secret": "****",
        "mail": _sha(b"abc\xac\xed\x00\x05t\x00\x03a@b"),
        "note": "abc",
        "Odd_Name": 7,
    }
    assert plain(create.key) == {"note": "abcdef", "id": 1}
    assert ops(run.records) == ["c", "d"]
    assert delete.key == create.key
    assert create.header_items == ()


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_tables_are_chosen_by_lists(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute(
        "CREATE SCHEMA s; CREATE TABLE s.a (id int PRIMARY KEY); CREATE TABLE s.b (id int PRIMARY KEY); CREATE TABLE a (id int PRIMARY KEY)"
    )
    with streaming(
        props, schema__include__list="s", table__exclude__list=r"s\.b,x\,y", publication__autocreate__mode="filtered"
    ) as run:
        for table in ("s.a", "s.b", "a"):
            sql.execute(f"INSERT INTO {table} VALUES (1)")  # type: ignore[arg-type]
        sql.execute("INSERT INTO s.a VALUES (2)")
        run.count(2)
    assert [(r.topic, r.key["id"]) for r in run.records] == [("srv.s.a", 1), ("srv.s.a", 2)]
    assert sql.execute("SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = 'pub'").fetchall() == [
        ("s", "a")
    ]


def test_updates_without_change_are_left_out_when_asked(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY, v text, w text); INSERT INTO t VALUES (1, 'a', 'b')")
    more = {
        "skip.messages.without.change": "true",
        "column.exclude.list": "public.t.w",
        "replica.identity.autoset.values": "public.t:FULL",
    }
    with streaming(props, **more) as run:
        sql.execute("UPDATE t SET w = 'c'; UPDATE t SET v = 'b'")
        [update] = run.count(1)
    assert plain(update.value["before"]) == {"id": 1, "v": "a"}
    assert run.task.numbers.stream.unchanged == 1


def test_logical_messages(props: dict[str, str], sql: psycopg.Connection[Any]) -> None:
    if sql.info.server_version < 140000:
        pytest.skip("pgoutput sends logical messages from PostgreSQL 14 on")
    with streaming(props, message__prefix__include__list="pf.") as run:
        sql.execute("SELECT pg_logical_emit_message(true, 'other', 'x')")
        sql.execute("SELECT pg_logical_emit_message(true, 'pfx', 'hello')")
        sql.execute("SELECT pg_logical_emit_message(false, 'pfx', 'at once')")
        tied, free = run.count(2)
        stored = run.offsets.stored
    assert tied.topic == "srv.message"
    assert plain(tied.key) == {"prefix": "pfx"}
    assert tied.value["message"].values == ["pfx", b"hello"]
    assert tied.value["source"]["txId"] is not None
    assert free.value["source"]["txId"] is None
    assert tied.header_items == ()
    sql.execute("SELECT pg_logical_emit_message(false, 'pfx', 'third')")
    with Runner({**props, "message.prefix.include.list": "pf."}, stored) as run:
        run.count(1)
        run.poll()
        assert [r.value["message"]["content"] for r in run.records] == [b"third"]


@pytest.mark.parametrize("limit", ["1", "3"])
def test_the_records_of_a_change_stay_in_one_batch(
    limit: str, props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 5)")
    with streaming(props, max__batch__size=limit) as run:
        sql.execute("UPDATE t SET id = id + 100")
        sizes = []
        while len(run.records) < 15:
            sizes.append(len(run.poll()))
    assert all(size % 3 == 0 for size in sizes)
