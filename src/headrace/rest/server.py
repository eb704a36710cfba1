"""The server: binds every listener first, then serves on the running loop until it is cancelled.

uvicorn carries HTTP; it installs no signal handlers here, as ending the worker is the worker's own business.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator, Mapping
from typing import Any, Final

import uvicorn

from headrace.errors import ConfigException
from headrace.rest.app import AsgiApp, Part, create_app
from headrace.rest.listeners import ADMIN_LISTENERS_KEY, Listener, bind, parse_listeners
from headrace.rest.tls import tls_from_settings
from headrace.runtime.herder import Herder

__all__ = ["create_app", "serve"]

_KEEP_ALIVE_S: Final = 30
_GRACE_S: Final = 5
_TICK_S: Final = 1.0


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._asked = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def main_loop(self) -> None:
        # The first tick of ten keeps the date header right; uvicorn's own loop wakes for all ten to see whether it is to end.
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), _TICK_S)

    def end(self) -> None:
        """Let `serve` return."""
        self.should_exit = True
        self._asked.set()


async def serve(
    herder: Herder,
    settings: Mapping[str, str],
    *,
    on_bound: Callable[[list[str]], Any] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until cancelled or `stop` is set; running requests get a few seconds to end.

    `on_bound` is called once, when all listeners accept, with their base URLs such as `http://localhost:8083` (public ones first; the
    real port where 0 was asked for). ConfigException or ConnectException (REST_BIND_FAILED) before anything is served.
    """
    listeners = parse_listeners(settings)
    configs = [_config(create_app(herder, settings, part=_part(item, settings)), item, settings) for item in listeners]
    sockets: list[socket.socket] = []
    try:
        for listener in listeners:
            sockets.append(bind(listener))  # noqa: PERF401 - what is bound must be closed when the next one fails
        servers = [_Server(config) for config in configs]
        tasks = [
            asyncio.create_task(server.serve(sockets=[sock]), name="rest-server")
            for server, sock in zip(servers, sockets, strict=True)
        ]
        try:
            await _started(servers, tasks)
            if on_bound is not None:
                on_bound([listener.url(sock) for listener, sock in zip(listeners, sockets, strict=True)])
            await _until_asked(tasks, stop)
        finally:
            for server in servers:
                server.end()
            await asyncio.shield(asyncio.gather(*tasks, return_exceptions=True))
    finally:
        for sock in sockets:
            sock.close()


def _part(listener: Listener, settings: Mapping[str, str]) -> Part:
    if listener.admin:
        return Part.ADMIN
    return Part.ALL if settings.get(ADMIN_LISTENERS_KEY) is None else Part.PUBLIC


def _config(app: AsgiApp, listener: Listener, settings: Mapping[str, str]) -> uvicorn.Config:
    tls: dict[str, Any] = {}
    if listener.scheme == "https":
        files = tls_from_settings(settings)
        tls = {
            "ssl_certfile": files.keystore,
            "ssl_keyfile_password": files.password,
            "ssl_ca_certs": files.truststore,
            "ssl_cert_reqs": files.client_auth,
        }
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        **tls,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise ConfigException(
            f"The certificate for {listener.key} cannot be used: {error}.",
            code="TLS_KEYSTORE_INVALID",
            field="ssl.keystore.location",
            remedy="Give a readable PEM file with key and certificate chain, and its password in ssl.key.password.",
        ) from error
    return config


async def _started(servers: list[_Server], tasks: list[asyncio.Task[None]]) -> None:
    while not all(server.started for server in servers):
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(0.002)


async def _until_asked(tasks: list[asyncio.Task[None]], stop: asyncio.Event | None) -> None:
    waiting = [*tasks, *([asyncio.create_task(stop.wait())] if stop is not None else [])]
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done & set(tasks):
            task.result()
    finally:
        for task in waiting[len(tasks) :]:
            task.cancel()
