"""TLS settings for our own protocol connections, with libpq's meaning of `sslmode` and the certificate files."""

from __future__ import annotations

import ssl
from pathlib import Path

from headrace.systems.postgres.target import PgTarget

_DEFAULT_ROOT = Path.home() / ".postgresql" / "root.crt"


def context(target: PgTarget) -> ssl.SSLContext:
    """The context for `target`: `require` and below check no certificate unless `sslrootcert` is set.

    Raises OSError or ssl.SSLError for files that are missing or unusable.
    """
    result = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    result.check_hostname = False
    verify = target.sslmode in ("verify-ca", "verify-full") or bool(target.sslrootcert)
    if not verify:
        result.verify_mode = ssl.CERT_NONE
    elif target.sslrootcert == "system":
        result.load_default_certs()
    else:
        result.load_verify_locations(target.sslrootcert or str(_DEFAULT_ROOT))
    result.check_hostname = verify and (target.sslmode == "verify-full" or target.sslrootcert == "system")
    if target.sslcert:
        result.load_cert_chain(target.sslcert, target.sslkey, password=target.sslpassword or (lambda: b""))
    return result


def attempts(target: PgTarget) -> list[bool | None]:
    """What to try, in order: True = TLS or fail, None = TLS if the server has it, False = plain."""
    if target.host.startswith("/"):
        return [False]
    modes: dict[str, list[bool | None]] = {"disable": [False], "allow": [False, True], "prefer": [None, False]}
    return modes.get(target.sslmode, [True])
