"""TLS and SASL of a connection, from the keys that Kafka's Java clients have: PEM stores; PLAIN and SCRAM. Source: KIP-43, KIP-84, KIP-651."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.jaas import JaasEntry, parse_jaas
from headrace.config.validators import one_of
from headrace.errors import ConfigException

_T = ConfigType
_ROWS: Final[tuple[tuple[str, ConfigType, Any, str], ...]] = (
    ("sasl.mechanism", _T.STRING, "GSSAPI", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."),
    ("sasl.jaas.config", _T.PASSWORD, None, "The login module with user name and password."),
    ("ssl.truststore.type", _T.STRING, "JKS", "PEM."),
    ("ssl.truststore.location", _T.STRING, None, "The file with the authorities' certificates; without: the system's."),
    ("ssl.truststore.certificates", _T.PASSWORD, None, "The authorities' certificates themselves."),
    ("ssl.keystore.type", _T.STRING, "JKS", "PEM."),
    ("ssl.keystore.location", _T.STRING, None, "The file with the client's key and certificates."),
    ("ssl.keystore.certificate.chain", _T.PASSWORD, None, "The client's certificates themselves."),
    ("ssl.keystore.key", _T.PASSWORD, None, "The client's key itself."),
    ("ssl.key.password", _T.PASSWORD, None, "What the client's key is encrypted with."),
    ("ssl.endpoint.identification.algorithm", _T.STRING, "https", "Empty: the broker's name is not checked."),
    ("ssl.enabled.protocols", _T.LIST, ["TLSv1.2", "TLSv1.3"], "TLSv1.2, TLSv1.3 or both."),
)
_VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
_MODULES: Final = {
    "PLAIN": "PlainLoginModule",
    "SCRAM-SHA-256": "ScramLoginModule",
    "SCRAM-SHA-512": "ScramLoginModule",
}


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in by which mechanism."""

    mechanism: str
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.mechanism!r}, {self.user!r}, …)"


@dataclass(frozen=True, slots=True)
class Security:
    """`tls`: None for connections in the clear. `login`: None for none."""

    tls: ssl.SSLContext | None = None
    login: Login | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Security:
        """From the parsed keys. ConfigException for what is missing, unusable or not supported."""
        protocol = values["security.protocol"].upper()
        return cls(
            _context(values) if protocol.endswith("SSL") else None,
            _login(values) if protocol.startswith("SASL") else None,
        )


def security_def() -> ConfigDef:
    """The keys that are looked at."""
    definition = ConfigDef()
    protocols = one_of("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", ignore_case=True)
    text = "How the brokers' listener is spoken to."
    definition.define("security.protocol", _T.STRING, "PLAINTEXT", protocols, Importance.MEDIUM, text)
    for name, type, default, text in _ROWS:
        definition.define(name, type, default, None, Importance.LOW, text)
    return definition


def _login(values: Mapping[str, Any]) -> Login:
    mechanism, text = values["sasl.mechanism"], _secret(values["sasl.jaas.config"])
    module = _MODULES.get(mechanism)
    if module is None:
        raise ConfigException(
            f"sasl.mechanism={mechanism} is not supported.",
            code="KAFKA_SETTING_UNSUPPORTED",
            field="sasl.mechanism",
            remedy=f"Set one of {', '.join(_MODULES)}.",
        )
    entry = parse_jaas(text) if text else JaasEntry("", {})
    if entry.module.rpartition(".")[2] != module or not {"username", "password"} <= entry.options.keys():
        raise ConfigException(
            f"sasl.jaas.config does not name {module} with username and password.",
            code="JAAS_INVALID",
            field="sasl.jaas.config",
            remedy=f'Set it to org.apache.kafka.common.security.….{module} required username="…" password="…";',
        )
    return Login(mechanism, entry.options["username"], entry.options["password"])


def _context(values: Mapping[str, Any]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = bool(values["ssl.endpoint.identification.algorithm"])
    versions = [_VERSIONS.get(name.strip()) for name in values["ssl.enabled.protocols"]]
    known = [version for version in versions if version is not None]
    if not known or len(known) < len(versions):
        raise ConfigException(
            "ssl.enabled.protocols has others than TLSv1.2 and TLSv1.3.", field="ssl.enabled.protocols"
        )
    context.minimum_version, context.maximum_version = min(known), max(known)
    _load_authorities(context, values)
    _load_identity(context, values)
    return context


def _load_authorities(context: ssl.SSLContext, values: Mapping[str, Any]) -> None:
    location, inline = values["ssl.truststore.location"], _secret(values["ssl.truststore.certificates"])
    if not location and not inline:
        context.load_default_certs()
        return
    _want_pem(values, "ssl.truststore")
    try:
        context.load_verify_locations(cafile=location or None, cadata=inline or None)
    except (OSError, ValueError) as error:
        raise _unusable("ssl.truststore.location" if location else "ssl.truststore.certificates", error) from error


def _load_identity(context: ssl.SSLContext, values: Mapping[str, Any]) -> None:
    location, password = values["ssl.keystore.location"], _secret(values["ssl.key.password"])
    chain, key = (_secret(values[f"ssl.keystore.{part}"]) for part in ("certificate.chain", "key"))
    if not location and not (chain and key):
        return
    _want_pem(values, "ssl.keystore")
    # A key that wants a password is refused rather than asked for at the terminal.
    ask = password or (lambda: b"")
    try:
        if location:
            context.load_cert_chain(location, password=ask)
            return
        # For the account alone to read, as temporary files are: the library takes files only.
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "identity.pem"
            file.write_text(f"{key}\n{chain}\n")
            context.load_cert_chain(file, password=ask)
    except (OSError, ValueError) as error:
        raise _unusable("ssl.keystore.location" if location else "ssl.keystore.key", error) from error


def _want_pem(values: Mapping[str, Any], store: str) -> None:
    kind = values[f"{store}.type"]
    if kind.upper() != "PEM":
        raise ConfigException(
            f"{store}.type={kind} is not supported.",
            code="KAFKA_SETTING_UNSUPPORTED",
            field=f"{store}.type",
            remedy="Set it to PEM; `keytool -importkeystore -deststoretype PKCS12` and `openssl pkcs12` convert a store.",
        )


def _unusable(field: str, error: Exception) -> ConfigException:
    return ConfigException(f"{field} cannot be used: {error}.", code="KAFKA_TLS_STORE", field=field)


def _secret(value: Any) -> str:
    """The text of a password's value."""
    return "" if value is None else str(getattr(value, "value", value))
