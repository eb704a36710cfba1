"""The fork server: a single-threaded process that has everything imported and forks children on request.

Run as `python -m headrace.runtime.hosting.fork_server FD [KEPT...]`; the children have the kept descriptors too. Over the
control socket the worker sends a number (8 bytes), the length of a text (2 bytes) and the text: the module the child will need
first, with one end of a socket pair. The module is imported before the fork if it is the product's own (all its later children
share it), plugins of others only in the child. The answer is `S`, number, pid; when a child has ended, `X`, pid, wait status;
`E`, number, errno when the machine cannot fork. When the worker is gone the children get a moment to end, then they are killed and
the server ends. If the server dies the kernel kills the children. Each child leads a process group, which is killed when the child has ended: what a
plugin has started does not outlive it, and does not keep the worker's lock.
"""

from __future__ import annotations

import gc
import importlib
import os
import selectors
import signal
import socket
import struct
import sys
import time
import traceback
from collections import deque
from typing import Final, NoReturn

from headrace.foundation.process import die_with_parent, kill, kill_group

REQUEST: Final = struct.Struct(">QH")
ANSWER: Final = struct.Struct(">cQq")

_GRACE_S: Final = 3.0
_OOM_SCORE: Final = b"300"
"""When memory runs out the kernel shall take a task, not the worker."""

_PRELOAD: Final = (
    "msgspec",
    "sqlite3",
    "encodings.idna",
    "headrace.spi",
    "headrace.spi.plugins",
    "headrace.runtime.hosting.child",
    "headrace.runtime.hosting.task_host",
    "headrace.runtime.hosting.connector_host",
    "headrace.runtime.hosting.calls",
    "headrace.runtime.task_runner",
    "headrace.runtime.validation",
    "headrace.log.factory",
    "headrace.log.embedded.log",
    "headrace.log.embedded.stores",
    "headrace.converters.json.converter",
    "headrace.converters.simple_header",
)


class ForkServer:
    """See the module's docstring."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pid = os.getpid()
        self._children: set[int] = set()
        self._fds: deque[int] = deque()
        self._buffer = b""
        self._preload = deque(_PRELOAD)

    def run(self) -> None:
        """Serve until the worker is gone."""
        gc.disable()
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, _nothing)
        signal.set_wakeup_fd(wake_write)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ, "control")
            selector.register(wake_read, selectors.EVENT_READ, "wake")
            while True:
                events = selector.select(0 if self._preload else None)
                if not events:
                    self._import_next()
                for key, _ in events:
                    if key.data == "wake":
                        _drain(wake_read)
                        self._reap()
                    elif not self._serve(selector, wake_read, wake_write):
                        self._end_children()
                        return

    def _import_next(self) -> None:
        """Import ahead while nobody waits."""
        _import(self._preload.popleft())
        if not self._preload:
            _settle_memory()

    def _serve(self, selector: selectors.BaseSelector, *pipe: int) -> bool:
        try:
            data, fds, _, _ = socket.recv_fds(self._control, self._missing(), 4)
        except ConnectionError:
            return False
        if not data:
            return False
        self._buffer += data
        for fd in fds:
            os.set_inheritable(fd, False)
        self._fds.extend(fds)
        if not self._missing():
            number, size = REQUEST.unpack_from(self._buffer)
            module = self._buffer[REQUEST.size : REQUEST.size + size].decode()
            self._buffer = b""
            while self._preload:
                self._import_next()
            if module.startswith("headrace.") and module not in sys.modules:
                _import(module)
                _settle_memory()
            self._fork(number, self._fds.popleft(), selector, pipe)
        return True

    def _missing(self) -> int:
        """How many bytes of the request have not been read."""
        if len(self._buffer) < REQUEST.size:
            return REQUEST.size - len(self._buffer)
        return int(REQUEST.size + REQUEST.unpack_from(self._buffer)[1] - len(self._buffer))

    def _fork(self, number: int, fd: int, selector: selectors.BaseSelector, pipe: tuple[int, ...]) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            os.close(fd)
            self._answer(b"E", number, error.errno or 0)
            return
        if pid == 0:
            selector.close()
            self._become_child(fd, pipe)
        os.close(fd)
        self._children.add(pid)
        self._answer(b"S", number, pid)

    def _become_child(self, fd: int, pipe: tuple[int, ...]) -> NoReturn:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for inherited in (*pipe, self._control.detach()):
                os.close(inherited)
            die_with_parent()
            os.setpgid(0, 0)
            if os.getppid() != self._pid:
                os._exit(1)
            _prefer_for_oom()
            gc.enable()
            from headrace.runtime.hosting.child import main

            main(socket.socket(fileno=fd))
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            try:
                sys.stderr.flush()
            finally:
                # Threads that a plugin left behind must not hold the process, nor a standard error that nobody reads any more.
                os._exit(status)

    def _reap(self) -> None:
        for pid, status in _ended(self._children):
            self._answer(b"X", pid, status)

    def _answer(self, kind: bytes, number: int, value: int) -> None:
        try:
            self._control.sendall(ANSWER.pack(kind, number, value))
        except ConnectionError:
            pass  # the worker is gone; the next read of the socket says so

    def _end_children(self) -> None:
        deadline = time.monotonic() + _GRACE_S
        while self._children and time.monotonic() < deadline:
            list(_ended(self._children))
            time.sleep(0.02)
        for pid in self._children:
            kill_group(pid)
            kill(pid)


def _import(name: str) -> None:
    """A module that fails here fails again, with its reason, where it is needed."""
    try:
        importlib.import_module(name)
    except Exception as error:
        print(f"headrace: {name} could not be imported: {error}", file=sys.stderr)


def _settle_memory() -> None:
    """What is there now shall stay shared with the children: their collector must not touch it."""
    gc.collect()
    gc.freeze()


def _ended(children: set[int]) -> list[tuple[int, int]]:
    ended = []
    for pid in list(children):
        try:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            # Not reaped yet, so the number of its group is still its own.
            kill_group(pid)
            _, status = os.waitpid(pid, 0)
        except ChildProcessError:
            status = 0
        children.discard(pid)
        ended.append((pid, status))
    return ended


def _prefer_for_oom() -> None:
    try:
        with open("/proc/self/oom_score_adj", "wb") as file:
            file.write(_OOM_SCORE)
    except OSError:
        pass


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 512):
            pass
    except BlockingIOError:
        pass


def _nothing(*_: object) -> None:
    """A handler instead of SIG_IGN: programs that a plugin starts get the default back."""


def main() -> None:
    # The worker decides when children end: signals to the whole group (Ctrl-C, a service manager) are not for them.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _nothing)
    # What plugins print goes where the log goes.
    os.dup2(2, 1)
    control, *kept = (int(text) for text in sys.argv[1:])
    for fd in (control, *kept):
        os.set_inheritable(fd, False)  # for the children, not for the programs that a plugin starts
    ForkServer(socket.socket(fileno=control)).run()


if __name__ == "__main__":
    main()
