"""The REST interface as one ASGI application: read, authenticate, route, bound in time, answer.

No request can end otherwise than in an answer of the contract's shape; what is unexpected is logged once and answered with 500.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from enum import Enum
from typing import Any, Final
from urllib.parse import parse_qs

from headrace.errors import ConnectTimeoutException, HeadraceError
from headrace.rest.auth import auth_from_settings
from headrace.rest.headers import HEADERS_KEY, Cors, parse_extra_headers
from headrace.rest.http import HttpError, Request, Response, error_from
from headrace.rest.resources import admin, connectors, lifecycle, offsets, plugins, root, signals
from headrace.rest.routing import Resource, Router, split_path
from headrace.runtime.herder import Herder

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

ADMIN_LISTENERS_KEY: Final = "admin.listeners"
TASKS_CONFIG_KEY: Final = "rest.compat.tasks.config"
OPERATION_TIMEOUT_S: Final = 90.0
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
_STAGE_TIMEOUT_S: Final = 1.0

_log = logging.getLogger(__name__)


class Part(Enum):
    """What a listener serves."""

    ALL = "all"
    PUBLIC = "public"
    ADMIN = "admin"


def create_app(
    herder: Herder,
    settings: Mapping[str, str],
    *,
    part: Part | None = None,
    operation_timeout_s: float = OPERATION_TIMEOUT_S,
    health_timeout_s: float = root.HEALTH_TIMEOUT_S,
) -> AsgiApp:
    """The application for one listener.

    `settings`: the worker's properties as text. `part` None: all paths, without the admin ones when `admin.listeners` is set (empty
    switches them off, otherwise they have listeners of their own). ConfigException for settings that cannot be met.
    """
    if part is None:
        part = Part.PUBLIC if settings.get(ADMIN_LISTENERS_KEY) is not None else Part.ALL
    paths: list[Resource] = []
    if part is not Part.ADMIN:
        old_tasks = settings.get(TASKS_CONFIG_KEY, "").strip().lower() == "true"
        paths += root.resources(herder, health_timeout_s=health_timeout_s)
        paths += connectors.resources(herder)
        paths += lifecycle.resources(herder, tasks_config=old_tasks)
        paths += offsets.resources(herder)
        paths += signals.resources(herder)
        paths += plugins.resources(herder)
    if part is not Part.PUBLIC:
        paths += admin.resources(herder)
    return _App(herder, settings, Router(paths), operation_timeout_s)


class _App:
    def __init__(self, herder: Herder, settings: Mapping[str, str], router: Router, timeout_s: float) -> None:
        self._herder = herder
        self._router = router
        self._timeout_s = timeout_s
        self._auth = auth_from_settings(settings)
        self._cors = Cors.from_settings(settings)
        self._extra_headers = parse_extra_headers(settings.get(HEADERS_KEY, ""))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = _request_of(scope)
        try:
            request.body = await _read_body(receive)
            request.segments = split_path(scope.get("raw_path") or scope["path"].encode())
            response = self._cors.preflight(request) or await self._answer(request)
        except _Disconnected:
            return
        except HttpError as error:
            response = error.response()
        self._cors.apply(request, response)
        for rule in self._extra_headers:
            rule.apply(response)
        _log.log(
            logging.DEBUG if request.method in ("GET", "HEAD") else logging.INFO,
            "%s %s -> %d", request.method, scope["path"], response.status,
        )  # fmt: skip
        await _send(response, send, head=request.method == "HEAD")

    async def _answer(self, request: Request) -> Response:
        try:
            if self._auth is not None:
                self._auth.check(request)
            return await self._in_time(request)
        except Exception as error:
            if not isinstance(error, HttpError | HeadraceError):
                _log.exception("%s /%s failed unexpectedly.", request.method, "/".join(request.segments))
            return error_from(error).response()

    async def _in_time(self, request: Request) -> Response:
        """The handler's answer within the deadline. Past it the operation goes on, as it may be half done; only the client stops waiting."""
        operation = asyncio.ensure_future(self._router.dispatch(request))
        done, _ = await asyncio.wait((operation,), timeout=self._timeout_s)
        if done:
            return operation.result()
        operation.add_done_callback(_log_late)
        raise ConnectTimeoutException(
            f"Request timed out after {self._timeout_s:g} s. The worker is currently: {await self._stage()}",
            remedy="The operation may still complete; look at the connector's status before trying again.",
        )

    async def _stage(self) -> str:
        try:
            async with asyncio.timeout(_STAGE_TIMEOUT_S):
                return (await self._herder.health())[1]
        except TimeoutError:
            return "not answering."


def _log_late(operation: asyncio.Future[Response]) -> None:
    if not operation.cancelled() and (error := operation.exception()) is not None:
        _log.error("An operation whose client had stopped waiting failed: %s", error)


class _Disconnected(Exception):
    pass


def _request_of(scope: Scope) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    host, port = scope.get("server") or ("localhost", 0)
    authority = headers.get("host") or f"{host}:{port}"
    return Request(scope["method"], (), query, headers, b"", f"{scope.get('scheme', 'http')}://{authority}")


async def _read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        size += len(message.get("body", b""))
        if size > MAX_BODY_BYTES:
            raise HttpError(413, f"The request body is larger than {MAX_BODY_BYTES} bytes.")
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _send(response: Response, send: Send, *, head: bool) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in response.headers]
    if response.content_type is not None:
        headers.append((b"content-type", response.content_type.encode("latin-1")))
    if response.status != 204:
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else response.body})
