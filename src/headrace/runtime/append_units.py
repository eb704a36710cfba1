"""What a source task appends: what one poll gave, where it stands in the source, and what became durable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from headrace.data import SourceRecord
from headrace.log.spi import EncodedBatch
from headrace.runtime.ledger import Ticket
from headrace.runtime.preparer import Stage


class SourcePosition(NamedTuple):
    """A source partition and where to go on in it: copies, for a task may change its maps; `encoded` is the offset's bytes."""

    partition: Mapping[str, Any]
    offset: Mapping[str, Any] | None
    encoded: bytes | None


Position = Ticket[bytes, SourcePosition]
"""A run of records in the ledger; the key is the encoded source partition."""


class AppendUnit:
    """What one poll gave: batches, the tickets of its records, and the records themselves if the task wants them back."""

    __slots__ = ("batches", "count", "records", "size", "stage", "tickets")

    def __init__(
        self, batches: Sequence[EncodedBatch], tickets: Sequence[Position], count: int, records: Sequence[SourceRecord]
    ) -> None:
        self.batches = batches
        self.tickets = tickets
        self.count = count
        self.records = records
        self.stage = Stage.RAW
        try:
            self.size = sum(batch.keys.size + batch.values.size for batch in batches)
        except TypeError:
            # Data of a wrong form: the log says so.
            self.size = 0


class Settled(NamedTuple):
    """What became durable: positions by source partition, records for `commit_record`, how many records were written."""

    positions: list[SourcePosition]
    records: list[SourceRecord]
    written: int


def settled(done: Iterable[tuple[AppendUnit, Mapping[bytes, Position]]]) -> Settled:
    """What these units, in order, made durable, each with the positions it moved."""
    latest: dict[bytes, Position] = {}
    records: list[SourceRecord] = []
    written = 0
    for unit, moved in done:
        latest.update(moved)
        records.extend(unit.records)
        written += sum(len(batch) for batch in unit.batches)
    return Settled([ticket.offset for ticket in latest.values()], records, written)
