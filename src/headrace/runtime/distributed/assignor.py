"""Incremental cooperative assignment, by the rules of the JVM's leader. Pure: the time is told, the memory is handed in and out.

A group of our workers and JVM workers may have either as its leader, so both must come to the same answer. Members are taken in
the order of their ids where the JVM takes them in that of a hash table. Source: KIP-415, Kafka Connect 4.3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from headrace.runtime.distributed.balance import Load, excess, hand_out, shared_out, works
from headrace.runtime.distributed.work import Work, duplicated, java_order, union

_BACKOFF_FACTOR = 40
_NOTHING = Work()


@dataclass(frozen=True, slots=True)
class Memory:
    """What a leader remembers from round to round; a new leader starts with `Memory()`.

    `previous`: what was assigned in `generation`, or is still missing since; `revoked`: what was taken away in it; `candidates`: workers that came
    empty while a delay ran; `delayed_until_ms`: when that delay ends, 0 for none.
    """

    previous: Work = _NOTHING
    revoked: Work = _NOTHING
    revoked_last: bool = False
    revoking_rounds: int = 0
    candidates: tuple[str, ...] = ()
    delayed_until_ms: int = 0
    delay_ms: int = 0
    generation: int = -1
    members: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Round:
    """One rebalance, as its leader sees it. `active`: what each member reports to run; `completed`: the generation this worker last
    finished joining, -1 for none; `max_delay_ms`: scheduled.rebalance.max.delay.ms."""

    active: Mapping[str, Work]
    configured: Work
    completed: int
    generation: int
    now_ms: int
    max_delay_ms: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer: per member what is new to it, what it must stop, and what it has after both."""

    assigned: Mapping[str, Work]
    revoked: Mapping[str, Work]
    total: Mapping[str, Work]
    delay_ms: int = 0


def revocation_delay_ms(rounds: int, max_delay_ms: int) -> int:
    """How long the next revocation waits after `rounds` in succession: 1 ms · 40ⁿ, at most `max_delay_ms`."""
    if max_delay_ms <= 1:
        return max_delay_ms
    limit = math.log(max_delay_ms) / math.log(_BACKOFF_FACTOR)
    return min(int(math.pow(_BACKOFF_FACTOR, min(rounds, limit))), max_delay_ms)


def lost_and_found(memory: Memory, round_: Round) -> tuple[Memory, Work, Work, Work]:
    """The memory as it applies to this round, and what was deleted, lost and newly configured."""
    previous = memory.previous if memory.generation == round_.completed else Work()
    active = union(round_.active.values())
    if memory.revoked & active:
        previous = active  # The last revocation did not take effect.
    deleted = previous - round_.configured
    lost = (previous - active - deleted).ordered()
    created = round_.configured - previous - active
    return replace(memory, previous=previous, revoked=Work()), deleted, lost, created


def assign(memory: Memory, round_: Round) -> tuple[Plan, Memory]:
    """Who runs what from now on, and what to remember of it. `round_.active` names one member at least."""
    memory, deleted, lost, created = lost_and_found(memory, round_)
    members = sorted(round_.active, key=java_order)
    current = {member: round_.active[member] - deleted for member in members}
    twice = duplicated(round_.active.values())
    revoked = {member: round_.active[member] & (deleted | twice) for member in members}
    loads = [Load.of(member, round_.active[member] - revoked[member]) for member in members]

    memory, again = _lost(memory, round_, lost, loads)
    if memory.delay_ms == 0:
        memory, surplus = _surplus(memory, round_, loads)
        for load in loads:
            taken = surplus.get(load.worker, Work())
            revoked[load.worker] |= taken
            load.drop(taken)
    else:
        memory = replace(memory, revoked_last=False)

    hand_out(created | again, loads)
    planned = works(loads)
    plan = Plan(
        {member: planned[member] - current[member] for member in members},
        revoked,
        {member: planned[member] - revoked[member] for member in members},
        memory.delay_ms,
    )
    gone = union(revoked.values())
    return plan, replace(
        memory,
        previous=(union(planned[member] for member in members) - gone) | lost,
        revoked=gone,
        generation=round_.generation,
        members=frozenset(members),
    )


def _lost(memory: Memory, round_: Round, lost: Work, loads: list[Load]) -> tuple[Memory, Work]:
    """What of `lost` is assigned as if it was new. It may go to `loads` directly, or wait for a delay that this starts or goes on with."""
    calm = replace(memory, candidates=(), delayed_until_ms=0, delay_ms=0)
    if not lost and not memory.revoked_last:
        return calm, Work()
    nobody_left = memory.delayed_until_ms <= 0 and memory.members <= round_.active.keys()
    if nobody_left or round_.max_delay_ms == 0:
        return memory, lost
    if 0 < memory.delayed_until_ms <= round_.now_ms:
        calm = replace(calm, revoked_last=False)
        present = {load.worker: load for load in loads}
        candidates = [present[name] for name in memory.candidates if name in present]
        if not candidates:
            return calm, lost
        shared_out(candidates, lost)
        return calm, Work()
    empty = [load.worker for load in loads if not load]
    delay = round_.max_delay_ms
    if round_.now_ms < memory.delayed_until_ms:
        delay = min(memory.delayed_until_ms - round_.now_ms, delay)
    waiting = replace(
        memory,
        candidates=tuple(dict.fromkeys([*memory.candidates, *empty])),
        delay_ms=delay,
        delayed_until_ms=round_.now_ms + delay,
    )
    return waiting, Work()


def _surplus(memory: Memory, round_: Round, loads: list[Load]) -> tuple[Memory, dict[str, Work]]:
    """What is revoked for balance in this round; rounds that revoke again and again are spaced by a growing delay."""
    surplus = excess(round_.configured, loads)
    if not surplus:
        return (replace(memory, revoked_last=False, revoking_rounds=0) if memory.revoked_last else memory), {}
    if not memory.revoked_last:
        return replace(memory, revoked_last=True), surplus
    rounds = memory.revoking_rounds + 1
    delay = revocation_delay_ms(rounds, round_.max_delay_ms)
    if not delay:
        return replace(memory, revoking_rounds=rounds, delay_ms=0), surplus
    waiting = replace(memory, revoking_rounds=rounds, delay_ms=delay, delayed_until_ms=round_.now_ms + delay)
    return waiting, {}


def assign_eagerly(members: Mapping[str, object], configured: Work) -> Plan:
    """Round-robin over the sorted members: all connectors, then all tasks. Everybody has stopped everything before."""
    names = sorted(members, key=java_order)
    loads = [Load(name) for name in names]
    for place, connector in enumerate(configured.connectors):
        loads[place % len(loads)].connectors[connector] = None
    for place, task in enumerate(configured.tasks, len(configured.connectors)):
        loads[place % len(loads)].tasks[task] = None
    planned = works(loads)
    return Plan(planned, dict.fromkeys(names, Work()), planned)
