"""Writer: batches of encoded records into Redis, each in one transaction with the positions it moves (`batches.py`).

If anybody else moved a position in between, nothing is written. An answer that is lost is no trouble: the retry finds the
position moved by this very owner, and leaves out what is written, or writes it again where that changes nothing.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence

from headrace.data import SinkRecord
from headrace.errors import ConnectException, DataException, HeadraceError, RetriableException
from headrace.sinks.redis.batches import Appending, Batches, Item, Outcome, Piece, Repeatable, execute, watch
from headrace.sinks.redis.config import RedisSinkConfig
from headrace.sinks.redis.positions import Position, position_key
from headrace.spi import TopicPartition
from headrace.systems.redis import RedisLink, map_reply

logger = logging.getLogger(__name__)

Reject = Callable[[Sequence[tuple[SinkRecord, HeadraceError]]], None]
"""Takes records the server refused; returns when they are durable elsewhere, or raises to fail."""

_ATTEMPTS = 5
_APPENDING = frozenset({"STREAM", "LIST"})
_AFTER_REFUSAL = 16
"""Items in the batch after one was refused; it doubles from there. A script ends at each refusal and the rest is sent again."""


class Writer:
    """Owns the positions of the open partitions. Not thread-safe."""

    def __init__(self, link: RedisLink, config: RedisSinkConfig, connector: str) -> None:
        self._link = link
        self._config = config
        self._connector = connector
        self._owner = uuid.uuid4().hex
        self._positions: dict[TopicPartition, Position] = {}
        self._unconfirmed = False
        self._batches: Batches = Appending(link) if config.type in _APPENDING else Repeatable(link)

    def open(self, partitions: Iterable[TopicPartition], topic_ids: Mapping[str, str]) -> dict[TopicPartition, int]:
        """Become the owner of these partitions; returns the offsets to read on from. A partition that Redis knows nothing
        of is read from its start, as the original does: a server that lost its data is filled again.

        `topic_ids`: the topics' identities. Errors of `Position.load`; then nothing was changed."""
        shared = self._config.shared_offsets
        opened = {
            p: Position(position_key(p, self._connector, shared=shared), p, topic_ids[p.topic]) for p in partitions
        }
        for _ in range(_ATTEMPTS):
            if not opened or self._claim(list(opened.values())):
                self._positions |= opened
                return {p: state.offset or 0 for p, state in opened.items()}
        raise RetriableException(
            f"The positions in Redis at {self._link.target.address} change while they are read: another writer is at work.",
            code="REDIS_POSITION_BUSY",
        )

    def close(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget these partitions; their positions say then that everything is checked."""
        states = [state for state in (self._positions.pop(p, None) for p in partitions) if state is not None]
        texts = [state.text(state.offset, self._owner) for state in states]
        if texts == [state.stored for state in states]:
            return
        try:
            if watch(self._link, states) == [state.stored for state in states]:
                execute(self._link, [], 0, states, texts)
        except HeadraceError as error:
            logger.info("The last batch will be written once more, its position could not be confirmed: %s", error)

    def position(self, partition: TopicPartition) -> Position:
        """The state of an open partition. ConnectException if it is not open."""
        state = self._positions.get(partition)
        if state is None:
            raise ConnectException(
                f"A record of {partition} came, which this task does not own.", code="REDIS_NOT_OPEN"
            )
        return state

    def floor(self, partition: TopicPartition) -> int:
        """The offset below which all records of a partition are written already."""
        state = self._positions.get(partition)
        return 0 if state is None else state.offset or 0

    def write_piece(self, piece: Piece, reject: Reject) -> None:
        """As `write`, for records that need not be looked at singly as long as all is well."""
        outcome = self._batches.run_piece(piece, self._owner)
        if outcome.moved is None and not outcome.failed:
            self._unconfirmed = True
            self._confirm()
        else:
            self.write(piece.items(), reject, outcome)

    def write(self, items: list[Item], reject: Reject, tried: Outcome | None = None) -> None:
        """Write a batch; when it returns, the data and the positions are in Redis (and on `redis.wait.replicas`). `tried`: what
        came of an attempt to write all of it that was made before.

        RetriableException: give the batch again. ConnectException (REDIS_FENCED): another task owns a partition now."""
        most, moves = len(items), 0
        while items:
            part = items[:most]
            states = list({id(item.position): item.position for item in part}.values())
            outcome, tried = tried or self._batches.run(part, states, self._owner), None
            if outcome.moved is not None:
                moves += 1
                if moves == _ATTEMPTS:
                    raise RetriableException(
                        "The positions in Redis were changed again and again by another writer.",
                        code="REDIS_POSITION_BUSY",
                    )
                self._adopt(states, outcome.moved)
                items = [item for item in items if not item.position.done(item.offset)]
                continue
            self._unconfirmed = True
            rest = items[outcome.reached :]
            if outcome.failed:
                refused = [part[number] for number, _ in outcome.failed]
                self._refuse(refused, [text for _, text in outcome.failed], reject)
                # The positions are still before the refused records; an item without commands moves each past its last one.
                ends = {id(item.position): item for item in part[: outcome.reached]}.values()
                rest = [item._replace(commands=b"", replies=0) for item in ends] + rest
                most = _AFTER_REFUSAL
            else:
                most *= 2
            items = rest
        self._confirm()

    # ---- inside ---------------------------------------------------------------------------------
    def _claim(self, states: list[Position]) -> bool:
        stored = watch(self._link, states)
        try:
            for state, text in zip(states, stored, strict=True):
                state.load(text)
        except ConnectException:
            self._link.call("UNWATCH")
            raise
        texts = [state.text(state.offset, self._owner) for state in states]
        if execute(self._link, [], 0, states, texts) is None:
            return False
        for state, text in zip(states, texts, strict=True):
            state.stored, state.owner = text, self._owner
        return True

    def _adopt(self, states: list[Position], stored: Sequence[bytes | None]) -> None:
        """Take positions that moved by our own hand (an answer was lost). ConnectException if it was somebody else's."""
        for state, text in zip(states, stored, strict=True):
            if text == state.stored:
                continue
            if text is None:
                raise ConnectException(
                    f"Redis at {self._link.target.address} has lost its data: the position of "
                    f"{state.partition.topic}-{state.partition.partition} is gone.",
                    code="REDIS_DATA_LOST",
                    remedy="Restart the task: it fills Redis again from the start of the log.",
                )
            seen = Position(state.key, state.partition, state.topic_id)
            seen.load(text)
            if seen.owner != self._owner:
                raise ConnectException(
                    f"Another writer took over {state.partition.topic}-{state.partition.partition}; nothing was written.",
                    code="REDIS_FENCED",
                    remedy="If no other task of this connector runs, two connectors share redis.offset.scope=shared: "
                    "give one of them redis.offset.scope=connector. Then restart the task.",
                )
            state.load(text)

    def _refuse(self, items: list[Item], texts: list[str], reject: Reject) -> None:
        """Give up records the server refused; raise what is no fault of theirs, or what nobody takes."""
        errors = [map_reply(text, self._link.target) for text in texts]
        for error in errors:
            if not isinstance(error, DataException) and error.code != "REDIS_ERROR":
                raise error
        reject([(item.record, error) for item, error in zip(items, errors, strict=True)])

    def _confirm(self) -> None:
        """Wait for the replicas, also for a batch written before an earlier wait failed."""
        wanted = self._config.wait_replicas
        if wanted and self._unconfirmed:
            reached = self._link.call("WAIT", wanted, self._config.wait_timeout_ms)
            if reached < wanted:
                raise RetriableException(
                    f"Only {reached} of {wanted} replicas have the batch after {self._config.wait_timeout_ms} ms.",
                    code="REDIS_REPLICAS_BEHIND",
                    field="redis.wait.replicas",
                    remedy="Bring the replicas back, or lower redis.wait.replicas.",
                )
        self._unconfirmed = False
