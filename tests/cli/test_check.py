"""`config check`: every key gets the right verdict, from the pure part to the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.check import Verdict, judge, worst
from headrace.cli.explain import connector_key
from headrace.rest.settings import check_settings
from tests.cli.conftest import Run
from tests.rest.fake_herder import SOURCE


def entry(name: str, default: str | None = None, *errors: str) -> dict[str, Any]:
    return {"definition": {"name": name, "default_value": default}, "value": {"name": name, "errors": list(errors)}}


ENTRIES = [
    entry("connector.class"),
    entry("tasks.max", "1"),
    entry("file", None, "must be given"),
    entry("mode", "a", "no such mode"),
]


def explain(**config: str) -> Any:
    return connector_key(
        {key.replace("_", "."): value for key, value in config.items()},
        other_direction=["topics"],
        worker_keys=["plugin.path"],
        lookup=lambda prefix, name: ["schemas.enable"] if name == "Json" else None,
        has_clients=False,
    )


def test_verdicts() -> None:
    config = {"connector.class": "X", "task.max": "2", "mode": "z", "zzzzzz": "1", "topics": "t"}
    findings = {item.key: item for item in judge(config, ENTRIES, explain())}
    assert {key: item.verdict.value for key, item in findings.items()} == {
        "connector.class": "used", "task.max": "unknown", "zzzzzz": "unknown", "mode": "refused", "file": "refused",
        "topics": "ignored", "tasks.max": "defaulted",
    }  # fmt: skip
    assert findings["task.max"].reason == "did you mean tasks.max?"
    assert findings["zzzzzz"].reason is None
    assert findings["mode"].reason == "no such mode"
    assert (findings["tasks.max"].value, findings["file"].value) == ("1", None)


@pytest.mark.parametrize(
    ("key", "config", "verdict"),
    [
        ("producer.override.acks", {}, "ignored"),
        ("key.converter.schemas.enable", {}, "ignored"),
        ("key.converter.schemas.enable", {"key_converter": "Json"}, "used"),
        ("key.converter.schema.enable", {"key_converter": "Json"}, "unknown"),
        ("key.converter.anything", {"key_converter": "Other"}, "used"),
        ("transforms.a.type", {"transforms": "b"}, "ignored"),
        ("predicates.a.type", {}, "ignored"),
        ("topic.creation.default.cleanup.policy", {}, "used"),
        ("topic.creation.big.partitions", {}, "ignored"),
        ("topic.creation.big.cleanup.policy", {"topic_creation_groups": "big"}, "used"),
        ("plugin.path", {}, "ignored"),
    ],
)
def test_keys_without_definition(key: str, config: dict[str, str], verdict: str) -> None:
    answer = explain(**config)(key)
    assert answer is not None
    assert answer[0].value == verdict


def test_nothing_is_known_of_other_keys() -> None:
    assert explain(transforms="a")("transforms.a.fields") is None
    assert explain()("snapshot.mdoe") is None


def test_worst() -> None:
    assert worst(judge({"connector.class": "X"}, ENTRIES[:2], explain())) is None
    assert worst(judge({"x": "X"}, ENTRIES[:2], explain())) is Verdict.UNKNOWN


def write(path: Path, content: dict[str, Any]) -> str:
    path.write_text("".join(f"{key}={value}\n" for key, value in content.items()))
    return str(path)


def test_worker_file(run: Run, tmp_path: Path) -> None:
    good: dict[str, Any] = {
        "key.converter": "org.apache.kafka.connect.json.JsonConverter",
        "key.converter.schemas.enable": "false",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "headrace.data.dir": str(tmp_path),
    }
    fine = run("config", "check", "--strict", write(tmp_path / "w.properties", good))
    assert (fine.code, fine.err) == (0, "")
    warned = write(
        tmp_path / "x.properties", {**good, "ofset.flush.interval.ms": "1", "group.id": "g", "producer.acks": "1"}
    )
    assert run("config", "check", warned).code == 0
    strict = run("config", "check", "--strict", "--json", warned)
    assert strict.code == 1
    verdicts = {item["key"]: (item["verdict"], item["reason"]) for item in json.loads(strict.out)}
    assert verdicts["ofset.flush.interval.ms"] == ("unknown", "did you mean offset.flush.interval.ms?")
    assert verdicts["group.id"][0] == verdicts["producer.acks"][0] == "ignored"
    assert verdicts["key.converter.schemas.enable"][0] == "used"
    assert verdicts["offset.flush.interval.ms"][0] == "defaulted"
    bad = {**good, "offset.flush.interval.ms": "often", "listeners": "ftp://:1", "value.converter": "Nothing"}
    refused = run("config", "check", "--quiet", "--json", write(tmp_path / "y.properties", bad))
    assert refused.code == 2
    assert {item["key"] for item in json.loads(refused.out)} == {
        "offset.flush.interval.ms",
        "listeners",
        "value.converter",
    }


def test_keys_of_the_worker_that_are_no_single_name(run: Run, tmp_path: Path) -> None:
    file = write(
        tmp_path / "w.properties",
        {
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "headrace.data.dir": str(tmp_path),
            "config.providers": "env",
            "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
            "config.providers.env.param.allowlist.pattern": "A.*",
            "config.providers.fiel.class": "X",
            "headrace.log.level.headrace.rest": "DEBUG",
            "log.embedded.max.bytes": "0",
            "log.embedded.path": "/x",
            "log.embedded.max.byte": "0",
        },
    )
    found = {
        item["key"]: (item["verdict"], item["reason"])
        for item in json.loads(run("config", "check", "--json", file).out)
    }
    for key in ("class", "param.allowlist.pattern"):
        assert found[f"config.providers.env.{key}"][0] == "used"
    assert found["config.providers.fiel.class"] == ("ignored", "fiel is not listed in config.providers")
    assert found["headrace.log.level.headrace.rest"][0] == found["log.embedded.max.bytes"][0] == "used"
    assert found["log.embedded.path"][0] == "ignored"
    assert found["log.embedded.max.byte"] == ("unknown", "did you mean log.embedded.max.bytes?")


def test_unknown_class_offline(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(
        json.dumps({"name": "c", "config": {"connector.class": "org.example.Nothing", "tasks.max": "1", "x": "y"}})
    )
    outcome = run("config", "check", str(path), "--json")
    assert outcome.code == 2
    verdicts = {item["key"]: item["verdict"] for item in json.loads(outcome.out)}
    assert verdicts == {"connector.class": "refused", "x": "unknown", "name": "used", "tasks.max": "used"}


def test_sink_offline(run: Run, tmp_path: Path) -> None:
    config = {
        "connector.class": "headrace.RedisSink", "topics": "t", "task.max": "1", "exactly.once.support": "required",
        "key.converter": "org.apache.kafka.connect.json.JsonConverter", "key.converter.schema.enable": "false",
        "transforms": "r", "transforms.r.type": "org.apache.kafka.connect.transforms.RegexRouter", "transforms.r.regex": "(",
    }  # fmt: skip
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"name": "c", "config": config}))
    findings = {item["key"]: item for item in json.loads(run("config", "check", str(path), "--json").out)}
    assert findings["topics"]["verdict"] == "used"
    assert findings["task.max"]["reason"] == "did you mean tasks.max?"
    assert findings["exactly.once.support"]["verdict"] == "ignored"
    assert findings["key.converter.schema.enable"]["reason"] == "did you mean key.converter.schemas.enable?"
    assert findings["transforms.r.replacement"]["verdict"] == "refused"


def verdicts_of(run: Run, tmp_path: Path, config: dict[str, str]) -> dict[str, tuple[str, str]]:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"name": "c", "config": config}))
    found = json.loads(run("config", "check", str(path), "--json").out)
    return {item["key"]: (item["verdict"], item["reason"]) for item in found}


def test_keys_of_the_postgres_source_that_are_no_single_name(run: Run, tmp_path: Path) -> None:
    found = verdicts_of(
        run,
        tmp_path,
        {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "topic.prefix": "p",
            "database.hostname": "127.0.0.1", "database.port": "1", "database.user": "u", "database.dbname": "d",
            "driver.socketTimeout": "1", "drivr.socketTimeout": "1", "internal.log.position.check.enable": "true",
            "column.mask.hash.SHA-256.with.salt.x": "a.b.c", "column.mask.hash.v2.SHA-256.with.salt.x": "a.b.c",
            "column.truncate.to.5.chars": "a.b.c", "column.truncate.to.few.chars": "a.b.c",
            "snapshot.select.statement.overrides": "public.a", "snapshot.select.statement.overrides.public.a": "SELECT 1",
            "snapshot.select.statement.overrides.public.b": "SELECT 1", "converters": "isbn", "isbn.type": "X", "other.type": "X",
            "offsets.storage.topic": "o",
        },
    )  # fmt: skip
    verdicts = {key: verdict for key, (verdict, _) in found.items()}
    for key, verdict in {
        "driver.socketTimeout": "ignored", "drivr.socketTimeout": "unknown", "internal.log.position.check.enable": "ignored",
        "column.mask.hash.SHA-256.with.salt.x": "used", "column.mask.hash.v2.SHA-256.with.salt.x": "used",
        "column.truncate.to.5.chars": "used", "column.truncate.to.few.chars": "unknown",
        "snapshot.select.statement.overrides.public.a": "used", "snapshot.select.statement.overrides.public.b": "ignored",
        "converters": "refused", "isbn.type": "ignored", "other.type": "unknown", "offsets.storage.topic": "ignored",
    }.items():  # fmt: skip
        assert verdicts[key] == verdict, key
    assert "JDBC driver" in found["driver.socketTimeout"][1]
    assert found["snapshot.select.statement.overrides.public.b"][1].startswith("public.b is not listed")
    assert "committed with the records" in found["offsets.storage.topic"][1]


def test_keys_of_the_sinks_that_do_nothing(run: Run, tmp_path: Path) -> None:
    jdbc = {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "topics": "t",
        "connection.url": "jdbc:postgresql://127.0.0.1:1/d", "connection.username": "u", "connection.password": "p",
        "hibernate.show_sql": "true", "hibernate.dialect": "PostgreSQLDialect", "connection.pool.min_size": "3",
        "hibernat.x": "1", "dialect.mysql.x": "1",
    }  # fmt: skip
    found = {key: verdict for key, (verdict, _) in verdicts_of(run, tmp_path, jdbc).items()}
    assert found["hibernate.dialect"] == "used"
    for key in ("hibernate.show_sql", "connection.pool.min_size", "dialect.mysql.x"):
        assert found[key] == "ignored"
    assert found["hibernat.x"] == "unknown"
    redis = {"connector.class": "headrace.RedisSink", "topics": "t", "redis.pool": "4", "redis.multiexec": "true"}
    found = {key: verdict for key, (verdict, _) in verdicts_of(run, tmp_path, redis).items()}
    assert found["redis.pool"] == found["redis.multiexec"] == "ignored"


def test_a_reference_without_its_provider_is_told(run: Run, tmp_path: Path) -> None:
    config = {"connector.class": "headrace.RedisSink", "topics": "t", "redis.host": "${env:REDIS_HOST}"}
    assert verdicts_of(run, tmp_path, config)["redis.host"][1].startswith(
        "taken literally, for there is no config provider env"
    )
    worker = write(
        tmp_path / "w.properties",
        {
            "config.providers": "env",
            "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        },
    )
    found = json.loads(run("config", "check", str(tmp_path / "c.json"), "--worker", worker, "--json").out)
    assert not any("literally" in (item["reason"] or "") for item in found)


def test_by_a_cluster(run: Run, worker: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(
        json.dumps({"name": "c", "config": {"connector.class": SOURCE, "file": "x", "producer.override.acks": "1"}})
    )
    outcome = run("config", "check", str(path), "--url", worker, "--json")
    verdicts = {item["key"]: item["verdict"] for item in json.loads(outcome.out)}
    assert verdicts["file"] == verdicts["producer.override.acks"] == "used"
    assert run("config", "check", str(path), "--url", "http://127.0.0.1:1").code == 3


def test_rest_settings_are_checked_together() -> None:
    fields = [
        error.field
        for error in check_settings(
            {"listeners": "https://:1", "rest.extension.classes": "X", "response.http.headers.config": "y"}
        )
    ]
    assert fields == ["rest.extension.classes", "response.http.headers.config", "ssl.keystore.location"]
    assert check_settings({}) == []


def test_settings_of_kafkas_clients_count_where_the_log_is_on_kafka(run: Run, tmp_path: Path) -> None:
    json_converter = "org.apache.kafka.connect.json.JsonConverter"
    worker = {"key.converter": json_converter, "value.converter": json_converter, "headrace.data.dir": str(tmp_path)}
    worker |= {"bootstrap.servers": "b:1", "producer.acks": "1", "request.timeout.ms": "9000"}
    fine = run("config", "check", "--strict", "--json", write(tmp_path / "w.properties", worker))
    assert fine.code == 0, fine.out
    verdicts = {item["key"]: item["verdict"] for item in json.loads(fine.out)}
    assert verdicts["producer.acks"] == verdicts["request.timeout.ms"] == "used"
    refused = run("config", "check", write(tmp_path / "x.properties", {**worker, "producer.aks": "1"}))
    assert (refused.code, "producer.aks" in refused.out) == (2, True)
    source = {"connector.class": "FileStreamSource", "file": "x", "topic": "t", "name": "c"}
    for override, value, verdict in (
        ("producer.override.linger.ms", "5", "used"),
        ("producer.override.linger.ms", "soon", "refused"),
        ("producer.override.lingerms", "5", "refused"),
        ("consumer.override.interceptor.classes", "x.Y", "refused"),
    ):
        given = write(tmp_path / "c.properties", {**source, override: value})
        checked = run("config", "check", "--json", "--worker", str(tmp_path / "w.properties"), given)
        found = {item["key"]: item["verdict"] for item in json.loads(checked.out)}
        assert found[override] == verdict, checked.out
