"""HTTP Basic, switched on by naming Connect's own extension class in `rest.extension.classes`.

The JVM worker finds the credentials through a JAAS file whose login module points at a properties file of `user=password` lines. There
is no JAAS here: `rest.basic.auth.credentials.file` names that properties file directly.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from headrace.errors import ConfigException
from headrace.rest.http import HttpError, Request

EXTENSIONS_KEY: Final = "rest.extension.classes"
CREDENTIALS_KEY: Final = "rest.basic.auth.credentials.file"
BASIC_AUTH: Final = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"
_INTERNAL: Final = {("POST", "tasks"), ("PUT", "fence")}


class BasicAuth:
    """The users that may call."""

    def __init__(self, credentials: Mapping[str, str]) -> None:
        self._credentials = {user.encode(): password.encode() for user, password in credentials.items()}

    def check(self, request: Request) -> None:
        """HttpError 401 unless the request carries a known user's password. Worker-to-worker paths have a signature instead."""
        if len(request.segments) == 3 and (request.method, request.segments[2]) in _INTERNAL:
            return
        user, password = _credentials_of(request.headers.get("authorization", ""))
        expected = self._credentials.get(user)
        # The comparison is made for unknown users as well, so that timing tells nothing.
        matches = hmac.compare_digest(expected if expected is not None else b"\0", password)
        if expected is None or not matches:
            raise HttpError(
                401, "User cannot access the resource.", headers=[("WWW-Authenticate", 'Basic realm="headrace"')]
            )


def _credentials_of(header: str) -> tuple[bytes, bytes]:
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return b"", b""
    try:
        user, _, password = base64.b64decode(token.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return b"", b""
    return user, password


def auth_from_settings(settings: Mapping[str, str]) -> BasicAuth | None:
    """None when no extension is configured. ConfigException for extensions that cannot be had, or without credentials."""
    classes = [name.strip() for name in settings.get(EXTENSIONS_KEY, "").split(",") if name.strip()]
    for name in classes:
        if name not in (BASIC_AUTH, BASIC_AUTH.rpartition(".")[2]):
            raise ConfigException(
                f"Invalid value {name} for configuration {EXTENSIONS_KEY}: Java classes cannot be loaded.",
                code="REST_EXTENSION_UNSUPPORTED",
                field=EXTENSIONS_KEY,
                remedy=f"Leave it out, or use {BASIC_AUTH}, which is built in.",
            )
    return BasicAuth(_read(settings)) if classes else None


def _read(settings: Mapping[str, str]) -> dict[str, str]:
    from headrace.config.properties import parse_properties

    path = settings.get(CREDENTIALS_KEY, "").strip()
    remedy = f"Set {CREDENTIALS_KEY} to a properties file with a line user=password for each user."
    if not path:
        raise ConfigException(
            f"{EXTENSIONS_KEY} asks for Basic authentication without credentials.", field=CREDENTIALS_KEY, remedy=remedy
        )
    try:
        credentials: dict[str, str] = parse_properties(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigException(
            f"Cannot read the credentials in {path}: {error}.", field=CREDENTIALS_KEY, remedy=remedy
        ) from error
    if not credentials:
        raise ConfigException(f"{path} holds no credentials.", field=CREDENTIALS_KEY, remedy=remedy)
    return credentials
