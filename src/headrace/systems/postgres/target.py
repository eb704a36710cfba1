"""PgTarget: where a PostgreSQL server is and how to log in; the one description every connection is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_KEYS: Final = {"host": "hostname", "session_attrs": "target.session.attrs"}
CHANNEL_BINDINGS: Final = ("disable", "prefer", "require")
SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

TEXT_FORMAT: Final = {
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
}
"""Session settings that say how values are written as text: every connection has these, for decoders rely on them."""


@dataclass(frozen=True, slots=True)
class PgTarget:
    """One database on one server.

    `host`: a name, an address, or a folder (starts with `/`) for a Unix socket; or several of them, separated by commas, each with
    `:port` where it is not `port` (see `servers`). `address`: where `host` is, for one server that has been chosen; looked up
    otherwise. `session_attrs`: which kind of server is wanted, one of `servers.SESSION_ATTRS`; `load_balance`: try them in any order.
    `channel_binding`: whether SCRAM must be bound to the TLS channel (disable, prefer, require). `password` never shows in `repr`.
    `sslmode`: one of `SSL_MODES`, with libpq's meaning. `sslrootcert`, `sslcert`, `sslkey`: PEM files;
    `sslpassword` opens an encrypted `sslkey`. `connect_timeout_s`: seconds for the whole log-in at one address.
    `field_prefix`: put before `hostname`, `port`, `user`, `password`, `dbname` to name the setting an error is about;
    `fields` overrides single names (keys: host, port, user, password, dbname, sslmode, session_attrs).
    """

    host: str = "localhost"
    port: int = 5432
    dbname: str = "postgres"
    user: str = "postgres"
    password: str | None = field(default=None, repr=False)
    sslmode: str = "prefer"
    sslrootcert: str | None = None
    sslcert: str | None = None
    sslkey: str | None = None
    sslpassword: str | None = field(default=None, repr=False)
    application_name: str = "headrace"
    connect_timeout_s: float = 10.0
    tcp_keepalive: bool = True
    field_prefix: str = "database."
    fields: tuple[tuple[str, str], ...] = ()
    session_attrs: str = "any"
    load_balance: bool = False
    channel_binding: str = "prefer"
    address: str | None = None

    def config_field(self, part: str) -> str:
        """The configuration key behind `part` (host, port, user, password, dbname, sslmode, session_attrs)."""
        for name, key in self.fields:
            if name == part:
                return key
        return self.field_prefix + _KEYS.get(part, part)

    def where(self) -> str:
        """`host:port/dbname` for messages, several hosts as they were given; never a secret."""
        place = self.host if "," in self.host else f"{self.host}:{self.port}"
        return f"{place}/{self.dbname}"
