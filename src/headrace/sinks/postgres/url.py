"""`connection.url` as the JDBC sinks take it, turned into a `PgTarget`."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from headrace.errors import ConfigException
from headrace.systems.postgres import PgTarget
from headrace.systems.postgres.target import SSL_MODES

FIELD: Final = "connection.url"
_PARAMETERS: Final = {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword"}


def parse_url(url: str, user: str | None, password: str | None, user_field: str) -> tuple[PgTarget, str | None]:
    """The target and the `currentSchema` parameter. `user` and `password` given apart win over those in the URL.

    `user_field`: the key the user name is set by. ConfigException for another database, several hosts or a malformed URL.
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
        parts = urlsplit(plain)
        if "," in parts.netloc:
            raise ConfigException(
                "Several hosts in one URL are not supported.",
                field=FIELD,
                remedy="Name the primary server, or a proxy.",
            )
        port = parts.port or 5432
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
    if not name:
        raise ConfigException(
            "No user name is set.", code="CONFIG_MISSING", field=user_field, remedy="Set the user name."
        )
    timeout = query.get("loginTimeout") or query.get("connectTimeout") or query.get("connect_timeout") or "10"
    target = PgTarget(
        host=parts.hostname or query.get("host") or "localhost",
        port=port,
        dbname=unquote(parts.path.lstrip("/")) or name,
        user=name,
        password=secret,
        sslmode=sslmode,
        **{key: query[key] for key in _PARAMETERS - {"sslmode"} if key in query},  # type: ignore[arg-type]
        application_name=query.get("ApplicationName") or query.get("application_name") or "headrace-sink",
        connect_timeout_s=max(2.0, float(timeout)) if timeout.isdigit() and int(timeout) else 10.0,
        fields=(
            *((part, FIELD) for part in ("host", "port", "dbname", "sslmode")),
            ("user", user_field),
            ("password", "connection.password"),
        ),
    )
    return target, query.get("currentSchema")
