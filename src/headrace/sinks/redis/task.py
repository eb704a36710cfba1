"""RedisSinkTask: records in, transactions out. Control flow only; see the package's docstring for the parts."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import msgspec

import headrace
from headrace.data import SinkRecord
from headrace.data.batch import SinkBatch
from headrace.errors import DataException, HeadraceError
from headrace.sinks.redis.batches import MAX_BYTES, MAX_RECORDS, Item, Piece
from headrace.sinks.redis.blocks import Blocks
from headrace.sinks.redis.config import RedisSinkConfig
from headrace.sinks.redis.encode import Encoded, Encoder
from headrace.sinks.redis.positions import Position
from headrace.sinks.redis.render import json_bytes
from headrace.sinks.redis.write import Writer
from headrace.spi import SinkTask, TopicPartition
from headrace.systems.redis import RedisLink, encode_command

logger = logging.getLogger(__name__)


class RedisSinkTask(SinkTask):
    """Writes what it is given before `put` returns: accepted is durable as far as Redis is."""

    def start(self, props: Mapping[str, str]) -> None:
        self._config = RedisSinkConfig.parse(props)
        connector = self.context.connector_name
        self._link = RedisLink(self._config.target, f"headrace-{connector}-{self.context.task_id}".replace(" ", "_"))
        self._link.connect()
        self._encoder = Encoder(self._config)
        self._writer = Writer(self._link, self._config, connector)
        self._blocks = Blocks(self._config, self._encoder, self._writer, self._merged)
        self._passed_over = 0

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        topic_ids = {topic: self.context.topic_id(topic) for topic in {p.topic for p in partitions}}
        self.context.offset(self._writer.open(partitions, topic_ids))

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        self._writer.close(partitions)

    def put(self, records: Sequence[SinkRecord]) -> None:
        if isinstance(records, SinkBatch) and self._blocks.takes(records):
            for piece, refused in self._blocks.pieces(records):
                self._write(piece, refused)
            self._write([], [])  # the replicas, where all was written before
        else:
            self._put_records(records)

    def _put_records(self, records: Sequence[SinkRecord]) -> None:
        encode = self._encoder.encode
        items: list[Item] = []
        refused: list[tuple[SinkRecord, HeadraceError]] = []
        size = 0
        state: Position | None = None
        for record in records:
            topic, partition = record.original_topic, record.original_partition
            if state is None or state.partition != (topic, partition):
                state = self._writer.position(TopicPartition(topic, partition))
            offset = record.original_offset
            if state.done(offset):
                continue
            try:
                commands, count, merge = encode(record)
            except DataException as error:
                refused.append((record, error))
                commands, count, merge = b"", 0, None
            if merge is not None:
                # The stored document must include what this batch writes before.
                self._write(items, refused)
                items, refused, size = [], [], 0
                commands, count, merge = self._merged(*merge, commands, count)
            items.append(Item(state, offset, commands, count, record))
            size += len(commands)
            if len(items) >= MAX_RECORDS or size >= MAX_BYTES:
                self._write(items, refused)
                items, refused, size = [], [], 0
        self._write(items, refused)

    def stop(self) -> None:
        link = getattr(self, "_link", None)
        if link is not None:
            link.close()

    def _write(self, items: list[Item] | Piece, refused: list[tuple[SinkRecord, HeadraceError]]) -> None:
        # Dead letters first: the position that passes such a record must not be written before them.
        if refused:
            self._reject(refused)
        if isinstance(items, Piece):
            self._writer.write_piece(items, self._reject)
        else:
            self._writer.write(items, self._reject)
        if self._encoder.tombstones_without_row > self._passed_over:
            if not self._passed_over:
                logger.warning("Tombstones name no row, which redis.key.pattern needs; they are passed over.")
            self._passed_over = self._encoder.tombstones_without_row

    def _reject(self, refused: Sequence[tuple[SinkRecord, HeadraceError]]) -> None:
        reporter = self.context.errant_record_reporter()
        if reporter is None:
            record, error = refused[0]
            where = f"{record.original_topic}-{record.original_partition} offset {record.original_offset}"
            raise type(error)(
                f"{where}: {error.message}", code=error.code, field=error.field, remedy=error.remedy
            ) from error
        for report in [reporter.report(record, error) for record, error in refused]:
            report.result()

    def _merged(self, key: bytes, document: dict[str, object], commands: bytes, count: int) -> Encoded:
        """A document with unchanged fields, completed by the stored one. Keys belong to one partition and it is ours,
        so nobody changes it in between."""
        stored = self._link.call("GET", key)
        try:
            before = msgspec.json.decode(stored) if stored is not None else {}
        except msgspec.DecodeError:
            before = {}
        merged = {**before, **document} if isinstance(before, dict) else document
        return Encoded(encode_command(b"SET", key, json_bytes(merged)) + commands, count + 1)

    @classmethod
    def version(cls) -> str:
        return headrace.__version__
