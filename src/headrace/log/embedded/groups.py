"""Consumer groups: who is in, who shall read what (target), who does (owner). All in the log's own transactions.

A partition changes hands in two steps, so that two never own it at once: the old owner releases it, then the new one takes
it. Only the owner's commits are taken. The dead are removed by whoever notices; their partitions are free at once.
Functions that change something need the open write transaction of `connection`.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headrace.errors import IllegalStateException, RetriableException
from headrace.log.embedded.assignor import assign
from headrace.log.embedded.catalog import Catalog
from headrace.log.embedded.liveness import Liveness
from headrace.spi.context import TopicPartition


@dataclass(frozen=True, slots=True)
class Subscription:
    """Topic names, or a regular expression that full names match; one of them is None."""

    topics: tuple[str, ...] | None
    pattern: str | None

    def resolve(self, known: Iterable[str]) -> frozenset[str]:
        """The names among `known` that are meant."""
        if self.pattern is not None:
            return frozenset(filter(re.compile(self.pattern).fullmatch, known))
        return frozenset(self.topics or ()) & frozenset(known)


@dataclass(frozen=True, slots=True)
class Duties:
    """What a member has to do. `version`: the group's version this was read at. Partition ids."""

    version: int
    member: bool
    owned: frozenset[int]
    revoke: frozenset[int]
    gain: frozenset[int]


def group_version(connection: sqlite3.Connection, group: str) -> int:
    """Grows with every change in the group; 0 when it has never had a member."""
    row = connection.execute("SELECT version FROM groups WHERE name = ?", (group,)).fetchone()
    return row[0] if row else 0


def duties(connection: sqlite3.Connection, group: str, member: int) -> Duties:
    """What the member holds, has to give and may take."""
    present = connection.execute("SELECT 1 FROM members WHERE id = ?", (member,)).fetchone() is not None
    owned, revoke, gain = set(), set(), set()
    rows = connection.execute(
        "SELECT part_id, target, owner FROM owners WHERE grp = ? AND (target = ? OR owner = ?)", (group, member, member)
    )
    for part_id, target, owner in rows:
        if owner == member:
            owned.add(part_id)
            if target != member:
                revoke.add(part_id)
        elif owner is None:
            gain.add(part_id)
    return Duties(group_version(connection, group), present, frozenset(owned), frozenset(revoke), frozenset(gain))


def join(
    connection: sqlite3.Connection, group: str, uid: str, client_id: str, session_ms: int, subscription: Subscription
) -> int:
    """Enter the group; returns the member's id. `rebalance` has to follow."""
    connection.execute("INSERT INTO groups VALUES (?, 1, 0) ON CONFLICT (name) DO NOTHING", (group,))
    topics = None if subscription.topics is None else json.dumps(subscription.topics)
    cursor = connection.execute(
        "INSERT INTO members (uid, grp, client_id, session_ms, topics, pattern) VALUES (?, ?, ?, ?, ?, ?)",
        (uid, group, client_id, session_ms, topics, subscription.pattern),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def leave(connection: sqlite3.Connection, group: str, members: Iterable[int]) -> None:
    """Remove members; what they owned is free. `rebalance` has to follow."""
    for member in members:
        connection.execute("DELETE FROM members WHERE id = ?", (member,))
        connection.execute("UPDATE owners SET owner = NULL WHERE grp = ? AND owner = ?", (group, member))
    _changed(connection, group)


def dead_members(connection: sqlite3.Connection, liveness: Liveness, group: str) -> list[int]:
    """Members whose process has died or shown no sign of life within its session timeout."""
    rows = connection.execute("SELECT id, uid, session_ms FROM members WHERE grp = ?", (group,)).fetchall()
    return [member for member, uid, session_ms in rows if not liveness.alive(uid, session_ms)]


def needs_rebalance(connection: sqlite3.Connection, catalog: Catalog, group: str) -> bool:
    """Whether members and topics ask for another assignment than the one stored. Only reads."""
    return _plan(connection, catalog, group) != _targets(connection, group)


def rebalance(connection: sqlite3.Connection, catalog: Catalog, liveness: Liveness, group: str) -> None:
    """Remove the dead and store the assignment that members and topics ask for."""
    dead = dead_members(connection, liveness, group)
    if dead:
        leave(connection, group, dead)
    targets = _targets(connection, group)
    plan = _plan(connection, catalog, group)
    if plan != targets:
        connection.execute("UPDATE owners SET target = NULL WHERE grp = ?", (group,))
        connection.executemany(
            "INSERT INTO owners (grp, part_id, target) VALUES (?, ?, ?) "
            "ON CONFLICT (grp, part_id) DO UPDATE SET target = excluded.target",
            [(group, part_id, member) for part_id, member in plan.items()],
        )
        connection.execute("UPDATE groups SET generation = generation + 1 WHERE name = ?", (group,))
        _changed(connection, group)
    connection.execute("DELETE FROM owners WHERE grp = ? AND target IS NULL AND owner IS NULL", (group,))


def take(connection: sqlite3.Connection, group: str, member: int) -> list[int]:
    """Own every free partition meant for the member; returns their ids."""
    free = [
        part_id
        for (part_id,) in connection.execute(
            "SELECT part_id FROM owners WHERE grp = ? AND target = ? AND owner IS NULL", (group, member)
        )
    ]
    connection.executemany(
        "UPDATE owners SET owner = ? WHERE grp = ? AND part_id = ?", [(member, group, part_id) for part_id in free]
    )
    return free


def release(connection: sqlite3.Connection, group: str, member: int, parts: Iterable[int]) -> None:
    """Give up partitions, so that their targets may take them."""
    connection.executemany(
        "UPDATE owners SET owner = NULL WHERE grp = ? AND part_id = ? AND owner = ?",
        [(group, part_id, member) for part_id in parts],
    )
    connection.execute("DELETE FROM owners WHERE grp = ? AND target IS NULL AND owner IS NULL", (group,))
    _changed(connection, group)


def commit(
    connection: sqlite3.Connection,
    group: str,
    member: int | None,
    positions: Sequence[tuple[TopicPartition, int | None, int]],
) -> None:
    """Store (partition, its id, next offset). RetriableException (REBALANCED), and nothing stored, unless all are owned."""
    for partition, part_id, _ in positions:
        row = connection.execute("SELECT owner FROM owners WHERE grp = ? AND part_id = ?", (group, part_id)).fetchone()
        if member is None or row is None or row[0] != member:
            raise RetriableException(
                f"Group {group} has moved on: {partition.topic}-{partition.partition} no longer belongs to this member.",
                code="REBALANCED",
                remedy="Poll again; the records not committed are given to the new owner.",
            )
    write_positions(connection, group, {part_id: position for _, part_id, position in positions if part_id is not None})


def write_positions(connection: sqlite3.Connection, group: str, positions: Mapping[int, int | None]) -> None:
    """Store, or with None delete, committed offsets by partition id."""
    for part_id, position in positions.items():
        if position is None:
            connection.execute("DELETE FROM group_offsets WHERE grp = ? AND part_id = ?", (group, part_id))
        else:
            connection.execute(
                "INSERT INTO group_offsets VALUES (?, ?, ?) "
                "ON CONFLICT (grp, part_id) DO UPDATE SET position = excluded.position",
                (group, part_id, position),
            )


def positions(connection: sqlite3.Connection, group: str) -> dict[int, int]:
    """Partition id → committed offset."""
    return dict(connection.execute("SELECT part_id, position FROM group_offsets WHERE grp = ?", (group,)).fetchall())


def require_no_members(connection: sqlite3.Connection, liveness: Liveness, group: str) -> None:
    """IllegalStateException (GROUP_NOT_EMPTY) while the group has a live member; the dead are removed."""
    dead = dead_members(connection, liveness, group)
    if dead:
        leave(connection, group, dead)
    if connection.execute("SELECT 1 FROM members WHERE grp = ?", (group,)).fetchone():
        raise IllegalStateException(
            f"Group {group} has members that read.", code="GROUP_NOT_EMPTY", remedy="Stop the connector first."
        )


def _changed(connection: sqlite3.Connection, group: str) -> None:
    connection.execute("UPDATE groups SET version = version + 1 WHERE name = ?", (group,))


def _targets(connection: sqlite3.Connection, group: str) -> dict[int, int]:
    rows = connection.execute("SELECT part_id, target FROM owners WHERE grp = ? AND target IS NOT NULL", (group,))
    return dict(rows.fetchall())


def _plan(connection: sqlite3.Connection, catalog: Catalog, group: str) -> dict[int, int]:
    """Partition id → member, as the assignor wants it."""
    catalog.refresh(connection)
    topics = catalog.topics()
    subscriptions = {
        member: Subscription(None if names is None else tuple(json.loads(names)), pattern).resolve(topics)
        for member, names, pattern in connection.execute(
            "SELECT id, topics, pattern FROM members WHERE grp = ?", (group,)
        ).fetchall()
    }
    partitions = {
        part_id: TopicPartition(topic.name, number)
        for topic in topics.values()
        for number, part_id in enumerate(topic.parts)
    }
    ids = {partition: part_id for part_id, partition in partitions.items()}
    current = {partitions[p]: member for p, member in _targets(connection, group).items() if p in partitions}
    wanted = {name for names in subscriptions.values() for name in names}
    plan = assign(subscriptions, {name: len(topics[name].parts) for name in wanted}, current)
    return {ids[partition]: member for partition, member in plan.items()}
