"""Java's client settings in the client library's words: taken, needed for nothing, or refused with what to use instead."""

from __future__ import annotations

from typing import Any

import confluent_kafka
import pytest

from headrace.errors import ConfigException
from headrace.log.kafka.defaults import consumer_settings, producer_settings
from headrace.log.kafka.java_settings import Kind, translate

PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p\\"; x";'
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required username='u' password=secret ;"
OAUTH = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="i" clientSecret="s";'
PEM = "-----BEGIN CERTIFICATE----- MIIB AAAA -----END CERTIFICATE-----"
SASL = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.jaas.config": PLAIN}
TLS = {"security.protocol": "SSL"}


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (Kind.PRODUCER, {"acks": "1", "linger.ms": "7"}, {"acks": "1", "linger.ms": "7"}),
        (Kind.PRODUCER, {"max.request.size": "9"}, {"message.max.bytes": "9"}),
        (Kind.PRODUCER, {"buffer.memory": "33554432"}, {"queue.buffering.max.kbytes": "32768"}),
        (Kind.PRODUCER, {"batch.size": "0"}, {"batch.size": "1"}),
        (Kind.PRODUCER, {"delivery.timeout.ms": "2147483647"}, {"delivery.timeout.ms": "2147483647"}),
        (
            Kind.PRODUCER,
            {"compression.type": "zstd", "compression.zstd.level": "9", "compression.gzip.level": "2"},
            {"compression.type": "zstd", "compression.level": "9"},
        ),
        (Kind.CONSUMER, {"fetch.max.wait.ms": "9", "isolation.level": "read_committed"}, {"fetch.wait.max.ms": "9"}),
        (
            Kind.CONSUMER,
            {"fetch.max.bytes": "200000000"},
            {"fetch.max.bytes": "200000000", "receive.message.max.bytes": "200001024"},
        ),
        (
            Kind.CONSUMER,
            {"partition.assignment.strategy": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"},
            {"partition.assignment.strategy": "cooperative-sticky"},
        ),
        (
            Kind.CONSUMER,
            {"partition.assignment.strategy": "x.RangeAssignor, x.CooperativeStickyAssignor"},
            {"partition.assignment.strategy": "range"},
        ),
        (Kind.CONSUMER, {"max.poll.records": "9", "group.id": "g", "auto.offset.reset": "latest"}, {}),
        (Kind.OTHER, {"send.buffer.bytes": "-1"}, {"socket.send.buffer.bytes": "0"}),
        (Kind.OTHER, {"metric.reporters": "x.Y", "metrics.num.samples": "3"}, {}),
        (Kind.PRODUCER, {"interceptor.classes": "io.confluent.monitoring.clients.interceptor.X"}, {}),
        (Kind.PRODUCER, {"key.serializer": "org.apache.kafka.common.serialization.ByteArraySerializer"}, {}),
        (
            Kind.OTHER,
            SASL,
            {"sasl.mechanisms": "PLAIN", "sasl.username": "u", "sasl.password": 'p"; x'},
        ),
        (
            Kind.OTHER,
            {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.jaas.config": SCRAM},
            {"sasl.mechanisms": "SCRAM-SHA-512", "sasl.username": "u", "sasl.password": "secret"},
        ),
        (
            Kind.OTHER,
            {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "OAUTHBEARER",
                "sasl.jaas.config": OAUTH,
                "sasl.oauthbearer.token.endpoint.url": "https://t",
                "sasl.login.callback.handler.class": "org.apache.kafka.x.OAuthBearerLoginCallbackHandler",
            },
            {
                "sasl.oauthbearer.method": "oidc",
                "sasl.oauthbearer.token.endpoint.url": "https://t",
                "sasl.oauthbearer.client.id": "i",
                "sasl.oauthbearer.client.secret": "s",
            },
        ),
        (
            Kind.OTHER,
            {**TLS, "ssl.truststore.type": "PEM", "ssl.truststore.location": "/ca", "ssl.protocol": "TLSv1.3"},
            {"ssl.ca.location": "/ca"},
        ),
        (
            Kind.OTHER,
            {**TLS, "ssl.truststore.certificates": PEM, "ssl.endpoint.identification.algorithm": ""},
            {
                "ssl.ca.pem": "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n",
                "ssl.endpoint.identification.algorithm": "none",
            },
        ),
        (
            Kind.OTHER,
            {**TLS, "ssl.keystore.type": "PKCS12", "ssl.keystore.location": "/k", "ssl.keystore.password": "p"},
            {"ssl.keystore.location": "/k", "ssl.keystore.password": "p"},
        ),
        (
            Kind.OTHER,
            {**TLS, "ssl.keystore.type": "PEM", "ssl.keystore.location": "/k", "ssl.key.password": "p"},
            {"ssl.key.location": "/k", "ssl.certificate.location": "/k", "ssl.key.password": "p"},
        ),
    ],
)
def test_what_is_taken(kind: Kind, given: dict[str, str], expected: dict[str, str]) -> None:
    found = translate(kind, given)
    assert {key: found.get(key) for key in expected} == expected
    if not any(key.startswith(("security", "isolation")) for key in given):
        assert found == expected


@pytest.mark.parametrize(
    ("kind", "given", "code", "field"),
    [
        (Kind.PRODUCER, {"lingerms": "1"}, "KAFKA_SETTING_UNKNOWN", "lingerms"),
        (Kind.CONSUMER, {"acks": "all"}, "KAFKA_SETTING_UNKNOWN", "acks"),
        (Kind.PRODUCER, {"partitioner.class": "x.Y"}, "KAFKA_SETTING_UNSUPPORTED", "partitioner.class"),
        (Kind.PRODUCER, {"interceptor.classes": "x.Y"}, "KAFKA_SETTING_UNSUPPORTED", "interceptor.classes"),
        (Kind.PRODUCER, {"key.serializer": "x.Y"}, "KAFKA_SETTING_UNSUPPORTED", "key.serializer"),
        (Kind.PRODUCER, {"batch.size": "x"}, "KAFKA_SETTING_INVALID", "batch.size"),
        (Kind.CONSUMER, {"enable.auto.commit": "true"}, "KAFKA_SETTING_UNSUPPORTED", "enable.auto.commit"),
        (
            Kind.CONSUMER,
            {"partition.assignment.strategy": "x.Mine"},
            "KAFKA_SETTING_UNSUPPORTED",
            "partition.assignment.strategy",
        ),
        (Kind.OTHER, {"security.protocol": "SASL_SSL"}, "KAFKA_SETTING_UNSUPPORTED", "sasl.mechanism"),
        (Kind.OTHER, {**SASL, "sasl.jaas.config": "nothing"}, "JAAS_INVALID", "sasl.jaas.config"),
        (Kind.OTHER, {**SASL, "sasl.jaas.config": " "}, "CONFIG_MISSING", "sasl.jaas.config"),
        (
            Kind.OTHER,
            {**SASL, "sasl.client.callback.handler.class": "x.Y"},
            "KAFKA_SETTING_UNSUPPORTED",
            "sasl.client.callback.handler.class",
        ),
        (Kind.OTHER, {**TLS, "ssl.truststore.location": "/x.jks"}, "KAFKA_SETTING_UNSUPPORTED", "ssl.truststore.type"),
        (Kind.OTHER, {**TLS, "ssl.keystore.location": "/x.jks"}, "KAFKA_SETTING_UNSUPPORTED", "ssl.keystore.type"),
        (Kind.OTHER, {**TLS, "ssl.cipher.suites": "X"}, "KAFKA_SETTING_UNSUPPORTED", "ssl.cipher.suites"),
        (
            Kind.OTHER,
            {"ssl.engine.factory.class": "x.Y"},
            "KAFKA_SETTING_UNSUPPORTED",
            "ssl.engine.factory.class",
        ),
    ],
)
def test_what_is_refused(kind: Kind, given: dict[str, str], code: str, field: str) -> None:
    with pytest.raises(ConfigException) as caught:
        translate(kind, given)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert caught.value.remedy or code == "JAAS_INVALID"
    assert "p\\" not in str(caught.value)


def test_keys_of_others_beside_are_passed_over() -> None:
    assert translate(Kind.OTHER, {"group.id": "g", "key.converter": "x"}, shared=frozenset({"key.converter"})) == {}


@pytest.mark.parametrize(
    "given",
    [
        {"acks": "1", "compression.type": "zstd", "compression.zstd.level": "3", "buffer.memory": "1048576"},
        {"delivery.timeout.ms": "2147483647", "max.request.size": "5000000", "enable.idempotence": "true"},
        SASL,
        {"retries": "2147483647", "reconnect.backoff.max.ms": "1000", "metadata.max.age.ms": "300000"},
    ],
)
def test_the_library_takes_the_producers(given: dict[str, str]) -> None:
    servers = {"bootstrap.servers": "127.0.0.1:1", **given}
    for transactional_id in (None, "t"):
        confluent_kafka.Producer(producer_settings(translate(Kind.PRODUCER, servers), "c", transactional_id))


@pytest.mark.parametrize(
    "given",
    [
        {"fetch.max.bytes": "200000000", "max.partition.fetch.bytes": "5000000", "fetch.max.wait.ms": "100"},
        {"isolation.level": "read_uncommitted", "heartbeat.interval.ms": "1000", "group.instance.id": "i"},
        {"partition.assignment.strategy": "a.RangeAssignor", "request.timeout.ms": "30000"},
    ],
)
def test_the_library_takes_the_consumers(given: dict[str, str]) -> None:
    servers: dict[str, Any] = {"bootstrap.servers": "127.0.0.1:1", **given}
    for fetch_max_bytes in (1, 200_000_000, 1 << 40):
        settings = consumer_settings(translate(Kind.CONSUMER, servers), "g", "c", 45_000, fetch_max_bytes)
        confluent_kafka.Consumer(settings).close()
