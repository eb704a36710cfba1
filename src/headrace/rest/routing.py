"""From path and verb to a handler, with the refusals of Connect's JAX-RS server in its order: 404, 405, 415, 406.

Patterns are matched on decoded segments of the raw path, so that a connector's name may hold `/` and `%` (sent as %2F and %25).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from headrace.rest.http import JSON, HttpError, Request, Response

Handler = Callable[..., Awaitable[Response]]
"""(request, **path parameters) -> Response"""

_PERCENT = re.compile(rb"%(?![0-9a-fA-F]{2})")
_INT = re.compile(r"[+-]?[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Resource:
    """One path. `produces` None: the Accept header is not looked at; `consumes`: Content-Type must be JSON where given."""

    pattern: tuple[str, ...]
    methods: Mapping[str, Handler]
    produces: str | None = JSON
    consumes: bool = True

    def match(self, segments: tuple[str, ...]) -> dict[str, str | int] | None:
        """The path parameters, or None. `{name}` takes any text, `{name:int}` a Java int."""
        if len(segments) != len(self.pattern):
            return None
        found: dict[str, str | int] = {}
        for part, text in zip(self.pattern, segments, strict=True):
            if not part.startswith("{"):
                if part != text:
                    return None
            elif not text:
                return None
            elif part.endswith(":int}"):
                if not _INT.fullmatch(text) or not -(2**31) <= int(text) < 2**31:
                    return None
                found[part[1:-5]] = int(text)
            else:
                found[part[1:-1]] = text
        return found

    def matches_but_for_numbers(self, segments: tuple[str, ...]) -> bool:
        """Whether only a number that is none keeps the path from being served: that answer is one of the resource's."""
        return len(segments) == len(self.pattern) and all(
            text if part.startswith("{") else part == text for part, text in zip(self.pattern, segments, strict=True)
        )

    def allowed(self) -> str:
        verbs = set(self.methods) | {"OPTIONS"}
        if "GET" in verbs:
            verbs.add("HEAD")
        return ",".join(sorted(verbs))


def resource(path: str, *, produces: str | None = JSON, consumes: bool = True, **methods: Handler) -> Resource:
    """Declare a path: `resource("/connectors/{name}", GET=..., DELETE=...)`."""
    return Resource(tuple(path.strip("/").split("/")) if path != "/" else (), methods, produces, consumes)


def split_path(raw_path: bytes) -> tuple[str, ...]:
    """The decoded segments; one trailing slash is ignored. HttpError 400 for broken percent-encoding."""
    if _PERCENT.search(raw_path):
        raise HttpError(400, "The path holds a percent sign that starts no encoded character.", bare=True)
    parts = raw_path.split(b"/")[1:]
    if parts and not parts[-1]:
        parts.pop()
    try:
        return tuple(unquote(part.decode("ascii"), errors="strict") for part in parts)
    except UnicodeDecodeError:
        raise HttpError(400, "The path is no percent-encoded UTF-8.", bare=True) from None


class Router:
    """The resources of one listener."""

    def __init__(self, resources: list[Resource]) -> None:
        self._resources = resources

    async def dispatch(self, request: Request) -> Response:
        """The handler's answer. HttpError for paths, verbs and media types that are not served."""
        found, parameters = self._find(request.segments)
        if request.method == "OPTIONS" and "OPTIONS" not in found.methods:
            allowed = found.allowed()
            return Response(200, allowed.replace(",", ", ").encode(), "text/plain", [("Allow", allowed)])
        handler = found.methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            raise HttpError(405, "HTTP 405 Method Not Allowed", bare=True, headers=[("Allow", found.allowed())])
        if found.consumes and not _is_json(request):
            raise HttpError(415, "HTTP 415 Unsupported Media Type", bare=True)
        if found.produces and not accepts(request.headers.get("accept", ""), found.produces):
            raise HttpError(406, "HTTP 406 Not Acceptable", bare=True)
        return await handler(request, **parameters)

    def _find(self, segments: tuple[str, ...]) -> tuple[Resource, dict[str, str | int]]:
        for candidate in self._resources:
            parameters = candidate.match(segments)
            if parameters is not None:
                return candidate, parameters
        known = any(candidate.matches_but_for_numbers(segments) for candidate in self._resources)
        raise HttpError(404, "HTTP 404 Not Found", bare=not known)


def _is_json(request: Request) -> bool:
    given = request.headers.get("content-type")
    if given is None:
        return not request.body
    return given.partition(";")[0].strip().lower() == JSON


def accepts(header: str, media_type: str) -> bool:
    """Whether an Accept header allows `media_type`; an empty one allows everything."""
    if not header.strip():
        return True
    best: tuple[int, float] = (0, 0.0)
    family = media_type.partition("/")[0] + "/*"
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        precision = {media_type: 3, family: 2, "*/*": 1, "*": 1}.get(name, 0)
        if precision > best[0]:
            best = (precision, _quality(parameters))
    return best[1] > 0


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
