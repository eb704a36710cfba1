"""Calls an application without a socket, and runs one behind a real socket in a thread for clients that need it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.rest.app import AsgiApp
from headrace.rest.server import serve
from headrace.runtime.herder import Herder


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


async def call(
    app: AsgiApp,
    method: str,
    path: str,
    body: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    raw: bytes | None = None,
) -> Answer:
    """One request; `body` goes out as JSON with its Content-Type, `raw` as it is."""
    target, _, query = path.partition("?")
    sent = {"host": "worker:8083", **(headers or {})}
    content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
    if content and "content-type" not in sent:
        sent["content-type"] = "application/json"
    scope = {
        "type": "http", "method": method, "path": target, "raw_path": target.encode(), "query_string": query.encode(),
        "scheme": "http", "server": ("worker", 8083),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items() if value != ""],
    }  # fmt: skip
    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    await app(scope, receive, send)
    start, *parts = messages
    found = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(part["body"] for part in parts))


@contextlib.contextmanager
def running(herder: Herder, settings: Mapping[str, str] | None = None) -> Iterator[list[str]]:
    """The base URLs of a server on free ports."""
    bound = threading.Event()
    urls: list[str] = []
    failure: list[BaseException] = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def on_bound(found: list[str]) -> None:
        urls.extend(found)
        bound.set()

    def run() -> None:
        try:
            given = {"listeners": "http://127.0.0.1:0", **(settings or {})}
            loop.run_until_complete(serve(herder, given, on_bound=on_bound, stop=stop))
        except BaseException as error:
            failure.append(error)
        finally:
            bound.set()
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        assert bound.wait(10)
        if failure:
            raise failure[0]
        yield urls
    finally:
        if not loop.is_closed():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        assert not thread.is_alive()
