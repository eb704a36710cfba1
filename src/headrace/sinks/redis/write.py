"""Writer: batches of encoded records into Redis, each in one transaction with the positions it moves.

A transaction is WATCH and MGET of the positions, then MULTI, the commands, the new positions, EXEC. If anybody else moved
a position in between, EXEC does nothing. An answer that is lost is no trouble: the retry finds the position moved by this
very owner and leaves out what is written.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from headrace.data import SinkRecord
from headrace.errors import ConnectException, HeadraceError, RetriableException
from headrace.foundation.failpoints import failpoint
from headrace.sinks.redis.config import RedisSinkConfig
from headrace.sinks.redis.positions import Position, position_key
from headrace.spi import TopicPartition
from headrace.systems.redis import RedisLink, ReplyError, encode_command, map_reply

logger = logging.getLogger(__name__)

Reject = Callable[[Sequence[tuple[SinkRecord, HeadraceError]]], None]
"""Takes records the server refused; returns when they are durable elsewhere, or raises to fail."""

_MULTI = encode_command(b"MULTI")
_EXEC = encode_command(b"EXEC")
_ATTEMPTS = 5


class Item(NamedTuple):
    """One record of a batch: its log offset, its commands and how many answers they give (0 = only the position moves)."""

    position: Position
    offset: int
    commands: bytes
    replies: int
    record: SinkRecord


class Writer:
    """Owns the positions of the open partitions. Not thread-safe."""

    def __init__(self, link: RedisLink, config: RedisSinkConfig, connector: str) -> None:
        self._link = link
        self._config = config
        self._connector = connector
        self._owner = uuid.uuid4().hex
        self._positions: dict[TopicPartition, Position] = {}
        self._unconfirmed = False

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
        """Forget these partitions."""
        for partition in partitions:
            self._positions.pop(partition, None)

    def position(self, partition: TopicPartition) -> Position:
        """The state of an open partition. ConnectException if it is not open."""
        state = self._positions.get(partition)
        if state is None:
            raise ConnectException(
                f"A record of {partition} came, which this task does not own.", code="REDIS_NOT_OPEN"
            )
        return state

    def write(self, items: list[Item], reject: Reject) -> None:
        """Write a batch; when it returns, the data and the positions are in Redis (and on `redis.wait.replicas`).

        RetriableException: give the batch again. ConnectException (REDIS_FENCED): another task owns a partition now."""
        for _ in range(_ATTEMPTS):
            if not items:
                break
            states = list({id(item.position): item.position for item in items}.values())
            if self._refresh(states):
                items = [item for item in items if not item.position.done(item.offset)]
                continue
            results = self._transaction(items, states)
            if results is not None:
                self._after(items, results, reject)
                break
        else:
            raise RetriableException(
                "The positions in Redis were changed again and again by another writer.", code="REDIS_POSITION_BUSY"
            )
        self._confirm()

    # ---- inside ---------------------------------------------------------------------------------
    def _claim(self, states: list[Position]) -> bool:
        stored = self._watch(states)
        try:
            for state, text in zip(states, stored, strict=True):
                state.load(text)
        except ConnectException:
            self._link.call("UNWATCH")
            raise
        texts = [state.text(state.offset, self._owner, state.applied) for state in states]
        answers = self._exec([], 0, states, texts)
        if answers is None:
            return False
        for state, text in zip(states, texts, strict=True):
            state.stored, state.owner = text, self._owner
        return True

    def _watch(self, states: list[Position]) -> list[bytes | None]:
        keys = [state.key for state in states]
        watched = self._link.pipeline([encode_command(b"WATCH", *keys), encode_command(b"MGET", *keys)], 2)
        for answer in watched:
            if isinstance(answer, ReplyError):
                raise map_reply(answer.text, self._link.target)
        texts: list[bytes | None] = watched[1]
        return texts

    def _refresh(self, states: list[Position]) -> bool:
        """Watch the positions; True when one moved by our own hand (an answer was lost), so that records must be left out."""
        moved = False
        for state, text in zip(states, self._watch(states), strict=True):
            if text == state.stored:
                continue
            if text is None:
                self._link.call("UNWATCH")
                raise ConnectException(
                    f"Redis at {self._link.target.address} has lost its data: the position of "
                    f"{state.partition.topic}-{state.partition.partition} is gone.",
                    code="REDIS_DATA_LOST",
                    remedy="Restart the task: it fills Redis again from the start of the log.",
                )
            seen = Position(state.key, state.partition, state.topic_id)
            seen.load(text)
            if seen.owner != self._owner:
                self._link.call("UNWATCH")
                raise ConnectException(
                    f"Another writer took over {state.partition.topic}-{state.partition.partition}; nothing was written.",
                    code="REDIS_FENCED",
                    remedy="If no other task of this connector runs, two connectors share redis.offset.scope=shared: "
                    "give one of them redis.offset.scope=connector. Then restart the task.",
                )
            state.load(text)
            moved = True
        return moved

    def _transaction(self, items: list[Item], states: list[Position]) -> list[Any] | None:
        ends = dict.fromkeys((id(s) for s in states), 0)
        for item in items:
            ends[id(item.position)] = max(ends[id(item.position)], item.offset + 1)
        texts = [state.text(ends[id(state)], self._owner) for state in states]
        failpoint("sink.before_target_commit")
        answers = self._exec([i.commands for i in items], sum(i.replies for i in items), states, texts)
        if answers is None:
            return None
        failpoint("sink.after_target_commit")
        for state, text in zip(states, texts, strict=True):
            state.stored, state.offset, state.applied = text, ends[id(state)], set()
        self._unconfirmed = True
        return answers

    def _exec(self, chunks: list[bytes], count: int, states: list[Position], texts: list[bytes]) -> list[Any] | None:
        """Run commands and positions as one transaction: the commands' results, None when a watched position moved."""
        sets = [encode_command(b"SET", s.key, text) for s, text in zip(states, texts, strict=True)]
        total = count + len(sets)
        answers = self._link.pipeline([b"".join([_MULTI, *chunks, *sets, _EXEC])], total + 2)
        outcome = answers[-1]
        if isinstance(outcome, ReplyError):
            # A command was refused before the transaction ran: nothing was carried out. The first refusal says why.
            first = next(a for a in answers if isinstance(a, ReplyError))
            raise map_reply(first.text, self._link.target)
        return None if outcome is None else outcome[:count]

    def _after(self, items: list[Item], results: list[Any], reject: Reject) -> None:
        """Deal with commands that failed inside the transaction: all others were carried out."""
        if not any(isinstance(result, Exception) for result in results):
            return
        failed: list[tuple[Item, HeadraceError]] = []
        at = 0
        for item in items:
            for result in results[at : at + item.replies]:
                if isinstance(result, Exception):
                    failed.append((item, map_reply(str(result), self._link.target)))
                    break
            at += item.replies
        missing = {(id(item.position), item.offset) for item, _ in failed}
        states = list({id(item.position): item.position for item, _ in failed}.values())
        ends = [state.offset for state in states]
        # First say in Redis that these records are missing, so that a crash here loses none of them.
        lows = [min(item.offset for item, _ in failed if item.position is state) for state in states]
        applied = [
            [i.offset for i in items if i.position is s and i.offset > low and (id(s), i.offset) not in missing]
            for s, low in zip(states, lows, strict=True)
        ]
        self._set_positions(states, lows, applied)
        reject([(item.record, error) for item, error in failed])
        self._set_positions(states, ends, [[] for _ in states])

    def _set_positions(self, states: list[Position], offsets: Sequence[int | None], applied: list[list[int]]) -> None:
        texts = [s.text(o, self._owner, a) for s, o, a in zip(states, offsets, applied, strict=True)]
        if self._watch(states) != [s.stored for s in states] or self._exec([], 0, states, texts) is None:
            raise RetriableException("A position in Redis was changed by another writer.", code="REDIS_POSITION_BUSY")
        for state, text in zip(states, texts, strict=True):
            state.load(text)

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
