"""TLS and SASL settings of Kafka's Java clients in librdkafka's names. No message holds a value of them: they are secrets.

Certificates and keys come as PEM (text or file); a PKCS#12 key store as file. Java's own JKS format is refused, with how to
convert it. Source: Kafka's SslConfigs and SaslConfigs, KIP-651, KIP-768; librdkafka CONFIGURATION.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from headrace.config.jaas import parse_jaas
from headrace.errors import ConfigException

_MECHANISMS: Final = frozenset({"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"})
_OAUTH_HANDLER: Final = "OAuthBearerLoginCallbackHandler"
_OAUTH: Final = {
    "clientId": "sasl.oauthbearer.client.id",
    "clientSecret": "sasl.oauthbearer.client.secret",
    "scope": "sasl.oauthbearer.scope",
}
_CONVERT: Final = "keytool -importkeystore -srckeystore STORE.jks -destkeystore STORE.p12 -deststoretype PKCS12"


def is_security_key(key: str) -> bool:
    """Whether `security_settings` looks after it."""
    return key.startswith(("ssl.", "sasl.")) or key == "security.providers"


def security_settings(given: Mapping[str, str]) -> dict[str, str]:
    """What stands in ssl.* and sasl.* as librdkafka has it, as far as `security.protocol` asks for it.

    ConfigException: KAFKA_SETTING_UNSUPPORTED, KAFKA_SETTING_INVALID, CONFIG_MISSING with the key as `field`."""
    protocol = given.get("security.protocol", "PLAINTEXT").strip().upper()
    for key in ("security.providers", "ssl.engine.factory.class"):
        if given.get(key, "").strip():
            raise _unsupported(key, "Java classes cannot be run: leave it out.")
    found: dict[str, str] = {}
    if "SSL" in protocol:
        found |= _trust(given) | _own_key(given) | _names(given)
    if protocol.startswith("SASL"):
        found |= _sasl(given)
    return found


def _trust(given: Mapping[str, str]) -> dict[str, str]:
    if given.get("ssl.truststore.certificates", "").strip():
        return {"ssl.ca.pem": _pem(given["ssl.truststore.certificates"])}
    location = given.get("ssl.truststore.location", "").strip()
    if not location:
        return {}
    if _type(given, "ssl.truststore.type") != "PEM":
        raise _unsupported(
            "ssl.truststore.type",
            "Write the certificates as PEM (keytool -exportcert -rfc for each alias, or openssl pkcs12 -nokeys -in STORE.p12 -out ca.pem), "
            "name that file in ssl.truststore.location and set ssl.truststore.type=PEM.",
        )
    return {"ssl.ca.location": location}


def _own_key(given: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    password = given.get("ssl.key.password", "")
    location = given.get("ssl.keystore.location", "").strip()
    kind = _type(given, "ssl.keystore.type")
    if given.get("ssl.keystore.key", "").strip():
        found["ssl.key.pem"] = _pem(given["ssl.keystore.key"])
        found["ssl.certificate.pem"] = _pem(given.get("ssl.keystore.certificate.chain", ""))
    elif not location:
        return {}
    elif kind == "PKCS12":
        return {"ssl.keystore.location": location, "ssl.keystore.password": given.get("ssl.keystore.password", "")}
    elif kind == "PEM":
        found |= {"ssl.key.location": location, "ssl.certificate.location": location}
    else:
        raise _unsupported(
            "ssl.keystore.type", f"Convert it ({_CONVERT}) and set ssl.keystore.type=PKCS12, or use PEM."
        )
    if password:
        found["ssl.key.password"] = password
    return found


def _names(given: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if "ssl.endpoint.identification.algorithm" in given:
        found["ssl.endpoint.identification.algorithm"] = (
            "https" if given["ssl.endpoint.identification.algorithm"].strip().lower() == "https" else "none"
        )
    if given.get("ssl.cipher.suites", "").strip():
        raise _unsupported("ssl.cipher.suites", "OpenSSL chooses from what both sides have: leave it out.")
    return found


def _type(given: Mapping[str, str], key: str) -> str:
    return given.get(key, "JKS").strip().upper()


def _pem(text: str) -> str:
    """Properties files give it in one line, which OpenSSL does not read."""
    lines = re.sub(r"\s*(-----(?:BEGIN|END) [A-Z0-9 ]+-----)\s*", r"\n\1\n", text).split("\n")
    return "\n".join(part for line in lines for part in ([line] if line.startswith("-----") else line.split())) + "\n"


def _sasl(given: Mapping[str, str]) -> dict[str, str]:
    mechanism = given.get("sasl.mechanism", "GSSAPI").strip().upper()
    if mechanism not in _MECHANISMS:
        raise _unsupported(
            "sasl.mechanism", f"Use one of {', '.join(sorted(_MECHANISMS))}; Kerberos is not in the library."
        )
    for key in ("sasl.client.callback.handler.class", "sasl.login.callback.handler.class", "sasl.login.class"):
        handler = given.get(key, "").strip()
        if handler and not (mechanism == "OAUTHBEARER" and handler.endswith(_OAUTH_HANDLER)):
            raise _unsupported(
                key, "Java classes cannot be run: use sasl.jaas.config with PLAIN, SCRAM or OAUTHBEARER."
            )
    options = _jaas(given)
    found = {"sasl.mechanisms": mechanism}
    if mechanism == "OAUTHBEARER":
        url = given.get("sasl.oauthbearer.token.endpoint.url", "").strip()
        if not url:
            raise _missing("sasl.oauthbearer.token.endpoint.url", "Set the URL that gives out tokens.")
        named = {name: options[option] for option, name in _OAUTH.items() if option in options}
        return {**found, "sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.token.endpoint.url": url, **named}
    for option in ("username", "password"):
        if option not in options:
            raise _missing("sasl.jaas.config", 'Set ... required username="USER" password="PASSWORD";')
    return {**found, "sasl.username": options["username"], "sasl.password": options["password"]}


def _jaas(given: Mapping[str, str]) -> dict[str, str]:
    text = given.get("sasl.jaas.config", "")
    if not text.strip():
        raise _missing("sasl.jaas.config", "Name the login module, user name and password.")
    return parse_jaas(text).options


def _unsupported(key: str, remedy: str) -> ConfigException:
    return ConfigException(
        f"What {key} asks for cannot be done with the client library.",
        code="KAFKA_SETTING_UNSUPPORTED",
        field=key,
        remedy=remedy,
    )


def _missing(key: str, remedy: str) -> ConfigException:
    return ConfigException(f"{key} is not set.", code="CONFIG_MISSING", field=key, remedy=remedy)
