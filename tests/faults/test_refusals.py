"""What can be seen to be wrong before anything runs is refused: with the field, a code and what to do; others do not notice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.cli.main import main
from headrace.testing.servers import PostgresServer, RedisServer
from tests.faults.kit import Lab, Neighbour, create, delete, refused, worker_at
from tests.runtime.worker_support import Worker
from tests.support import wait_until

pytestmark = pytest.mark.usefixtures("neighbour")


@pytest.fixture(scope="module")
def orders(lab: Lab) -> str:
    lab.table("orders", 10)
    return "orders"


def assert_says(message: str, field: str, code: str, *remedy: str) -> None:
    """The text names the setting, the stable code, and every part of the remedy."""
    for part in (field, f"[{code}]", *remedy):
        assert part in message, message


# ---- the source's server ------------------------------------------------------------------------


def test_wrong_password(worker: Worker, lab: Lab, orders: str) -> None:
    message = refused(worker, lab.source(orders, database__password="not it"))
    assert_says(message, "database.password", "PG_AUTH_FAILED", "Set the right user and password")
    assert "not it" not in message


def test_wrong_user(worker: Worker, lab: Lab, orders: str) -> None:
    message = refused(worker, lab.source(orders, database__user="nobody_here"))
    assert_says(message, "database.", "PG_AUTH_FAILED", "user")


def test_no_such_host(worker: Worker, lab: Lab, orders: str) -> None:
    message = refused(worker, lab.source(orders, database__hostname="no-such-host.invalid"))
    assert_says(message, "database.hostname", "PG_HOST_UNKNOWN", "Set a host name that can be resolved")


def test_nobody_listens(worker: Worker, lab: Lab, orders: str) -> None:
    message = refused(worker, lab.source(orders, database__port="1"))
    assert_says(message, "database.", "PG_CONNECT_REFUSED", "Start the server, or set the right host and port")


def test_no_such_database(worker: Worker, lab: Lab, orders: str) -> None:
    message = refused(worker, lab.source(orders, database__dbname="no_such_database"))
    assert_says(message, "database.dbname", "PG_DATABASE_UNKNOWN", "Set the name of an existing database")


def test_no_replication_right(worker: Worker, lab: Lab, orders: str) -> None:
    role = f"{lab.prefix}_plain"
    lab.server.create_role(role, "secret", "LOGIN")
    try:
        lab.src.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        lab.src.execute(f"GRANT CREATE ON DATABASE {lab.source_db} TO {role}")
        lab.src.execute(f"ALTER TABLE orders OWNER TO {role}")
        config = lab.source(orders, database__user=role, database__password="secret")
        message = refused(worker, config)
        assert_says(message, "database.user", "PG_NO_REPLICATION_ROLE", "ALTER ROLE", role, "REPLICATION")
        lab.src.execute(f"ALTER ROLE {role} REPLICATION")
        create(worker, "repaired", config)
        create(worker, "repairedx", lab.sink(orders, "orders_by_role"))
        lab.until_equal(orders, "orders_by_role")
        delete(worker, "repairedx", "repaired")
    finally:
        lab.src.execute("ALTER TABLE orders OWNER TO postgres")
        lab.src.execute(f"DROP PUBLICATION IF EXISTS {lab.prefix}_orders")
        lab.src.execute(f"DROP OWNED BY {role}")
        wait_until(lambda: lab.server.drop_role(role) or True, 10, "the role can go")


@pytest.fixture(scope="module")
def replica_level() -> Iterator[PostgresServer]:
    """A server as it comes out of the box."""
    with PostgresServer(durable=False, options={"wal_level": "replica", "max_wal_senders": "4"}) as server:
        yield server


def test_wal_level_is_not_logical(tmp_path: Path, replica_level: PostgresServer) -> None:
    lab = Lab(replica_level)
    lab.table("orders", 10)
    worker = worker_at(tmp_path)
    try:
        worker.start()
        message = refused(worker, lab.source("orders"))
        assert_says(
            message, "database.hostname", "PG_WAL_LEVEL", "Set wal_level = logical on the server and restart it"
        )
        replica_level._options["wal_level"] = "logical"
        replica_level.restart()
        lab.src, lab.dst = replica_level.connect(lab.source_db), replica_level.connect(lab.target_db)
        create(worker, "source", lab.source("orders"))
        create(worker, "sink", lab.sink("orders"))
        lab.insert("orders", 5)
        lab.until_equal("orders")
    finally:
        worker.close()
        lab.close()


def test_slot_of_another_kind(worker: Worker, lab: Lab, orders: str) -> None:
    lab.src.execute("SELECT pg_create_logical_replication_slot('foreign_slot', 'test_decoding', true)")
    message = refused(worker, lab.source(orders, slot__name="foreign_slot"))
    assert_says(message, "slot.name", "PG_SLOT_FOREIGN", "Choose another slot.name, or drop that slot")


def test_publication_is_missing(worker: Worker, lab: Lab, orders: str) -> None:
    message = refused(worker, lab.source(orders, publication__autocreate__mode="disabled"))
    assert_says(message, "publication.name", "PG_PUBLICATION_MISSING", "Create the publication")


# ---- the configuration --------------------------------------------------------------------------


def test_wrong_type_of_value(worker: Worker, lab: Lab, orders: str) -> None:
    message = refused(worker, lab.source(orders, database__port="five", max__batch__size="1.5", tasks__max="many"))
    assert_says(message, "database.port", "CONNECTOR_CONFIG_INVALID", "five", "max.batch.size", "1.5", "tasks.max")
    assert message.count("Not a number of type INT") == 3, message
    answer = worker.http.post(worker.url + "/connectors", json={"name": "x", "config": {"topics": ["a"]}})
    assert answer.status_code == 500
    assert "topics" in answer.json()["message"]


def test_value_that_is_not_offered(worker: Worker, lab: Lab, orders: str) -> None:
    message = refused(worker, lab.source(orders, snapshot__mode="sometimes"))
    assert_says(message, "snapshot.mode", "CONNECTOR_CONFIG_INVALID", "sometimes", "initial")


def test_unknown_key(lab: Lab, orders: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Connect takes keys that nobody knows, for a plugin may read them; the check finds them and what was meant."""
    config = {**lab.source(orders), "name": "orders", "table.inclued.list": "public.x"}
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(config))
    assert main(["config", "check", str(file), "--strict", "--quiet"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "table.inclued.list" in printed
    assert "table.include.list" in printed


def test_two_connectors_of_one_name(worker: Worker, neighbour: Neighbour, lab: Lab, orders: str) -> None:
    name = neighbour.names[0]
    before = worker.request("GET", f"/connectors/{name}/config")
    body = {"name": name, "config": lab.source(orders)}
    message = worker.request("POST", "/connectors", body, 409)["message"]
    assert_says(message, name, "CONNECTOR_EXISTS", "PUT /connectors/")
    assert worker.request("GET", f"/connectors/{name}/config") == before


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"this is no JSON", "not JSON"),
        (b'{"name": "x", "config": {', "not JSON"),
        (b"", "no body"),
        (b'["x"]', "object"),
        (b'{"name": "x"}', "config is missing"),
        (b'{"name": "x", "config": {}, "colour": "red"}', "colour"),
        (b"\xff\xfe{}", "not JSON"),
    ],
)
def test_body_that_cannot_be_read(worker: Worker, body: bytes, says: str) -> None:
    answer = worker.http.post(worker.url + "/connectors", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 500
    assert says in answer.json()["message"]
    assert worker.request("GET", "/health")["status"] == "healthy"


def test_no_class(worker: Worker) -> None:
    assert_says(refused(worker, {"topics": "x"}), "connector.class", "CONFIG_MISSING")


def test_unknown_class_names_the_nearest(worker: Worker, lab: Lab, orders: str) -> None:
    config = {**lab.source(orders), "connector.class": "io.debezium.connector.postgresql.PostgresConector"}
    assert_says(refused(worker, config), "connector.class", "PLUGIN_NOT_FOUND", "PostgresConnector")


def test_plugin_that_does_not_import(worker: Worker, lab: Lab, orders: str) -> None:
    """One that lies in plugin.path: the log names file and reason, the others are there."""
    assert "a_library_that_nobody_installed" in worker.log()
    assert "broken_plugins" in worker.log()
    classes = [plugin["class"] for plugin in worker.request("GET", "/connector-plugins")]
    assert any(name.endswith("DummySource") for name in classes)
    message = refused(worker, {**lab.source(orders), "transforms": "t", "transforms.t.type": "broken_plugins.Nothing"})
    assert_says(message, "transforms.t.type", "PLUGIN_IMPORT_FAILED", "Install what the plugin needs")


def test_transform_that_is_set_wrongly(worker: Worker, lab: Lab, orders: str) -> None:
    config = lab.source(orders, transforms="r", transforms__r__type="org.apache.kafka.connect.transforms.RegexRouter")
    config |= {"transforms.r.regex": "(", "transforms.r.replacement": "x"}
    assert_says(refused(worker, config), "transforms.r.regex", "CONNECTOR_CONFIG_INVALID")


# ---- the targets --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"connection.password": "not it"}, "connection.password", "PG_AUTH_FAILED"),
        ({"connection.url": "jdbc:postgresql://no-such-host.invalid/x"}, "connection.url", "PG_HOST_UNKNOWN"),
        ({"connection.url": "postgres is nice"}, "connection.url", "CONNECTOR_CONFIG_INVALID"),
        ({"insert.mode": "perhaps"}, "insert.mode", "CONNECTOR_CONFIG_INVALID"),
        ({"primary.key.mode": "none"}, "primary.key.mode", "CONNECTOR_CONFIG_INVALID"),
        ({"topics.regex": "a.*"}, "topics.regex", "CONNECTOR_CONFIG_INVALID"),
    ],
    ids=["password", "host", "url", "mode", "key", "topics"],
)
def test_sink_settings(worker: Worker, lab: Lab, change: dict[str, str], field: str, code: str) -> None:
    message = refused(worker, {**lab.sink("orders"), **change})
    assert_says(message, field, code)
    assert "not it" not in message


def test_redis_settings(worker: Worker, lab: Lab, redis: RedisServer) -> None:
    message = refused(worker, lab.redis_sink(redis, "orders", "TAPE", "x"))
    assert_says(message, "redis.type", "CONNECTOR_CONFIG_INVALID", "hash")
    message = refused(worker, {**lab.redis_sink(redis, "orders", "HASH", "x"), "redis.uri": "http://x"})
    assert_says(message, "redis.uri", "CONNECTOR_CONFIG_INVALID")


def test_all_of_it_at_once(worker: Worker, neighbour: Neighbour, lab: Lab) -> None:
    """Many refusals later the neighbour is as it was."""
    checks: list[Callable[[], None]] = [neighbour.check]
    for check in checks:
        check()
    assert sorted(worker.request("GET", "/connectors")) == sorted(neighbour.names)
