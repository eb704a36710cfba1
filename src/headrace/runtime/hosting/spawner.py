"""The worker's side of making children: through the fork server, or as threads of the worker for debugging."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from headrace.errors import ConnectException, RetriableException
from headrace.runtime.hosting.fork_server import ANSWER, REQUEST

logger = logging.getLogger(__name__)

ExitStatus = int
"""A wait status, see os.WIFSIGNALED; 0 for threads."""


class Spawner(ABC):
    """Makes children that run `headrace.runtime.hosting.child.main` on a socket."""

    @abstractmethod
    async def start(self) -> None: ...

    @abstractmethod
    async def spawn(self, child_end: socket.socket, module: str = "") -> tuple[int, asyncio.Future[ExitStatus]]:
        """Start a child on its end of the socket pair, which is taken over; returns its pid (0 for a thread) and its end.
        `module`: what it will import first.
        RetriableException (code FORK_FAILED) when the machine has no room."""

    @abstractmethod
    async def close(self) -> None:
        """End what is left of the children."""


class ForkSpawner(Spawner):
    """Keeps a fork server running and talks to it. `keep_fds` are inherited by it and by all children."""

    def __init__(self, keep_fds: tuple[int, ...] = ()) -> None:
        self._keep_fds = keep_fds
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._numbers = 0
        self._waiting: dict[int, asyncio.Future[tuple[int, asyncio.Future[ExitStatus]]]] = {}
        self._ends: dict[int, asyncio.Future[ExitStatus]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._closed = False

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "headrace.runtime.hosting.fork_server",
            *(str(fd) for fd in (theirs.fileno(), *self._keep_fds)),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), *self._keep_fds),
            start_new_session=True,
        )
        theirs.close()
        self._control = ours
        self._reader = asyncio.create_task(self._read(ours))

    async def spawn(self, child_end: socket.socket, module: str = "") -> tuple[int, asyncio.Future[ExitStatus]]:
        async with self._lock:
            if self._closed:
                child_end.close()
                raise RetriableException("The worker is stopping.", code="FORK_FAILED")
            if self._process is None or self._process.returncode is not None or self._control is None:
                logger.error("The fork server is gone; starting a new one.")
                await self.start()
            assert self._control is not None
            self._numbers += 1
            number = self._numbers
            answer: asyncio.Future[tuple[int, asyncio.Future[ExitStatus]]] = asyncio.get_running_loop().create_future()
            self._waiting[number] = answer
            try:
                # A few bytes into an empty local socket never block.
                name = module.encode()
                socket.send_fds(self._control, [REQUEST.pack(number, len(name)) + name], [child_end.fileno()])
            except OSError as error:
                raise RetriableException(f"No process could be started: {error}", code="FORK_FAILED") from error
            finally:
                child_end.close()
        return await answer

    async def _read(self, control: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        buffer = b""
        while True:
            try:
                data = await loop.sock_recv(control, 4096)
            except OSError:
                data = b""
            if not data:
                break
            buffer += data
            while len(buffer) >= ANSWER.size:
                self._answer(*ANSWER.unpack(buffer[: ANSWER.size]))
                buffer = buffer[ANSWER.size :]
        self._lost()

    def _answer(self, kind: bytes, number: int, value: int) -> None:
        if kind == b"X":
            end = self._ends.pop(number, None)
            if end is not None and not end.done():
                end.set_result(value)
            return
        waiting = self._waiting.pop(number)
        if waiting.done():
            return  # who asked was cancelled; its end of the socket is closed, so the child ends at once
        if kind == b"S":
            end = self._ends[value] = asyncio.get_running_loop().create_future()
            waiting.set_result((value, end))
        else:
            waiting.set_exception(
                RetriableException(
                    f"No process could be started: {os.strerror(value)}",
                    code="FORK_FAILED",
                    remedy="Look at the machine's memory and its limit of processes.",
                )
            )

    def _lost(self) -> None:
        """The server is gone, and with it (the kernel sees to that) all its children."""
        self._control = None
        for waiting in self._waiting.values():
            if waiting.done():
                continue
            waiting.set_exception(RetriableException("The fork server died.", code="FORK_FAILED"))
        self._waiting.clear()
        for end in self._ends.values():
            if not end.done():
                end.set_result(9)
        self._ends.clear()

    async def close(self) -> None:
        self._closed = True
        if self._reader is not None:
            self._reader.cancel()
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            await self._process.wait()


class ThreadSpawner(Spawner):
    """Runs children as threads of the worker: a debugger sees them, but they cannot be killed."""

    async def start(self) -> None:
        pass

    async def spawn(self, child_end: socket.socket, module: str = "") -> tuple[int, asyncio.Future[ExitStatus]]:
        loop = asyncio.get_running_loop()
        end: asyncio.Future[ExitStatus] = loop.create_future()
        threading.Thread(target=_thread, args=(child_end, loop, end), name="headrace-child", daemon=True).start()
        return 0, end

    async def close(self) -> None:
        pass


def _thread(sock: socket.socket, loop: asyncio.AbstractEventLoop, end: asyncio.Future[ExitStatus]) -> None:
    from headrace.runtime.hosting.child import main

    try:
        main(sock, own_process=False)
    finally:
        _tell(loop, lambda: None if end.done() else end.set_result(0))


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        pass  # the worker's loop has ended already


def spawner(isolation: str, keep_fds: tuple[int, ...] = ()) -> Spawner:
    """The spawner for `headrace.task.isolation`."""
    if isolation == "thread":
        return ThreadSpawner()
    if isolation != "process":
        raise ConnectException(
            f"Unknown isolation {isolation}.", code="CONFIG_INVALID", field="headrace.task.isolation"
        )
    return ForkSpawner(keep_fds)
