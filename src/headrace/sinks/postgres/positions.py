"""Positions kept in the target: per connector and topic partition the next log offset to write.

They move in the transaction of the rows, and only from the value this task knows: a writer whose knowledge is old changes
nothing. That makes each record count once, whatever is delivered again.

Beside each stands the id of the topic it belongs to: a topic made anew, or a log replaced, counts its offsets from 0 again, and
the old position would silently pass over the new records. Positions without an id are an operator's, or of a version
that kept none; they take on the id of the topic that is written first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from headrace.errors import ConnectException
from headrace.sinks.postgres.transaction import Transaction, create
from headrace.spi.context import TopicPartition
from headrace.systems.postgres import quote_identifier, quote_literal, quote_table
from headrace.systems.postgres.introspect import Conn


class PositionTable:
    """The table `name` (`table` or `schema.table`) for one connector."""

    def __init__(self, name: str, connector: str) -> None:
        schema, _, table = name.rpartition(".")
        self._name = quote_table(schema, table) if schema else quote_identifier(table)
        self._connector = connector

    def create(self, connection: Conn) -> None:
        """Create the table unless it is there, or add what an older one lacks; several tasks may try at once."""
        exists, complete = connection.execute(
            "SELECT to_regclass(%s) IS NOT NULL, EXISTS (SELECT FROM pg_catalog.pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attname = 'topic_id' AND NOT attisdropped)",
            (self._name, self._name),
        ).fetchone() or (False, False)
        if complete:
            return
        sql = (
            f"CREATE TABLE IF NOT EXISTS {self._name} (connector text, topic text, partition integer,"
            " next_offset bigint NOT NULL, topic_id text, PRIMARY KEY (connector, topic, partition))"
        )
        if exists:
            sql = f"ALTER TABLE {self._name} ADD COLUMN IF NOT EXISTS topic_id text"
        create(connection, sql)

    def read(
        self, connection: Conn, partitions: Iterable[TopicPartition], topic_ids: Mapping[str, str]
    ) -> dict[TopicPartition, int | None]:
        """The stored position of each partition, None where there is none.

        ConnectException (SINK_POSITION_OF_ANOTHER_TOPIC) when one belongs to another topic than `topic_ids` has by that name."""
        result: dict[TopicPartition, int | None] = dict.fromkeys(partitions)
        topics = [partition.topic for partition in result]
        numbers = [partition.partition for partition in result]
        rows = connection.execute(
            f"SELECT topic, partition, next_offset, topic_id FROM {self._name} WHERE connector = %s"
            " AND (topic, partition) IN (SELECT * FROM unnest(%s::text[], %s::int[]))",
            (self._connector, topics, numbers),
        ).fetchall()
        for topic, partition, offset, topic_id in rows:
            if topic_id not in (None, topic_ids[topic]):
                raise self._of_another_topic(TopicPartition(topic, partition), offset, topic_id, topic_ids[topic])
            result[TopicPartition(topic, partition)] = offset
        return result

    def move(
        self,
        transaction: Transaction,
        moves: Mapping[TopicPartition, tuple[int | None, int]],
        topic_ids: Mapping[str, str],
    ) -> None:
        """First thing in a transaction: (known, next) per partition; locks the rows until its end.

        SINK_FENCED, when the statements run, if a stored position is not the known one: then the transaction must be rolled back."""
        known: list[str] = []
        fresh: list[str] = []
        connector = quote_literal(self._connector)
        for at, (old, new) in moves.items():
            place = f"{quote_literal(at.topic)}, {at.partition:d}, {quote_literal(topic_ids[at.topic])}"
            if old is None:
                fresh.append(f"({connector}, {place}, {new:d})")
            else:
                known.append(f"({place}, {old:d}::bigint, {new:d}::bigint)")

        def check(count: int) -> Callable[[int], None]:
            def changed(rows: int) -> None:
                if rows != count:
                    raise fenced(moves)

            return changed

        if known:
            transaction.run(
                f"UPDATE {self._name} o SET next_offset = v.new, topic_id = v.topic_id"
                f" FROM (VALUES {', '.join(known)}) AS v(topic, partition, topic_id, old, new)"
                f" WHERE o.connector = {connector} AND o.topic = v.topic AND o.partition = v.partition"
                " AND o.next_offset = v.old AND coalesce(o.topic_id, v.topic_id) = v.topic_id",
                check(len(known)),
            )
        if fresh:
            transaction.run(
                f"INSERT INTO {self._name} (connector, topic, partition, topic_id, next_offset)"
                f" VALUES {', '.join(fresh)} ON CONFLICT DO NOTHING",
                check(len(fresh)),
            )

    def set(self, connection: Conn, offsets: Mapping[TopicPartition, int | None]) -> None:
        """Write positions an operator wants, for whatever topic has the name now; None removes one."""
        for (topic, partition), offset in offsets.items():
            place = (self._connector, topic, partition)
            if offset is None:
                connection.execute(
                    f"DELETE FROM {self._name} WHERE connector = %s AND topic = %s AND partition = %s", place
                )
            else:
                connection.execute(
                    f"INSERT INTO {self._name} (connector, topic, partition, next_offset) VALUES (%s, %s, %s, %s)"
                    " ON CONFLICT (connector, topic, partition)"
                    " DO UPDATE SET next_offset = EXCLUDED.next_offset, topic_id = NULL",
                    (*place, offset),
                )

    def _of_another_topic(self, at: TopicPartition, offset: int, stored: str, present: str) -> ConnectException:
        return ConnectException(
            f"Table {self._name} says that connector {self._connector} has written {at.topic}-{at.partition} up to offset "
            f"{offset} of the topic with id {stored}, but the topic of that name has id {present} now: it was made anew, or "
            "the log replaced. Nothing was written.",
            code="SINK_POSITION_OF_ANOTHER_TOPIC",
            remedy="To write the new topic from its start, stop the connector, reset its offsets with "
            f"DELETE /connectors/{self._connector}/offsets, and resume it; or use another connector name.",
        )


def fenced(partitions: Iterable[TopicPartition]) -> ConnectException:
    """The error of a task whose knowledge of the positions is out of date."""
    shown = ", ".join(f"{topic}-{partition}" for topic, partition in partitions)
    return ConnectException(
        f"Another writer has moved the stored position of {shown}; nothing was written.",
        code="SINK_FENCED",
        remedy="Nothing, if this is an old task that lingered; otherwise restart the task, and use each connector name once.",
    )
