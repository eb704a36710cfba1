"""Settings by the keys of Java's clients."""

from __future__ import annotations

import ssl

import pytest

from headrace.errors import ConfigException
from headrace.systems.kafka.settings import Address, address, client_settings

SERVERS = {"bootstrap.servers": "a:9092, SSL://b.example:9093,[::1]:9094"}
LOGIN = 'x.PlainLoginModule required username="u" password="hidden-word";'


def test_addresses_and_times() -> None:
    settings = client_settings({**SERVERS, "request.timeout.ms": "1500", "retry.backoff.ms": "20", "group.id": "g"})
    assert settings.bootstrap == (Address("a", 9092), Address("b.example", 9093), Address("::1", 9094))
    assert str(settings.bootstrap[2]) == "[::1]:9094"
    assert settings.request_timeout_s == 1.5
    assert settings.retry.delay(0) == 0.02
    assert settings.security.tls is None
    assert settings.security.login is None


@pytest.mark.parametrize("text", ["a", "a:", ":9092", "a:0", "a:65536", "a:x", "a:²", "SSL://"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigException) as raised:
        address(text)
    assert raised.value.field == "bootstrap.servers"


def test_tls_checks_the_brokers_name_unless_it_is_told_not_to() -> None:
    tls = client_settings({**SERVERS, "security.protocol": "ssl"}).security.tls
    assert tls is not None
    assert tls.check_hostname
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert tls.minimum_version is ssl.TLSVersion.TLSv1_2
    more = {"ssl.endpoint.identification.algorithm": "", "ssl.enabled.protocols": "TLSv1.3"}
    tls = client_settings({**SERVERS, "security.protocol": "SSL", **more}).security.tls
    assert tls is not None
    assert not tls.check_hostname
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert tls.minimum_version is tls.maximum_version is ssl.TLSVersion.TLSv1_3


def test_a_login_does_not_show_its_password() -> None:
    more = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.jaas.config": LOGIN}
    login = client_settings({**SERVERS, **more}).security.login
    assert login is not None
    assert (login.mechanism, login.user, login.password) == ("PLAIN", "u", "hidden-word")
    assert "hidden-word" not in repr(login)


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"bootstrap.servers": " "}, "bootstrap.servers"),
        ({"security.protocol": "TLS"}, "security.protocol"),
        ({"security.protocol": "SASL_SSL"}, "sasl.mechanism"),
        ({"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}, "sasl.jaas.config"),
        ({"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-256", "sasl.jaas.config": LOGIN}, "sasl.jaas.config"),
        ({"security.protocol": "SSL", "ssl.enabled.protocols": "TLSv1.1"}, "ssl.enabled.protocols"),
        ({"security.protocol": "SSL", "ssl.truststore.location": "x.jks"}, "ssl.truststore.type"),
        ({"security.protocol": "SSL", "ssl.keystore.location": "x.jks"}, "ssl.keystore.type"),
        ({"security.protocol": "SSL", "ssl.truststore.type": "PEM", "ssl.truststore.location": "/no"}, "ssl.truststore.location"),
        ({"security.protocol": "SSL", "ssl.truststore.type": "PEM", "ssl.truststore.certificates": "x"}, "ssl.truststore.certificates"),
        ({"security.protocol": "SSL", "ssl.keystore.type": "PEM", "ssl.keystore.location": "/no"}, "ssl.keystore.location"),
        ({"security.protocol": "SSL", "ssl.keystore.type": "PEM", "ssl.keystore.key": "hidden-word", "ssl.keystore.certificate.chain": "y"}, "ssl.keystore.key"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(properties: dict[str, str], field: str) -> None:
    with pytest.raises(ConfigException) as raised:
        client_settings({**SERVERS, **properties})
    assert raised.value.field == field
    assert "hidden-word" not in str(raised.value)
