"""A real broker: coordinators, TLS and logins by the settings of Java's clients, a broker that is killed and comes again."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from tests.systems.postgres.authority import Authority

from headrace.errors import ConfigException, HeadraceError, RetriableException
from headrace.systems.kafka import messages
from headrace.systems.kafka.cluster import Cluster
from headrace.systems.kafka.connection import Connection
from headrace.systems.kafka.errors import ErrorCode
from headrace.systems.kafka.settings import client_settings
from headrace.testing.kafka_server import KafkaServer, missing

_MODULE = "org.apache.kafka.common.security.{}LoginModule required"
_SCRAM = ("scram-sha-256", "scram-sha-512")
# A coordinator that still reads answers a heartbeat with no error, so that nobody leaves a group for that alone.
LOADING = (
    ErrorCode.NONE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_COORDINATOR,
)
WORD = 'wo"rd,=é'


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def guarded(authority: Authority) -> Iterator[KafkaServer]:
    """A broker whose listeners want TLS (a client's certificate as well), a login, or both."""
    if reason := missing():
        pytest.skip(reason)
    pair = authority.signed("localhost", "DNS:localhost,IP:127.0.0.1")
    store = authority.folder / "broker.pem"
    store.write_text(pair.key.read_text() + pair.cert.read_text())
    settings = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.root),
        "listener.name.mutual.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "offsets.topic.num.partitions": "1",
    }
    for listener in ("sasl", "both"):
        plain = _MODULE.format("plain.Plain") + ' user_alice="word";'
        settings[f"listener.name.{listener}.plain.sasl.jaas.config"] = plain
        for mechanism in _SCRAM:
            settings[f"listener.name.{listener}.{mechanism}.sasl.jaas.config"] = _MODULE.format("scram.Scram") + ";"
    listeners = {"TLS": "SSL", "MUTUAL": "SSL", "SASL": "SASL_PLAINTEXT", "BOTH": "SASL_SSL"}
    with KafkaServer(settings=settings, listeners=listeners) as server:
        admin = AdminClient({"bootstrap.servers": server.bootstrap})
        kinds = (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
        for kind in kinds:
            made = UserScramCredentialUpsertion("b=o,b", ScramCredentialInfo(kind, 4096), WORD.encode())
            for done in admin.alter_user_scram_credentials([made]).values():
                done.result(30)
        yield server


async def knows_no_such_member(connection: Connection, group: str) -> None:
    """The coordinator answers so, once it has read what there is of the group."""
    body = {"group": group, "generation": 1, "member": "nobody", "instance": None}
    async with asyncio.timeout(30):
        while (
            number := (await connection.request(messages.HEARTBEAT, body, 10))["error"]
        ) != ErrorCode.UNKNOWN_MEMBER_ID:
            assert number in LOADING, number
            await asyncio.sleep(0.05)


def find(properties: dict[str, str], group: str, timeout_s: float = 20) -> Cluster:
    """Ask for the coordinator; the cluster as it is known then."""

    async def scenario() -> Cluster:
        cluster = Cluster(client_settings(properties))
        connection = await cluster.coordinator(group, timeout_s)
        await knows_no_such_member(connection, group)
        connection.close()
        return cluster

    return asyncio.run(scenario())


def login(mechanism: str, user: str, password: str) -> dict[str, str]:
    module = _MODULE.format("plain.Plain" if mechanism == "PLAIN" else "scram.Scram")
    quoted = password.replace("\\", "\\\\").replace('"', '\\"')
    return {
        "sasl.mechanism": mechanism,
        "sasl.jaas.config": f'{module} username="{user}" password="{quoted}";',
    }


def test_any_broker_tells_of_the_others_and_of_the_coordinator(kafka: KafkaServer, unique: str) -> None:
    cluster = find({"bootstrap.servers": f"127.0.0.1:1,{kafka.bootstrap}", "client.id": "ours"}, unique)
    assert [str(broker) for broker in cluster.known] == [kafka.bootstrap]


def test_what_is_no_broker_is_told_so(unique: str) -> None:
    with pytest.raises(RetriableException) as raised:
        find({"bootstrap.servers": "127.0.0.1:1"}, unique, 0.3)
    assert raised.value.code == "KAFKA_CONNECT_REFUSED"
    with pytest.raises(RetriableException) as raised:
        find({"bootstrap.servers": "nowhere.invalid:9092"}, unique, 0)
    assert raised.value.code == "KAFKA_HOST_UNKNOWN"


@pytest.mark.parametrize(
    ("listener", "protocol", "mechanism"),
    [
        ("TLS", "SSL", None),
        ("SASL", "SASL_PLAINTEXT", "PLAIN"),
        ("SASL", "SASL_PLAINTEXT", "SCRAM-SHA-256"),
        ("BOTH", "SASL_SSL", "SCRAM-SHA-512"),
    ],
)
def test_connections_are_secured_as_the_settings_say(
    guarded: KafkaServer, authority: Authority, listener: str, protocol: str, mechanism: str | None, unique: str
) -> None:
    properties = {"bootstrap.servers": guarded.address(listener), "security.protocol": protocol}
    if "SSL" in protocol:
        properties |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(authority.root)}
    if mechanism:
        properties |= login(mechanism, *(("alice", "word") if mechanism == "PLAIN" else ("b=o,b", WORD)))
    cluster = find(properties, unique)
    assert [str(broker) for broker in cluster.known] == [guarded.address(listener)]


def test_a_client_has_its_own_certificate(guarded: KafkaServer, authority: Authority, unique: str) -> None:
    pair = authority.signed("client")
    properties = {
        "bootstrap.servers": guarded.address("MUTUAL"),
        "security.protocol": "SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": authority.root.read_text(),
        "ssl.enabled.protocols": "TLSv1.2",
    }
    with pytest.raises(HeadraceError) as raised:
        find(properties, unique, 0)
    assert raised.value.code in ("KAFKA_TLS", "KAFKA_CONNECTION_LOST")
    locked = authority.folder / "locked.key"
    authority.run("pkcs8", "-topk8", "-in", pair.key, "-out", locked, "-passout", "pass:key-word")
    inline = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": pair.cert.read_text(),
        "ssl.keystore.key": locked.read_text(),
        "ssl.key.password": "key-word",
    }
    find({**properties, **inline}, unique)
    store = authority.folder / "client.pem"
    store.write_text(pair.key.read_text() + pair.cert.read_text())
    find({**properties, "ssl.keystore.type": "PEM", "ssl.keystore.location": str(store)}, unique)


def test_who_is_not_let_in_is_told_why(guarded: KafkaServer, authority: Authority, tmp_path: Path, unique: str) -> None:
    plain = {"bootstrap.servers": guarded.address("SASL"), "security.protocol": "SASL_PLAINTEXT"}
    for wrong in (login("PLAIN", "alice", "other"), login("SCRAM-SHA-256", "b=o,b", "other")):
        with pytest.raises(ConfigException) as raised:
            find({**plain, **wrong}, unique)
        assert raised.value.code == "KAFKA_SASL_AUTHENTICATION_FAILED"
        assert "other" not in str(raised.value)
    tls = {"bootstrap.servers": guarded.address("TLS"), "security.protocol": "SSL"}
    stranger = Authority(tmp_path)
    for distrusting in ({}, {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(stranger.root)}):
        with pytest.raises(ConfigException) as raised:
            find({**tls, **distrusting}, unique)
        assert raised.value.code == "KAFKA_TLS"
    with pytest.raises(ConfigException) as raised:
        find({"bootstrap.servers": guarded.address("TLS")}, unique)
    assert raised.value.code == "KAFKA_NOT_A_BROKER"
    assert raised.value.field == "security.protocol"


def test_a_broker_that_was_killed_is_found_again(unique: str) -> None:
    if reason := missing():
        pytest.skip(reason)

    async def scenario(server: KafkaServer) -> None:
        cluster = Cluster(client_settings({"bootstrap.servers": server.bootstrap}))
        connection = await cluster.coordinator(unique, 20)
        server.kill()
        body = {"group": unique, "generation": 1, "member": "nobody", "instance": None}
        with pytest.raises(RetriableException) as raised:
            await connection.request(messages.HEARTBEAT, body, 10)
        assert raised.value.code == "KAFKA_CONNECTION_LOST"
        with pytest.raises(RetriableException):
            await connection.request(messages.HEARTBEAT, body, 10)
        starting = asyncio.to_thread(server.start)
        again, _ = await asyncio.gather(cluster.coordinator(unique, 60), starting)
        await knows_no_such_member(again, unique)
        server.pause()
        with pytest.raises(RetriableException) as raised:
            await again.request(messages.HEARTBEAT, body, 0.3)
        assert raised.value.code == "KAFKA_TIMEOUT"
        assert again.closed
        with pytest.raises(RetriableException) as raised:
            await Connection.opened(
                cluster.known[0], client_settings({"bootstrap.servers": server.bootstrap, "request.timeout.ms": "300"})
            )
        assert raised.value.code == "KAFKA_TIMEOUT"

    soon = {"broker.session.timeout.ms": "1000", "broker.heartbeat.interval.ms": "200"}
    with KafkaServer(settings={"offsets.topic.num.partitions": "1", **soon}) as server:
        asyncio.run(scenario(server))
