"""The topics of the log: creating, deleting, and a look-up that is right for the transaction it is used in."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headrace.errors import ConfigException, NotFoundException
from headrace.log.embedded.topic_configs import TopicConfig, check_topic_name, load_topic_config, parse_topic_config
from headrace.log.spi import TopicSpec
from headrace.spi.context import TopicPartition


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as stored; `parts` are the ids of its partitions by number."""

    id: int
    name: str
    parts: tuple[int, ...]
    config: TopicConfig


class Catalog:
    """All topics, read anew when the log's topic version has changed. One per connection user, under that one's lock."""

    def __init__(self) -> None:
        self._version = 0
        self._topics: dict[str, Topic] = {}

    def refresh(self, connection: sqlite3.Connection) -> int:
        """Bring up to date with the transaction `connection` is in; returns the topic version."""
        version = topics_version(connection)
        if version != self._version:
            self._topics = _load(connection)
            self._version = version
        return version

    def forget(self) -> None:
        """Read all anew next time: the transaction it was refreshed in was rolled back."""
        self._version = 0

    def topics(self) -> dict[str, Topic]:
        return self._topics

    def get(self, name: str) -> Topic | None:
        return self._topics.get(name)

    def part_id(self, partition: TopicPartition) -> int | None:
        """The id of a partition, None if there is none."""
        topic = self._topics.get(partition.topic)
        if topic is None or not 0 <= partition.partition < len(topic.parts):
            return None
        return topic.parts[partition.partition]

    def require(self, partition: TopicPartition) -> int:
        """As `part_id`; NotFoundException (PARTITION_UNKNOWN) if there is none."""
        part_id = self.part_id(partition)
        if part_id is None:
            raise NotFoundException(
                f"There is no partition {partition.topic}-{partition.partition} in the log.",
                code="PARTITION_UNKNOWN",
                remedy="Create the topic with enough partitions first.",
            )
        return part_id

    def known(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Partition → id of those that exist."""
        found = ((partition, self.part_id(partition)) for partition in partitions)
        return {partition: part_id for partition, part_id in found if part_id is not None}


def topics_version(connection: sqlite3.Connection) -> int:
    """A number that grows with every change of the topic list."""
    version: int = connection.execute("SELECT value FROM meta WHERE name = 'topics_version'").fetchone()[0]
    return version


def log_id(connection: sqlite3.Connection) -> str:
    """What this log has in common with no other, however often one is made in the same place."""
    value: bytes = connection.execute("SELECT value FROM meta WHERE name = 'log_id'").fetchone()[0]
    return value.hex()


def check_specs(specs: Sequence[TopicSpec], default_partitions: int) -> list[tuple[str, int, str]]:
    """Name, partitions and configuration text of each; ConfigException if one cannot be made. Partitions -1: the default."""
    checked = []
    for spec in specs:
        check_topic_name(spec.name)
        parse_topic_config(spec.configs)
        partitions = default_partitions if spec.partitions == -1 else spec.partitions
        if not 1 <= partitions <= 100_000:
            raise ConfigException(
                f"Topic {spec.name} cannot have {spec.partitions} partitions.",
                code="TOPIC_CONFIG_INVALID",
                field="partitions",
                remedy="Use 1 to 100000, or -1 for the default.",
            )
        checked.append((spec.name, partitions, json.dumps(dict(spec.configs))))
    return checked


def create(connection: sqlite3.Connection, specs: Iterable[tuple[str, int, str]]) -> list[str]:
    """Create those of the checked specs that are missing, in the open write transaction; returns their names."""
    created: list[str] = []
    for name, partitions, configs in specs:
        if connection.execute("SELECT 1 FROM topics WHERE name = ?", (name,)).fetchone():
            continue
        cursor = connection.execute(
            "INSERT INTO topics (name, partitions, configs, created_ms) VALUES (?, ?, ?, ?)",
            (name, partitions, configs, time.time_ns() // 1_000_000),
        )
        rows = [(cursor.lastrowid, number) for number in range(partitions)]
        connection.executemany("INSERT INTO parts (topic_id, number) VALUES (?, ?)", rows)
        created.append(name)
    if created:
        _changed(connection)
    return created


def delete(connection: sqlite3.Connection, names: Iterable[str]) -> list[int]:
    """Delete topics with their partitions' positions and owners; returns the partition ids whose batches are now garbage."""
    gone: list[int] = []
    for name in names:
        row = connection.execute("SELECT id FROM topics WHERE name = ?", (name,)).fetchone()
        if row is not None:
            gone += (part for (part,) in connection.execute("SELECT id FROM parts WHERE topic_id = ?", row))
            connection.execute("DELETE FROM parts WHERE topic_id = ?", row)
            connection.execute("DELETE FROM topics WHERE id = ?", row)
    ids = [(part,) for part in gone]
    connection.executemany("INSERT INTO garbage VALUES (?)", ids)
    connection.executemany("DELETE FROM group_offsets WHERE part_id = ?", ids)
    connection.executemany("DELETE FROM owners WHERE part_id = ?", ids)
    if gone:
        _changed(connection)
    return gone


def _changed(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'topics_version'")


def _load(connection: sqlite3.Connection) -> dict[str, Topic]:
    parts: dict[int, list[int]] = {}
    for topic_id, part_id in connection.execute("SELECT topic_id, id FROM parts ORDER BY topic_id, number"):
        parts.setdefault(topic_id, []).append(part_id)
    rows = connection.execute("SELECT id, name, configs FROM topics ORDER BY id").fetchall()
    return {
        name: Topic(topic_id, name, tuple(parts[topic_id]), load_topic_config(configs))
        for topic_id, name, configs in rows
    }
