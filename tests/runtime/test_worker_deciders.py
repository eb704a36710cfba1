"""What decides without acting: restart policy, supervision, settings, offsets bodies, metrics text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ConfigException, RetryClass
from headrace.foundation.backoff import Backoff
from headrace.foundation.telemetry import Sample
from headrace.runtime.client_overrides import refused_overrides
from headrace.runtime.exactly_once import exactly_once_problems, transactional_id
from headrace.runtime.exposition import render
from headrace.runtime.hosting.supervision import Limits, Vitals, verdict
from headrace.runtime.restart_policy import RestartHistory, RestartPolicy
from headrace.runtime.standalone import offsets
from headrace.runtime.worker_config import parse_worker_config

WORKER = {"headrace.data.dir": "/tmp/x", "key.converter": "a.B", "value.converter": "a.B"}


def test_waits_grow_up_to_their_limit() -> None:
    policy = RestartPolicy.of({}, {})
    history = RestartHistory()
    waits = []
    for _ in range(12):
        waits.append(policy.decide(RetryClass.RETRY, history))
        history.restarted()
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 300
    assert policy.decide(RetryClass.OPERATOR, RestartHistory()) == 60
    assert policy.decide(RetryClass.OPERATOR, history) == 600
    assert policy.decide(RetryClass.NEVER, RestartHistory()) is None
    history.ran(299, policy)
    assert history.attempts == 12
    history.ran(300, policy)
    assert (history.attempts, history.total) == (0, 12)


def test_policy_of_the_connector_goes_before_the_workers() -> None:
    worker = {"headrace.restart.policy": "none", "headrace.restart.max.attempts": "2"}
    assert RestartPolicy.of(worker, {}).decide(RetryClass.RETRY, RestartHistory()) is None
    policy = RestartPolicy.of(worker, {"headrace.restart.policy": "on-failure"})
    assert policy.decide(RetryClass.RETRY, RestartHistory(attempts=1)) == 2
    assert policy.decide(RetryClass.RETRY, RestartHistory(attempts=2)) is None
    with pytest.raises(ConfigException, match=r"headrace\.restart\.policy"):
        RestartPolicy.of({}, {"headrace.restart.policy": "often"})


@given(st.integers(0, 10_000), st.floats(0.001, 100), st.floats(0.001, 1000))
def test_backoff_stays_within_its_bounds(attempt: int, initial: float, limit: float) -> None:
    assert 0 < Backoff(initial, limit).delay(attempt) <= limit


LIMITS = Limits(heartbeat_s=30, hang_s=300, start_s=120, memory_bytes=1000)


@pytest.mark.parametrize(
    ("now", "vitals", "code"),
    [
        (29, Vitals(0, 0), None),
        (31, Vitals(0, 0), "TASK_HUNG"),
        (119, Vitals(0, 119), None),
        (121, Vitals(0, 121), "TASK_HUNG"),
        (1000, Vitals(0, 1000, "poll", 299, True), None),
        (1000, Vitals(0, 1000, "poll", 301, True), "TASK_HUNG"),
        (1000, Vitals(0, 1000, "idle", 900, True), None),
        (1000, Vitals(0, 1000, "retry", 900, True), None),
        (1000, Vitals(0, 1000, "poll", 1, True, 1000), None),
        (1000, Vitals(0, 1000, "poll", 1, True, 1001), "TASK_MEMORY_LIMIT"),
    ],
)
def test_verdict(now: float, vitals: Vitals, code: str | None) -> None:
    failure = verdict(now, vitals, LIMITS)
    assert (failure.code if failure else None) == code


def test_limits_that_are_off() -> None:
    assert verdict(1e6, Vitals(0, 0, "poll", 1e6, False, 10**12), Limits(0, 0, 0, 0)) is None


def test_worker_config_of_connect_standalone() -> None:
    config = parse_worker_config(
        {**WORKER, "offset.storage.file.filename": "/tmp/connect.offsets", "producer.acks": "all"}
    )
    assert str(config.data_dir) == "/tmp/x"
    assert config.text["log.embedded.path"] == "/tmp/x/log"
    assert config.text["producer.acks"] == "all"
    plain = {key: value for key, value in WORKER.items() if key != "headrace.data.dir"}
    beside = parse_worker_config({**plain, "offset.storage.file.filename": "/tmp/connect.offsets"})
    assert str(beside.data_dir) == "/tmp/connect.offsets.headrace"
    with pytest.raises(ConfigException, match=r"headrace\.data\.dir"):
        parse_worker_config(plain)


def test_the_log_is_on_kafka_where_its_brokers_are_named_unless_embedded_is_chosen() -> None:
    servers = {**WORKER, "bootstrap.servers": "broker:9092"}
    kafka = parse_worker_config(servers)
    assert kafka.on_kafka
    embedded = parse_worker_config({**servers, "log.implementation": "embedded"})
    assert not embedded.on_kafka
    assert not parse_worker_config({**WORKER, "bootstrap.servers": " "}).on_kafka
    # Where a source has got to is said of the log that it wrote to.
    assert (kafka.text["log.embedded.path"], embedded.text["log.embedded.path"]) == ("/tmp/x/kafka", "/tmp/x/log")


@pytest.mark.parametrize(
    ("settings", "code", "field"),
    [
        ({"log.implementation": "kafka"}, "CONFIG_MISSING", "bootstrap.servers"),
        ({"bootstrap.servers": "b:1", "producer.lingerms": "5"}, "KAFKA_SETTING_UNKNOWN", "producer.lingerms"),
        ({"bootstrap.servers": "b:1", "consumer.interceptor.classes": "x.Y"}, "KAFKA_SETTING_UNSUPPORTED", None),
        (
            {"bootstrap.servers": "b:1", "admin.security.protocol": "SASL_SSL", "admin.sasl.mechanism": "PLAIN"},
            "CONFIG_MISSING",
            "admin.sasl.jaas.config",
        ),
        (
            {"bootstrap.servers": "b:1", "sasl.mechanism": "GSSAPI", "security.protocol": "SASL_PLAINTEXT"},
            "KAFKA_SETTING_UNSUPPORTED",
            "sasl.mechanism",
        ),
    ],
)
def test_settings_of_kafkas_clients_are_looked_at_before_the_start(
    settings: dict[str, str], code: str, field: str | None
) -> None:
    with pytest.raises(ConfigException) as caught:
        parse_worker_config({**WORKER, **settings})
    assert (caught.value.code, caught.value.field) == (code, field or "consumer.interceptor.classes")


def test_exactly_once_is_not_promised_by_a_standalone_worker_on_kafka() -> None:
    assert transactional_id({"log.implementation": "kafka"}, "c", 0) is None
    assert transactional_id({}, "c", 0) == "connect-c-0"
    found = exactly_once_problems(None, {}, "required", "poll", {"log.implementation": "kafka"})
    assert [key for key, _ in found] == ["exactly.once.support"]


def test_all_errors_of_a_worker_are_told_together() -> None:
    with pytest.raises(ConfigException) as caught:
        parse_worker_config(
            {"headrace.data.dir": "/tmp/x", "offset.flush.interval.ms": "x", "headrace.log.format": "xml"}
        )
    for name in ("offset.flush.interval.ms", "headrace.log.format", "key.converter", "value.converter"):
        assert name in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        [],
        [{"offset": {"kafka_offset": 1}}],
        [{"partition": {"kafka_topic": "t"}, "offset": None}],
        [{"partition": {"kafka_topic": None, "kafka_partition": 0}, "offset": None}],
        [{"partition": {"kafka_topic": "t", "kafka_partition": "x"}, "offset": None}],
        [{"partition": {"kafka_topic": "t", "kafka_partition": 0}, "offset": {"wrong": 1}}],
        [{"partition": {"kafka_topic": "t", "kafka_partition": 0}, "offset": {"kafka_offset": -1}}],
    ],
)
def test_bad_sink_offsets(body: list[dict[str, object]]) -> None:
    with pytest.raises(ConfigException):
        offsets.parse_sink(body)


def test_sink_offsets() -> None:
    body = [{"partition": {"kafka_topic": "t", "kafka_partition": "1", "extra": 0}, "offset": {"kafka_offset": "7"}}]
    assert offsets.parse_sink(body) == [("t", 1, 7)]
    assert offsets.parse_sink([{"partition": {"kafka_topic": "t", "kafka_partition": 1}, "offset": None}]) == [
        ("t", 1, None)
    ]


def test_override_policies() -> None:
    config = {"producer.override.acks": "1", "consumer.override.sasl.mechanism": "PLAIN", "topic": "x"}
    key = "connector.client.config.override.policy"
    assert refused_overrides({}, config) == []
    assert [name for name, _ in refused_overrides({key: "None"}, config)] == list(config)[:2]
    assert [name for name, _ in refused_overrides({key: "Principal"}, config)] == ["producer.override.acks"]
    allow = {key: "Allowlist", "connector.client.config.override.allowlist": "acks"}
    assert [name for name, _ in refused_overrides(allow, config)] == ["consumer.override.sasl.mechanism"]


def test_metrics_text() -> None:
    labels = (("connector", 'a"b\\c\nd'), ("task", "0"))
    text = render(
        [
            Sample("kafka_connect_source_task_metrics_source_record_poll_total", labels, 3, "counter"),
            Sample("kafka_connect_source_task_metrics_source_record_poll_total", (("connector", "z"),), 0.5, "counter"),
            Sample("x", (), float("nan")),
        ]
    )
    escaped = '{connector="a\\"b\\\\c\\nd",task="0"}'
    for name in ("kafka_connect_source_task_metrics_", "kafka_connect_source_task_"):
        assert f"{name}source_record_poll_total{escaped} 3\n" in text
        assert text.count(f"# TYPE {name}source_record_poll_total counter") == 1
    assert "x NaN\n" in text
