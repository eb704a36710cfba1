"""TLS settings for our own protocol connections, with libpq's meaning of `sslmode` and the certificate files."""

from __future__ import annotations

import ssl
from pathlib import Path

from headrace.systems.postgres.certificates import load_identity
from headrace.systems.postgres.target import PgTarget

_HOME = Path.home() / ".postgresql"
DEFAULT_ROOT, DEFAULT_CERT, DEFAULT_KEY = (
    _HOME / name for name in ("root.crt", "postgresql.crt", "postgresql.key")
)  # What libpq takes when the settings name nothing.


def context(target: PgTarget) -> ssl.SSLContext:
    """The context for `target`: `require` and below check no certificate unless there is a root certificate, set or at libpq's place.

    Raises OSError or ssl.SSLError for files that are missing or unusable.
    """
    result = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    result.check_hostname = False
    root = target.sslrootcert or (str(DEFAULT_ROOT) if DEFAULT_ROOT.exists() else None)
    verify = target.sslmode in ("verify-ca", "verify-full") or root is not None
    if not verify:
        result.verify_mode = ssl.CERT_NONE
    elif root == "system":
        result.load_default_certs()
    else:
        result.load_verify_locations(root or str(DEFAULT_ROOT))
    result.check_hostname = verify and (target.sslmode == "verify-full" or root == "system")
    cert = target.sslcert or (str(DEFAULT_CERT) if DEFAULT_CERT.exists() else None)
    if cert:
        load_identity(result, cert, target.sslkey or str(DEFAULT_KEY), target.sslpassword)
    return result


def attempts(target: PgTarget) -> list[bool | None]:
    """What to try, in order: True = TLS or fail, None = TLS if the server has it, False = plain."""
    if target.host.startswith("/"):
        return [False]
    modes: dict[str, list[bool | None]] = {"disable": [False], "allow": [False, True], "prefer": [None, False]}
    return modes.get(target.sslmode, [True])
