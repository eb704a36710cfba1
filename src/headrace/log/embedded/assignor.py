"""Who reads which partition: even, and moving as little as possible. Pure.

Kept: what a member has and may keep. Then the free partitions go to the least loaded, and as long as one member has two
more than another that could take one, one moves. With equal subscriptions the counts differ by one at most.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from headrace.spi.context import TopicPartition


def assign(
    subscriptions: Mapping[int, Collection[str]],
    topics: Mapping[str, int],
    current: Mapping[TopicPartition, int],
) -> dict[TopicPartition, int]:
    """Partition → member. `subscriptions`: member → topic names; `topics`: name → partitions; `current`: the assignment
    so far, which may name members and partitions that are gone. Partitions nobody subscribed to are left out."""
    members = sorted(subscriptions)
    wanted = {member: frozenset(subscriptions[member]) for member in members}
    eligible = {topic: [m for m in members if topic in wanted[m]] for topic in sorted(topics)}
    held: dict[int, list[TopicPartition]] = {member: [] for member in members}
    free: list[TopicPartition] = []
    for topic, able in eligible.items():
        for number in range(topics[topic] if able else 0):
            partition = TopicPartition(topic, number)
            owner = current.get(partition)
            if owner in held and topic in wanted[owner]:
                held[owner].append(partition)
            else:
                free.append(partition)
    # The most restricted partitions first, so that the freely placeable ones can even out what they leave.
    for partition in sorted(free, key=lambda p: (len(eligible[p.topic]), p)):
        member = min(eligible[partition.topic], key=lambda m: (len(held[m]), m))
        held[member].append(partition)
    _even_out(members, held, eligible)
    return {partition: member for member in members for partition in held[member]}


def _even_out(members: list[int], held: dict[int, list[TopicPartition]], eligible: Mapping[str, list[int]]) -> None:
    """Move single partitions from the fuller to the emptier until no move helps; each lowers the sum of squares."""
    moved = True
    while moved:
        moved = False
        for giver in sorted(members, key=lambda m: (-len(held[m]), m)):
            if _give_one(giver, held, eligible):
                moved = True
                break


def _give_one(giver: int, held: dict[int, list[TopicPartition]], eligible: Mapping[str, list[int]]) -> bool:
    load = len(held[giver])
    best: tuple[int, int, TopicPartition] | None = None
    # From the end: what came last moves first, what was held longest stays.
    for partition in reversed(held[giver]):
        taker = min(eligible[partition.topic], key=lambda m: (len(held[m]), m))
        if load - len(held[taker]) >= 2 and (best is None or len(held[taker]) < best[0]):
            best = (len(held[taker]), taker, partition)
    if best is None:
        return False
    _, taker, partition = best
    held[giver].remove(partition)
    held[taker].append(partition)
    return True
