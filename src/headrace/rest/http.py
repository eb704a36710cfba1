"""What a handler gets and gives: `Request`, `Response`, and `HttpError` for everything that is not an answer.

A plain layer over ASGI: the worker must stay small in memory, and Connect's conventions differ from every framework's defaults.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.errors import (
    AlreadyExistsException,
    ConfigException,
    HeadraceError,
    IllegalStateException,
    NotFoundException,
)

JSON = "application/json"
FORBIDDEN_CODES = frozenset({"TOPIC_TRACKING_DISABLED", "TOPIC_TRACKING_RESET_DISABLED"})
"""Codes of IllegalStateException that mean "switched off by the worker's settings"."""


@dataclass(slots=True)
class Request:
    """One request. `segments`: the decoded path parts; `headers`: lower-case names; `body`: complete."""

    method: str
    segments: tuple[str, ...]
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base_url: str = ""

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean query parameter: only the text `true`, in any case, is true."""
        values = self.query.get(name)
        return values[0].lower() == "true" if values else default

    def first(self, name: str) -> str | None:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else None


@dataclass(slots=True)
class Response:
    """One answer; without `content_type` there is no such header."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)


class HttpError(Exception):
    """An answer other than success. `bare`: the body goes out without Content-Type, as Connect's routing errors do."""

    def __init__(
        self, status: int, message: str, *, bare: bool = False, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.bare = bare
        self.headers = list(headers)

    def response(self) -> Response:
        """Connect's error body: exactly `error_code` and `message`."""
        body = encode({"error_code": self.status, "message": self.message})
        return Response(self.status, body, None if self.bare else JSON, self.headers)


def encode(value: Any) -> bytes:
    """`value` as UTF-8 JSON. Half surrogates (from undecodable file names in traces) become question marks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


def json_response(value: Any, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Response:
    return Response(status, encode(value), JSON, list(headers))


def empty_response(status: int) -> Response:
    return Response(status)


def error_from(exc: BaseException) -> HttpError:
    """The status of any exception; the message holds code, text and remedy, because the body has no other place for them."""
    if isinstance(exc, HttpError):
        return exc
    if not isinstance(exc, HeadraceError):
        return HttpError(500, f"{type(exc).__name__}: {exc}")
    return HttpError(_status(exc), str(exc))


def _status(exc: HeadraceError) -> int:
    match exc:
        case NotFoundException():
            return 404
        case AlreadyExistsException():
            return 409
        case ConfigException():
            return 400
        case IllegalStateException():
            return 403 if exc.code in FORBIDDEN_CODES else 400
        case _:
            return 500
