"""The intake whose stream is decoded by the Rust core; raw chunks go from the socket to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from headrace.data import SourceRecord
from headrace.sources.postgres.events import Clock
from headrace.sources.postgres.stream.assembly import AssembledConnection, Connection
from headrace.sources.postgres.stream.native_stream import NativeStream
from headrace.sources.postgres.stream.stream import StreamDecoder

_NO_LIMIT: Final = 1 << 31


class NativeIntake:
    """See `intake.Intake`."""

    def __init__(self, decoder: StreamDecoder, connection: Connection, read_bytes: int, *, exact_limit: bool) -> None:
        self._stream = NativeStream(decoder)
        self._connection = connection
        self._read_bytes = read_bytes
        self._exact_limit = exact_limit

    @property
    def pending(self) -> int:
        return self._stream.pending

    def read(self, timeout_s: float) -> bool:
        chunk = self._connection.read_chunk(self._read_bytes, timeout_s)
        if chunk:
            self._stream.add(chunk)
        return bool(chunk)

    def feed(self, out: list[SourceRecord], limit: int, clock: Clock) -> bool:
        foreign = self._stream.feed(out, limit if self._exact_limit else _NO_LIMIT, clock)
        if foreign:
            self._connection.give_back(foreign)
        return not self._stream.held

    def made(self, out: Sequence[SourceRecord]) -> int:
        return self._stream.made(out)

    def batch(self, out: list[SourceRecord], clock: Clock) -> Sequence[SourceRecord]:
        return self._stream.batch(out, clock)

    def close(self) -> None:
        if isinstance(self._connection, AssembledConnection):
            self._connection.close()
