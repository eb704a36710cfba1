"""`connection.url` as the JDBC sinks take it, turned into a `PgTarget`."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from headrace.errors import ConfigException
from headrace.systems.postgres import PgTarget
from headrace.systems.postgres.servers import SESSION_ATTRS, TARGET_SERVER_TYPES, servers, session_attrs
from headrace.systems.postgres.target import CHANNEL_BINDINGS, SSL_MODES

FIELD: Final = "connection.url"
_PORT: Final = 5432
_PARAMETERS: Final = {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword"}


def parse_url(url: str, user: str | None, password: str | None, user_field: str) -> tuple[PgTarget, str | None]:
    """The target and the `currentSchema` parameter. `user` and `password` given apart win over those in the URL.

    `user_field`: the key the user name is set by. ConfigException for another database or a malformed URL.
    """
    text = url.strip()
    plain = text[5:] if text.lower().startswith("jdbc:") else text
    scheme = plain.split(":", 1)[0].lower()
    if scheme not in ("postgresql", "postgres"):
        raise ConfigException(
            f"The URL names the database kind {scheme!r}; only PostgreSQL is supported.",
            code="SINK_DIALECT_UNSUPPORTED",
            field=FIELD,
            remedy="Use jdbc:postgresql://host:port/database or postgresql://host:port/database.",
        )
    if "//" not in plain:
        plain = f"{scheme}://localhost/{plain.partition(':')[2]}"
    try:
        # Hosts are taken out first: a list of them is no URL to the library.
        place = re.split(r"[/?#]", plain.partition("//")[2], maxsplit=1)[0]
        hosts = unquote(place.rpartition("@")[2])
        parts = urlsplit(plain.replace(place, place.removesuffix(place.rpartition("@")[2]), 1))
        found = servers(hosts, _PORT) if hosts else []
    except ValueError as error:
        raise ConfigException(
            f"Malformed URL: {error}", field=FIELD, remedy="Use jdbc:postgresql://host:port/db."
        ) from None
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    name = user or query.get("user") or (unquote(parts.username) if parts.username else None)
    secret = password or query.get("password") or (unquote(parts.password) if parts.password else None)
    sslmode = query.get("sslmode") or ("verify-full" if query.get("ssl", "").lower() == "true" else "prefer")
    if sslmode not in SSL_MODES:
        raise ConfigException(
            f"Unknown sslmode {sslmode!r}.", field=FIELD, remedy=f"Use one of {', '.join(SSL_MODES)}."
        )
    binding = query.get("channelBinding") or query.get("channel_binding") or "prefer"
    if binding not in CHANNEL_BINDINGS:
        raise ConfigException(
            f"Unknown channelBinding {binding!r}.", field=FIELD, remedy=f"Use one of {', '.join(CHANNEL_BINDINGS)}."
        )
    if not name:
        raise ConfigException(
            "No user name is set.", code="CONFIG_MISSING", field=user_field, remedy="Set the user name."
        )
    attrs = query.get("target_session_attrs") or session_attrs(query.get("targetServerType") or "any")
    if attrs not in SESSION_ATTRS:
        raise ConfigException(
            f"Unknown kind of server {query.get('targetServerType') or attrs!r}.",
            field=FIELD,
            remedy=f"Set targetServerType to one of {', '.join(TARGET_SERVER_TYPES)}.",
        )
    several = len(found) > 1
    timeout = query.get("loginTimeout") or query.get("connectTimeout") or query.get("connect_timeout") or "10"
    target = PgTarget(
        host=hosts if several else found[0].host if found else query.get("host") or "localhost",
        port=found[0].port if found and not several else _PORT,
        dbname=unquote(parts.path.lstrip("/")) or name,
        user=name,
        password=secret,
        sslmode=sslmode,
        **{key: query[key] for key in _PARAMETERS - {"sslmode"} if key in query},  # type: ignore[arg-type]
        application_name=query.get("ApplicationName") or query.get("application_name") or "headrace-sink",
        connect_timeout_s=max(2.0, float(timeout)) if timeout.isdigit() and int(timeout) else 10.0,
        session_attrs=attrs,
        load_balance=query.get("loadBalanceHosts", "").lower() == "true" or query.get("load_balance_hosts") == "random",
        channel_binding=binding,
        fields=(
            *((part, FIELD) for part in ("host", "port", "dbname", "sslmode", "session_attrs")),
            ("user", user_field),
            ("password", "connection.password"),
        ),
    )
    return target, query.get("currentSchema")
