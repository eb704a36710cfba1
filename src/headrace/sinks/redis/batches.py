"""Two ways to carry out a batch in one transaction with the positions it moves. Both are compare-and-set.

A transaction of Redis goes on behind a command that fails while it runs (a key of another type, say), so what becomes of the
position matters: were it moved as if all were well, a crash before the answer is read would lose that record.

* `Repeatable`: MULTI, the commands, the positions, EXEC, for commands that may be repeated. The positions say from where on
  nobody has looked at the answers; whoever finds that after a crash writes those records again.
* `Appending`: a script, for XADD and RPUSH, which may not be repeated. It stops at the first command that fails and sets the
  positions to just before it. A script costs the server about twice the CPU time of a transaction, so it has this use only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha1
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from headrace.data import SinkRecord
from headrace.foundation.failpoints import failpoint
from headrace.sinks.redis.positions import Position
from headrace.systems.redis import RedisLink, ReplyError, encode_command, map_reply, reply_text

MAX_RECORDS: Final = 2_000
MAX_BYTES: Final = 4 << 20
"""A transaction is held in the server's memory and stops other clients while it runs, so batches are cut here."""

MAX_WORDS: Final = 7_800
"""Words a command may have inside a script: Lua's stack ends at 8,000."""


class Item(NamedTuple):
    """One record of a batch: its log offset, its commands and how many answers they give (0 = only the position moves)."""

    position: Position
    offset: int
    commands: bytes
    replies: int
    record: SinkRecord


class Outcome(NamedTuple):
    """`moved`: the positions were not the known ones, nothing was carried out. Else `failed` tells the refused items, by
    their number in the batch, and what the server said. `reached`: how many items were tried, the failed included."""

    reached: int
    failed: Sequence[tuple[int, str]] = ()
    moved: Sequence[bytes | None] | None = None


class Piece(NamedTuple):
    """Records of a batch as one run of commands. `states`: the positions they move; `starts`, `ends`: of `id(state)` the offset of the first
    record that has commands, and the one behind the last record. `size`: how many records; `items`: makes the single ones."""

    commands: bytes
    replies: int
    states: list[Position]
    starts: dict[int, int]
    ends: dict[int, int]
    size: int
    items: Callable[[], list[Item]]


class Batches(Protocol):
    """Carries out batches and updates the positions. After a failure they are not behind the first item that failed."""

    def run(self, items: list[Item], states: list[Position], owner: str) -> Outcome:
        """Mapped errors (`systems.redis`): nothing was carried out, or the answer was lost."""
        ...

    def run_piece(self, piece: Piece, owner: str) -> Outcome:
        """As `run`; the outcome is about the piece's items."""
        ...


def ends_of(items: Sequence[Item]) -> dict[int, int]:
    """id(position) → the offset behind the last of these items."""
    return {id(item.position): item.offset + 1 for item in items}


class Repeatable:
    """MULTI … EXEC; see the module's docstring."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    def run(self, items: list[Item], states: list[Position], owner: str) -> Outcome:
        starts = {id(item.position): item.offset for item in reversed(items) if item.replies}
        count = sum(item.replies for item in items)
        whole = Piece(
            b"".join([i.commands for i in items]), count, states, starts, ends_of(items), len(items), lambda: items
        )
        return self.run_piece(whole, owner)

    def run_piece(self, piece: Piece, owner: str) -> Outcome:
        commands, count, states, starts, ends, size, items = piece
        stored = watch(self._link, states)
        if stored != [state.stored for state in states]:
            self._link.call("UNWATCH")
            return Outcome(0, moved=stored)
        texts = [state.text(ends[id(state)], owner, starts.get(id(state))) for state in states]
        failpoint("sink.before_target_commit")
        results = execute(self._link, [commands], count, states, texts)
        if results is None:
            return Outcome(0, moved=watch(self._link, states))
        failpoint("sink.after_target_commit")
        refused = any(isinstance(result, Exception) for result in results)
        failed = self._failures(items(), results) if refused else []
        for state, text in zip(states, texts, strict=True):
            state.stored = text
            state.offset = starts.get(id(state), ends[id(state)]) if failed else ends[id(state)]
        return Outcome(size, failed)

    @staticmethod
    def _failures(items: list[Item], results: list[Any]) -> list[tuple[int, str]]:
        failed: list[tuple[int, str]] = []
        at = 0
        for number, item in enumerate(items):
            errors = [reply_text(r) for r in results[at : at + item.replies] if isinstance(r, Exception)]
            if errors:
                failed.append((number, errors[0]))
            at += item.replies
        return failed


class Appending:
    """One script per batch; see the module's docstring."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    def run(self, items: list[Item], states: list[Position], owner: str) -> Outcome:
        numbers = {id(state): number for number, state in enumerate(states, 1)}
        ends = ends_of(items)
        plan: list[int] = []
        commands: list[bytes] = []
        words = 0
        for item in items:
            plan += (numbers[id(item.position)], item.offset + 1, item.replies)
            if item.replies:
                flat, count = _flatten(item.commands, item.replies)
                commands.append(flat)
                words += count
        fixed = [str(len(states)).encode(), *(state.key for state in states)]
        fixed += [state.stored or b"" for state in states]
        fixed += [_stem(state, owner) for state in states]
        fixed += [b"%d" % ends[id(state)] for state in states]
        fixed.append(msgspec.json.encode(plan))
        failpoint("sink.before_target_commit")
        answer = self._call([b"EVALSHA", _SHA], fixed, commands, words)
        if isinstance(answer, ReplyError) and answer.text.startswith("NOSCRIPT"):
            answer = self._call([b"EVAL", _SCRIPT], fixed, commands, words)
        if isinstance(answer, ReplyError):
            raise map_reply(answer.text, self._link.target)
        failpoint("sink.after_target_commit")
        if answer == 0:
            self._moved(states, items, owner)
            return Outcome(len(items))
        if answer[0] == b"moved":
            return Outcome(0, moved=[text or None for text in answer[1:]])
        if answer[0] == b"refused":
            raise map_reply(_refusal(answer[1]), self._link.target)
        failed = int(answer[1])
        self._moved(states, items[:failed], owner)
        return Outcome(failed + 1, [(failed, _refusal(answer[2]))])

    def run_piece(self, piece: Piece, owner: str) -> Outcome:
        return self.run(piece.items(), piece.states, owner)

    def _call(self, head: list[bytes], fixed: list[bytes], commands: list[bytes], words: int) -> Any:
        head = head + fixed
        start = encode_command(*head).replace(b"*%d\r\n" % len(head), b"*%d\r\n" % (len(head) + words), 1)
        (answer,) = self._link.pipeline([b"".join([start, *commands])], 1)
        return answer

    @staticmethod
    def _moved(states: list[Position], items: list[Item], owner: str) -> None:
        ends = ends_of(items)
        for state in states:
            end = ends.get(id(state))
            if end is not None:
                state.offset = end
                state.stored = b"%b%d}" % (_stem(state, owner), end)


def watch(link: RedisLink, states: list[Position]) -> list[bytes | None]:
    """WATCH the positions; their texts."""
    keys = [state.key for state in states]
    answers = link.pipeline([encode_command(b"WATCH", *keys), encode_command(b"MGET", *keys)], 2)
    for answer in answers:
        if isinstance(answer, ReplyError):
            raise map_reply(answer.text, link.target)
    texts: list[bytes | None] = answers[1]
    return texts


def execute(
    link: RedisLink, chunks: list[bytes], count: int, states: list[Position], texts: list[bytes]
) -> list[Any] | None:
    """Commands and positions as one transaction: None when a watched position moved; the commands' results, or nothing at all
    when none of them is an error."""
    sets = [encode_command(b"SET", s.key, text) for s, text in zip(states, texts, strict=True)]
    answers = link.carry_out([b"".join([_MULTI, *chunks, *sets, _EXEC])], count + len(sets) + 2)
    if answers is None:
        return []
    outcome = answers[-1]
    if isinstance(outcome, ReplyError):
        # A command was refused before the transaction ran: nothing was carried out. The first refusal says why.
        first = next(a for a in answers if isinstance(a, ReplyError))
        raise map_reply(first.text, link.target)
    return None if outcome is None else outcome[:count]


_MULTI = encode_command(b"MULTI")
_EXEC = encode_command(b"EXEC")

# The positions are written first: where that is refused, nothing has been appended yet.
# ARGV: per position its known text, its new text up to the offset, and the offset; then per item the number of its position,
# its offset + 1 and its number of commands, needed after a failure only; then the commands, each as its number of words and these.
_SCRIPT: Final = b"""
local n = #KEYS
local known = redis.call('MGET', unpack(KEYS))
for i = 1, n do
  if (known[i] or '') ~= ARGV[i] then
    local moved = {'moved'}
    for k = 1, n do moved[k + 1] = known[k] or '' end
    return moved
  end
end
local call = redis.pcall
for i = 1, n do
  local answer = call('SET', KEYS[i], ARGV[n + i] .. ARGV[2 * n + i] .. '}')
  if answer.err then
    for k = 1, i - 1 do call('SET', KEYS[k], ARGV[k]) end
    return {'refused', answer.err}
  end
end
local at, last, carried, refusal = 3 * n + 2, #ARGV, 0, nil
while at <= last do
  local stop = at + ARGV[at]
  local answer = call(unpack(ARGV, at + 1, stop))
  if type(answer) == 'table' and answer.err then refusal = answer.err break end
  carried = carried + 1
  at = stop + 1
end
if not refusal then return 0 end
local ends, items = {}, 0
for number, offset, commands in string.gmatch(ARGV[3 * n + 1], '(%d+),(%d+),(%d+)') do
  carried = carried - commands
  if carried < 0 then break end
  ends[tonumber(number)] = offset
  items = items + 1
end
for i = 1, n do call('SET', KEYS[i], ends[i] and ARGV[n + i] .. ends[i] .. '}' or ARGV[i]) end
return {'failed', items, refusal}
"""
_SHA: Final = sha1(_SCRIPT, usedforsecurity=False).hexdigest().encode()


def _stem(state: Position, owner: str) -> bytes:
    return state.text(0, owner)[:-2]


def _refusal(text: bytes) -> str:
    return text.decode(errors="replace").lstrip("-").strip()  # older servers leave their protocol's dash


def _flatten(commands: bytes, count: int) -> tuple[bytes, int]:
    """Commands as words of a longer one, each led by its number of words; and how many words that makes."""
    end = commands.index(b"\r\n")
    size = commands[1:end]
    if count == 1:
        return b"$%d\r\n%b%b" % (end - 1, size, commands[end:]), int(size) + 1
    at = end + 2
    for _ in range(int(size)):
        stop = commands.index(b"\r\n", at)
        at = stop + 4 + int(commands[at + 1 : stop])
    first, words = _flatten(commands[:at], 1)
    rest, more = _flatten(commands[at:], count - 1)
    return first + rest, words + more
