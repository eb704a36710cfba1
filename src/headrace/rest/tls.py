"""TLS for `https` listeners from Kafka's settings: PEM key stores and trust stores."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headrace.config import ConfigType
from headrace.errors import ConfigException

PREFIX: Final = "listeners.https."
TLS_KEYS: Final[dict[str, tuple[ConfigType, str]]] = {
    "ssl.keystore.type": (ConfigType.STRING, "PEM; other key stores cannot be read."),
    "ssl.keystore.location": (ConfigType.STRING, "The file with private key and certificate chain."),
    "ssl.key.password": (ConfigType.PASSWORD, "The private key's password."),
    "ssl.truststore.type": (ConfigType.STRING, "PEM."),
    "ssl.truststore.location": (ConfigType.STRING, "The file with the issuers of accepted client certificates."),
    "ssl.client.auth": (ConfigType.STRING, "none, requested or required: whether clients show a certificate."),
}
"""Keys looked at for https listeners: type and meaning."""
_CLIENT_AUTH: Final = {"none": ssl.CERT_NONE, "requested": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What the server needs: the file with certificate chain and key, its password, the accepted issuers, the client rule."""

    keystore: str
    password: str | None
    truststore: str | None
    client_auth: ssl.VerifyMode


def tls_from_settings(settings: Mapping[str, str]) -> TlsFiles:
    """Settings with the prefix `listeners.https.` win over the plain ones. ConfigException for key stores that are no PEM."""

    def get(name: str) -> str | None:
        return settings.get(PREFIX + name, settings.get(name)) or None

    for kind in ("keystore", "truststore"):
        if get(f"ssl.{kind}.location") and (get(f"ssl.{kind}.type") or "JKS").upper() != "PEM":
            raise ConfigException(
                f"Configuration ssl.{kind}.type must be PEM: Java key stores cannot be read.",
                code="TLS_KEYSTORE_TYPE",
                field=f"ssl.{kind}.type",
                remedy="Export the key store as PEM (key and certificate chain in one file) and set the type to PEM.",
            )
    keystore = get("ssl.keystore.location")
    if keystore is None:
        raise ConfigException(
            "An https listener needs a certificate.",
            field="ssl.keystore.location",
            remedy="Set ssl.keystore.type=PEM and ssl.keystore.location to a file with key and certificate chain.",
        )
    rule = (get("ssl.client.auth") or "none").lower()
    if rule not in _CLIENT_AUTH:
        raise ConfigException(
            f"Invalid value {rule} for configuration ssl.client.auth.",
            field="ssl.client.auth",
            remedy="Use none, requested or required.",
        )
    return TlsFiles(keystore, get("ssl.key.password"), get("ssl.truststore.location"), _CLIENT_AUTH[rule])
