"""Blocks: a batch of native columns as pieces, each the commands of one transaction. No Python object per record.

Records that the core has no commands for (their schemas have no plan, they are no blocks, their values are not done natively or are
errors) are encoded by `encode.py` and put in at their places.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from headrace.data import SinkRecord
from headrace.data.batch import Block, SinkBatch
from headrace.errors import DataException, HeadraceError
from headrace.native import core
from headrace.sinks.redis.batches import MAX_BYTES, MAX_RECORDS, Item, Piece
from headrace.sinks.redis.config import RedisSinkConfig
from headrace.sinks.redis.encode import Encoded, Encoder
from headrace.sinks.redis.plans import Plans
from headrace.sinks.redis.positions import Position
from headrace.sinks.redis.write import Writer
from headrace.spi import TopicPartition

if TYPE_CHECKING:
    from headrace.native._core import RespCommands

Merge = Callable[[bytes, dict[str, Any], bytes, int], Encoded]
"""Completes a document, of this key, by the stored one, and puts its command in front of others."""

Refused = list[tuple[SinkRecord, HeadraceError]]


class Blocks:
    """Cuts batches into pieces for one writer."""

    def __init__(self, config: RedisSinkConfig, encoder: Encoder, writer: Writer, merge: Merge) -> None:
        self._encoder = encoder
        self._writer = writer
        self._merge = merge
        self._plans = Plans(config, encoder)

    def takes(self, batch: SinkBatch) -> bool:
        """Whether any of the batch is done natively."""
        return any(isinstance(part, Block) and self._plans.of(part) is not None for part in batch.parts)

    def pieces(self, batch: SinkBatch) -> Iterator[tuple[Piece, Refused]]:
        """Per transaction the piece, and those of its records that cannot be written: they have no commands in it.

        ConnectException for a record of a partition that is not open. The next piece is made after the last one was written."""
        parts = [(self._plans.of(part) if isinstance(part, Block) else None, part) for part in batch.parts]
        given = [
            (None, None, None, list(part.ordinals))
            if plan is None or not isinstance(part, Block)
            else (plan, part.key, part.value, list(part.ordinals))
            for plan, part in parts
        ]
        rows = core.RespRows(given, self._skips(batch))
        start = 0
        while start < len(rows):
            portion = _Portion(
                batch, rows.encode(start, MAX_RECORDS, MAX_BYTES), self._encoder, self._writer, self._merge
            )
            start += yield from portion.pieces(start + len(portion) == len(rows))

    def _skips(self, batch: SinkBatch) -> list[tuple[int, int]]:
        """The ordinals of records that are written already."""
        skips: list[tuple[int, int]] = []
        for start, topic, partition, offsets in batch.places.runs():
            below = bisect_left(offsets, self._writer.floor(TopicPartition(topic, partition)))
            if below:
                skips.append((start, start + below))
        return skips


class _Portion:
    """At most as many records as a transaction has, in their order."""

    def __init__(
        self, batch: SinkBatch, commands: RespCommands, encoder: Encoder, writer: Writer, merge: Merge
    ) -> None:
        self._batch = batch
        self._writer = writer
        self._encoder = encoder
        self._merge = merge
        self._runs = list(batch.places.runs())
        self._refused: list[tuple[int, SinkRecord, HeadraceError]] = []
        self._commands = self._completed(commands)

    def __len__(self) -> int:
        return len(self._commands)

    def pieces(self, last: bool) -> Generator[tuple[Piece, Refused], None, int]:
        """The portion cut to the bytes a transaction may have; returns how many rows are in the pieces. Behind the first, one that has
        room for more is left to the next portion, unless this is the `last`."""
        start = 0
        while start < len(self):
            stop = self._commands.cut(start, MAX_BYTES)
            if start > 0 and stop == len(self) and not last and len(self._commands.piece(start, stop)[0]) < MAX_BYTES:
                break
            refused: Refused = [(record, error) for row, record, error in self._refused if start <= row < stop]
            yield self._piece(start, stop), refused
            start = stop
        return start

    def _completed(self, commands: RespCommands) -> RespCommands:
        """With the commands of the rows that the core left out."""
        twins = commands.twins
        if not twins:
            return commands
        records = self._records([(part, row) for _, part, row in twins])
        made: list[tuple[bytes, int]] = []
        size = 0
        for (number, _, _), record in zip(twins, records, strict=True):
            try:
                encoded = self._encoder.encode(record)
                if encoded.merge is not None:
                    if number > 0:
                        break  # the stored document must include what is written before
                    encoded = self._merge(*encoded.merge, encoded.commands, encoded.replies)
                made.append((encoded.commands, encoded.replies))
            except DataException as error:
                self._refused.append((number, record, error))
                made.append((b"", 0))
            size += len(made[-1][0])
            if size >= MAX_BYTES:
                break
        return commands.spliced(made)

    def _records(self, places: list[tuple[int, int]]) -> list[SinkRecord]:
        """The records at (part, row), in this order."""
        rows: dict[int, list[int]] = {}
        for number, row in places:
            rows.setdefault(number, []).append(row)
        found: dict[int, Iterator[SinkRecord]] = {}
        for number, chosen in rows.items():
            part = self._batch.parts[number]
            if isinstance(part, Block):
                found[number] = iter(self._batch.records_of(part.take(chosen)))
            else:
                found[number] = iter([part.records[row] for row in chosen])
        return [next(found[number]) for number, _ in places]

    def _piece(self, start: int, stop: int) -> Piece:
        states: dict[int, Position] = {}
        starts: dict[int, int] = {}
        ends: dict[int, int] = {}
        spans = self._commands.spans(start, stop, [first for first, _, _, _ in self._runs])
        for run, _, last, written in spans:
            first, topic, partition, offsets = self._runs[run]
            state = self._writer.position(TopicPartition(topic, partition))
            place = id(state)
            states[place] = state
            ends[place] = offsets[last - first] + 1
            if written is not None:
                starts.setdefault(place, offsets[written - first])
        commands, replies = self._commands.piece(start, stop)
        return Piece(
            commands, replies, list(states.values()), starts, ends, stop - start, lambda: self._items(start, stop)
        )

    def _items(self, start: int, stop: int) -> list[Item]:
        items: list[Item] = []
        records = self._records([(part, row) for part, row, _ in self._commands.origins(start, stop)])
        for row, record in enumerate(records, start):
            state = self._writer.position(TopicPartition(record.original_topic, record.original_partition))
            items.append(Item(state, record.original_offset, *self._commands.piece(row, row + 1), record))
        return items
