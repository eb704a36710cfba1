"""Waking consumers of other processes at once, without polling and without a server.

Each waiter has a named pipe; hard links to it in channel folders say what it waits for (a partition, a group, the topic
list). Whoever changes something writes one byte into every pipe of the channel. A pipe nobody holds open belongs to the
dead: the write fails at once and the link is removed. Losing a byte costs a second, never a record: waiters look again.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import zlib
from collections.abc import Iterable
from pathlib import Path

_logger = logging.getLogger(__name__)
_DRAIN = 65_536


def partition_channel(part_id: int) -> str:
    return f"p{part_id}"


def group_channel(group: str) -> str:
    """Groups that share a number by chance only wake each other for nothing."""
    return f"g{zlib.crc32(group.encode()):08x}"


TOPICS_CHANNEL = "topics"


class WakeBoard:
    """The channel folders of a log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "wake"
        self.folder.mkdir(parents=True, exist_ok=True)

    def notify(self, channels: Iterable[str]) -> None:
        """Wake everyone on these channels. Never waits and never raises: what it tells of is already committed."""
        for channel in channels:
            folder = f"{self.folder}/{channel}"
            try:
                for name in os.listdir(folder):
                    _ring(f"{folder}/{name}")
            except FileNotFoundError:
                continue
            except OSError as error:
                _logger.warning("Could not wake readers of the log at once, they look within a second: %s", error)

    def sweep(self) -> int:
        """Remove what dead waiters left; returns how many links and pipes."""
        removed = 0
        for channel in os.listdir(self.folder):
            folder = self.folder / channel
            for name in os.listdir(folder):
                # A hidden pipe is just being made.
                if not name.startswith("."):
                    removed += not _ring(f"{folder}/{name}")
        return removed


class Waiter:
    """One waiting place. `wait` by its owner only; `ring` by any thread."""

    def __init__(self, board: WakeBoard, uid: str) -> None:
        self._board = board
        self._uid = uid
        own = board.folder / "waiters"
        own.mkdir(exist_ok=True)
        self._pipe = own / uid
        hidden = own / f".{uid}"
        os.mkfifo(hidden, 0o660)
        # Open for reading and writing: the pipe then never reports that its last writer has gone.
        self._fd = os.open(hidden, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        hidden.rename(self._pipe)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._channels: set[str] = set()

    def listen(self, channels: set[str]) -> None:
        """Wait for exactly these channels from now on."""
        for channel in channels - self._channels:
            folder = self._board.folder / channel
            folder.mkdir(exist_ok=True)
            os.link(self._pipe, folder / self._uid)
        for channel in self._channels - channels:
            (self._board.folder / channel / self._uid).unlink(missing_ok=True)
        self._channels = set(channels)

    def drain(self) -> None:
        """Forget what rang so far; look for news after this, then `wait`."""
        try:
            while len(os.read(self._fd, _DRAIN)) == _DRAIN:
                pass
        except BlockingIOError:
            pass

    def wait(self, timeout_s: float) -> bool:
        """Sleep until something rings; False when the time is over."""
        return bool(self._poll.poll(max(timeout_s, 0.0) * 1000))

    def ring(self) -> None:
        """Make the owner's `wait` return."""
        try:
            os.write(self._fd, b"\0")
        except BlockingIOError:
            pass

    def close(self) -> None:
        self.listen(set())
        self._pipe.unlink(missing_ok=True)
        os.close(self._fd)


def _ring(path: str) -> bool:
    """Write into a pipe; False if nobody holds it any more, then it is removed."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass
            return False
        if error.errno == errno.ENOENT:
            return True
        raise
    try:
        os.write(fd, b"\0")
    except (BlockingIOError, BrokenPipeError):
        pass
    finally:
        os.close(fd)
    return True
