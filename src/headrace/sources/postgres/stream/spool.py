"""What was streamed of one transaction that is not committed yet, on disk."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

from headrace.errors import RetriableException
from headrace.sources.postgres.stream.blocks import RUN

_READ_BYTES: Final = 1 << 20


class Kept(NamedTuple):
    """What is left of a transaction: the first position that is not 0, or 0; whether there is any change."""

    first: int
    changes: bool


class Spool:
    """The runs of a transaction; see `blocks.RUN`. `dropped`: its subtransactions that were rolled back.

    RetriableException PG_SPOOL when the disk does not take or give what is to be kept."""

    def __init__(self) -> None:
        self.dropped: set[int] = set()
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(prefix="headrace-")  # noqa: SIM115
        except OSError as error:
            raise _no_room(error) from error

    def add(self, runs: bytes) -> None:
        """Keep what a block brings."""
        try:
            self._file.write(runs)
        except OSError as error:
            raise _no_room(error) from error

    def kept(self) -> Kept:
        """What there is but for what was rolled back."""
        first = 0
        for position, changes, _ in self._runs():
            first = first or position
            if changes:
                # All that has a position but no change in it stands before one that has.
                return Kept(first, True)
        return Kept(first, False)

    def messages(self) -> Iterator[bytes]:
        """CopyData messages, cut anywhere: a large transaction is never in memory as a whole."""
        try:
            for _, _, left in self._runs():
                while left:
                    chunk = self._file.read(min(left, _READ_BYTES))
                    left -= len(chunk)
                    yield chunk
        except OSError as error:
            raise _no_room(error) from error

    def _runs(self) -> Iterator[tuple[int, int, int]]:
        """Of each run that counts its first position, whether it has changes, and its length; the file stands at its messages."""
        try:
            at = self._file.seek(0)
            while head := self._file.read(RUN.size):
                part, length, first, changes = RUN.unpack(head)
                at += RUN.size + length
                if part not in self.dropped:
                    yield first, changes, length
                self._file.seek(at)
        except OSError as error:
            raise _no_room(error) from error

    def close(self) -> None:
        # What is still to be written is not wanted any more, and may not find room.
        with contextlib.suppress(OSError):
            self._file.close()


def _no_room(error: OSError) -> RetriableException:
    return RetriableException(
        f"A transaction that is not committed yet cannot be kept in {tempfile.gettempdir()}: {error}",
        code="PG_SPOOL",
        field="slot.stream.params",
        remedy="Make room there, or point TMPDIR elsewhere; without streaming in slot.stream.params the server keeps it on its own disk.",
    )
