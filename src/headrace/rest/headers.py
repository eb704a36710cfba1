"""CORS (`access.control.allow.*`) and extra headers (`response.http.headers.config`), as the JVM worker's Jetty adds them."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from time import time
from typing import Final

from headrace.errors import ConfigException
from headrace.rest.http import Request, Response

ORIGIN_KEY: Final = "access.control.allow.origin"
METHODS_KEY: Final = "access.control.allow.methods"
HEADERS_KEY: Final = "response.http.headers.config"
_ACTIONS: Final = {action.lower(): action for action in ("set", "add", "setDate", "addDate")}
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HIDDEN_CHARS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class ExtraHeader:
    """One rule; for the date actions `value` is the distance from now in milliseconds."""

    action: str
    name: str
    value: str

    def apply(self, response: Response) -> None:
        value = self.value
        if self.action.endswith("Date"):
            value = formatdate(time() + int(value) / 1000, usegmt=True)
        if self.action.startswith("set"):
            response.headers = [item for item in response.headers if item[0].lower() != self.name.lower()]
        response.headers.append((self.name, value))


def parse_extra_headers(text: str) -> list[ExtraHeader]:
    """Comma-separated `[action] name:value`; a rule with commas stands in double quotes. ConfigException if it is none."""
    rows = list(csv.reader([text.replace("\n", " ")], skipinitialspace=True)) if text.strip() else []
    return [_extra_header(rule.strip()) for row in rows for rule in row if rule.strip()]


def _extra_header(rule: str) -> ExtraHeader:
    head, colon, value = rule.partition(":")
    action, _, name = head.strip().partition(" ")
    known = _ACTIONS.get(action.lower())
    name, value = name.strip(), value.strip()
    if not colon or known is None or not _TOKEN.fullmatch(name) or _HIDDEN_CHARS.search(value):
        raise _refused(rule, "it is not of the form '[action] name:value'")
    if known.endswith("Date") and not re.fullmatch(r"[+-]?\d{1,15}", value):
        raise _refused(rule, "a date is given in milliseconds from now")
    return ExtraHeader(known, name, value)


def _refused(rule: str, reason: str) -> ConfigException:
    return ConfigException(
        f"Invalid value {rule} for configuration {HEADERS_KEY}: {reason}.",
        field=HEADERS_KEY,
        remedy=f"Use one of {', '.join(_ACTIONS.values())}, for example: add X-XSS-Protection: 1; mode=block.",
    )


class Cors:
    """Cross-origin rules. `origins`: comma list of exact origins, `*`, globs or regular expressions; empty = no CORS."""

    def __init__(self, origins: str, methods: str) -> None:
        self._patterns = [_origin_pattern(item.strip()) for item in origins.split(",") if item.strip()]
        self._methods = ",".join(
            item.strip().upper() for item in (methods or "GET,POST,HEAD").split(",") if item.strip()
        )

    @staticmethod
    def from_settings(settings: Mapping[str, str]) -> Cors:
        return Cors(settings.get(ORIGIN_KEY, ""), settings.get(METHODS_KEY, ""))

    def _allowed_origin(self, request: Request) -> str | None:
        origin = request.headers.get("origin")
        if origin and any(pattern.fullmatch(origin) for pattern in self._patterns):
            return origin
        return None

    def preflight(self, request: Request) -> Response | None:
        """The answer to a browser's preflight request, None when the request is none (or comes from elsewhere)."""
        if request.method != "OPTIONS" or "access-control-request-method" not in request.headers:
            return None
        if self._allowed_origin(request) is None:
            return None
        return Response(
            200,
            headers=[
                ("Access-Control-Allow-Methods", self._methods),
                ("Access-Control-Allow-Headers", "Content-Type,Accept,Authorization"),
                ("Access-Control-Max-Age", "60"),
            ],
        )

    def apply(self, request: Request, response: Response) -> None:
        """Add what lets a browser at an allowed origin read the answer."""
        if not self._patterns:
            return
        response.headers.append(("Vary", "Origin"))
        origin = self._allowed_origin(request)
        if origin is not None:
            response.headers.append(("Access-Control-Allow-Origin", origin))


def _origin_pattern(item: str) -> re.Pattern[str]:
    glob = ".*".join(re.escape(part) for part in item.split("*"))
    try:
        return re.compile(f"(?:{glob})|(?:{item})" if item != "*" else ".*", re.IGNORECASE)
    except re.error:
        return re.compile(glob, re.IGNORECASE)
