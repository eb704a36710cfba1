"""Intake: from the replication connection to batches of records. How the stream is read, whoever decodes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from headrace.data import SourceRecord
from headrace.native import core
from headrace.sources.postgres.events import Clock
from headrace.sources.postgres.stream.assembly import AssembledConnection, Connection, assembled
from headrace.sources.postgres.stream.native_intake import NativeIntake
from headrace.sources.postgres.stream.stream import StreamDecoder


class Intake(Protocol):
    """One stream being read. `read` and `feed` in turn until `made` says there is something, then `batch`."""

    @property
    def pending(self) -> int:
        """How many messages are read and not decoded."""

    def read(self, timeout_s: float) -> bool:
        """Read what has come, when nothing is pending; False when nothing came in that time. Raises the error that ends the stream."""

    def feed(self, out: list[SourceRecord], limit: int, clock: Clock) -> bool:
        """Decode what is pending until there are `limit` records. `out`: for single records. False when the decoder holds back."""

    def made(self, out: Sequence[SourceRecord]) -> int:
        """How many records there are, with those in `out`."""

    def batch(self, out: list[SourceRecord], clock: Clock) -> Sequence[SourceRecord]:
        """What was made since the batch before, to be handed over."""

    def close(self) -> None:
        """Give up what is kept for it; the connection is not its own."""


class PayloadIntake:
    """The Python decoder alone."""

    def __init__(self, decoder: StreamDecoder, connection: Connection, read_bytes: int) -> None:
        self._decoder = decoder
        self._connection = connection
        self._read_bytes = read_bytes
        self._payloads: Sequence[bytes] = ()
        self._index = 0

    @property
    def pending(self) -> int:
        return len(self._payloads) - self._index

    def read(self, timeout_s: float) -> bool:
        self._payloads, self._index = self._connection.read(self._read_bytes, timeout_s), 0
        return bool(self._payloads)

    def feed(self, out: list[SourceRecord], limit: int, clock: Clock) -> bool:
        index = self._decoder.feed(self._payloads, self._index, out, limit, clock)
        moved = index != self._index
        self._index = index
        return moved

    def made(self, out: Sequence[SourceRecord]) -> int:
        return len(out)

    def batch(self, out: list[SourceRecord], clock: Clock) -> Sequence[SourceRecord]:
        return out

    def close(self) -> None:
        if isinstance(self._connection, AssembledConnection):
            self._connection.close()


def open_intake(
    decoder: StreamDecoder,
    connection: Connection,
    read_bytes: int,
    options: Mapping[str, str],
    *,
    exact_limit: bool,
) -> Intake:
    """The intake for a decoder: the Rust core where it is there and the decoder does nothing that only Python can. `options`: of the
    stream, as the settings say. `exact_limit`: a batch is not to be larger than asked for; else the core's may be what one read has
    brought."""
    connection = assembled(connection, options)
    if core is None or not decoder.by_core:
        assert decoder.wires is None, "only the core reads binary values"
        return PayloadIntake(decoder, connection, read_bytes)
    return NativeIntake(decoder, connection, read_bytes, exact_limit=exact_limit)
