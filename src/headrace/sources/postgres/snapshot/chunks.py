"""Cuts tables into chunks that are read side by side and remembered one by one.

A heap is cut by blocks (TID range scans, servers from 14): that needs no statistics and no key, costs what one scan costs, whatever the
order of the keys on disk, and its first row comes at once. A partitioned table is cut through its partitions. Whatever cannot be cut
so, a SELECT of the user's or a table on server 13, is cut by ranges of its key, bounds taken from a sample; without a key it is one chunk.

A table is locked against changes of its definition (ACCESS SHARE, which any SELECT takes) when its turn comes. Had it been rewritten
or truncated between the snapshot and the lock, an old snapshot might see it empty: then PG_TABLE_CHANGED is raised, and the snapshot goes
on under a new one.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from headrace.errors import RetriableException
from headrace.sources.postgres.shapes import TableShape
from headrace.sources.postgres.snapshot.key_ranges import bounds_of, is_divisible, key_range
from headrace.sources.postgres.snapshot.progress import PartialTable, Progress, table_id
from headrace.sources.postgres.snapshot.spans import Span, Spans
from headrace.systems.postgres import quote_identifier, quote_table
from headrace.systems.postgres.introspect import Conn

logger = logging.getLogger(__name__)

CHUNK_BLOCKS: Final = 8192
"""The most blocks of a chunk: 64 MB, what a broken snapshot reads again at worst."""
_MOST_RANGES: Final = 1000
_UNDEFINED_TABLE, _NO_PRIVILEGE = "42P01", "42501"


@dataclass(frozen=True)
class SnapshotTable:
    """A table to read. `query`: a SELECT in place of the table. `only`: leave out rows of tables that inherit from it. `kind` as in
    `TableInfo`."""

    shape: TableShape
    query: str | None = None
    only: bool = True
    oid: int = 0
    kind: str = "r"

    @property
    def id(self) -> str:
        """Its name in progress."""
        return table_id(self.shape.schema, self.shape.table)

    @property
    def source(self) -> str:
        """What to select from."""
        if self.query is not None:
            # It may end with a comment.
            return f"({self.query.rstrip().rstrip(';')}\n) AS chosen"
        return self.relation

    @property
    def relation(self) -> str:
        """The table itself."""
        return ("ONLY " if self.only else "") + quote_table(self.shape.schema, self.shape.table)


class Chunk(NamedTuple):
    """Some rows of a table: `part` and `start` to before `end` say which in progress, `source` and `where` in SQL."""

    table: SnapshotTable
    part: str
    start: int
    end: int | None
    source: str
    where: str
    number: int
    total: int

    def copy_statement(self, columns: Sequence[str]) -> str:
        """COPY of the wanted columns, in text format."""
        names = ", ".join(quote_identifier(name) for name in columns)
        return f"COPY (SELECT {names} FROM {self.source}{self.where and f' WHERE {self.where}'}) TO STDOUT"


class _Relation(NamedTuple):
    """A table or partition that holds rows. `file` as the snapshot has it, `file_now` as it is."""

    oid: int
    source: str
    file: int
    file_now: int | None
    heap: bool
    readable: bool
    blocks: int


_RELATIONS: Final = """
SELECT c.oid, n.nspname, c.relname, c.relfilenode, pg_relation_filenode(c.oid), c.relkind = 'r' AND m.amname = 'heap',
       has_table_privilege(c.oid, 'SELECT'),
       CASE WHEN c.relkind = 'r' THEN pg_relation_size(c.oid) / current_setting('block_size')::int ELSE 0 END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
WHERE c.oid = %(oid)s AND c.relkind <> 'p'
   OR c.oid IN (SELECT relid FROM pg_partition_tree(%(oid)s) WHERE isleaf AND %(root)s)
ORDER BY c.oid"""


class ChunkPlanner:
    """`sql`: in the transaction that has the snapshot. `threads`: readers; `multiplier`: chunks of a table for each reader, by
    `schema.table`. `whole`: one chunk for a table. `progress`: what is done already; what is begun is entered there."""

    def __init__(
        self, sql: Conn, threads: int, multiplier: Callable[[str], int], progress: Progress, *, whole: bool = False
    ) -> None:
        self._sql = sql
        self._threads = threads
        self._multiplier = multiplier
        self._progress = progress
        self._whole = whole

    def chunks(self, table: SnapshotTable) -> list[Chunk]:
        """What of the table is still to be read, none when it is gone. Raises psycopg's errors and PG_TABLE_CHANGED."""
        begun = self._progress.partial.pop(table.id, None)
        relations = self._lock(table)
        if relations is None:
            logger.warning("Table %s is gone; the snapshot leaves it out.", table.shape.name)
            return []
        pieces = self._threads * self._multiplier(table.shape.name)
        divisible = table.query is None and self._sql.info.server_version >= 140_000 and not self._whole
        if divisible and all(relation.readable for relation in relations):
            return self._by_blocks(table, relations, pieces, begun)
        wanted = max(
            pieces, -(-sum(relation.blocks for relation in relations) // CHUNK_BLOCKS) if table.query is None else 0
        )
        if table.shape.key and wanted > 1 and not self._whole and is_divisible(table.query or ""):
            return self._by_key(table, min(wanted, _MOST_RANGES), begun)
        return [Chunk(table, "", 0, None, table.source, "", 1, 1)]

    # Lock and look ------------------------------------------------------------------------------------------------

    def _lock(self, table: SnapshotTable) -> list[_Relation] | None:
        name = quote_table(table.shape.schema, table.shape.table)
        only = "ONLY " if table.only else ""
        # The right to some columns is not enough for LOCK, but for a query, which locks the same.
        for statement in (f"LOCK TABLE {only}{name} IN ACCESS SHARE MODE", f"SELECT FROM {only}{name} LIMIT 0"):
            try:
                with self._sql.transaction():
                    self._sql.execute(statement.encode())
                locked = True
                break
            except Exception as error:
                state = getattr(error, "sqlstate", None)
                if state == _UNDEFINED_TABLE:
                    return None
                if state != _NO_PRIVILEGE:
                    raise
                # A SELECT of the user's may need no right to the table itself.
                locked = False
        rows = self._sql.execute(_RELATIONS, {"oid": table.oid, "root": table.kind == "p"}).fetchall()
        relations = [
            _Relation(row[0], "ONLY " + quote_table(row[1], row[2]), row[3], row[4], row[5], row[6], int(row[7] or 0))
            for row in rows
        ]
        now = self._sql.execute("SELECT to_regclass(%s)::oid::bigint", (name,)).fetchone()
        moved = now is None or now[0] != table.oid
        if locked and (moved or any(one.file_now != one.file for one in relations if one.file and one.heap)):
            raise RetriableException(
                f"Table {table.shape.name} was rewritten, truncated or replaced since the snapshot was taken.",
                code="PG_TABLE_CHANGED",
                remedy="Nothing: the snapshot goes on under a new one.",
            )
        return relations

    # Blocks -------------------------------------------------------------------------------------------------------

    def _by_blocks(
        self, table: SnapshotTable, relations: Sequence[_Relation], pieces: int, begun: PartialTable | None
    ) -> list[Chunk]:
        blocks = sum(relation.blocks for relation in relations)
        # As many turns for each reader, so that none has the last chunk for itself.
        wanted = pieces * max(1, -(-blocks // (CHUNK_BLOCKS * pieces)))
        size = max(1, -(-blocks // wanted))
        done = begun.parts if begun is not None else {}
        parts: dict[str, Spans] = {}
        found: list[tuple[_Relation, str, Span]] = []
        for relation in relations:
            part = f"{relation.oid}/{relation.file}"
            parts[part] = spans = done.get(part) or Spans()
            if not relation.heap:
                found += [(relation, part, gap) for gap in spans.missing()]
                continue
            for start, end in spans.missing():
                until = relation.blocks if end is None else end
                edges = [*range(start, max(until, start + 1), size)]
                found += [(relation, part, (a, b)) for a, b in zip(edges, [*edges[1:], end], strict=True)]
        self._progress.partial[table.id] = PartialTable(parts)
        total = len(found)
        return [
            Chunk(table, part, start, end, relation.source, _block_range(start, end), number, total)
            for number, (relation, part, (start, end)) in enumerate(found, 1)
        ]

    # Key ranges ---------------------------------------------------------------------------------------------------

    def _by_key(self, table: SnapshotTable, wanted: int, begun: PartialTable | None) -> list[Chunk]:
        key = table.shape.key
        source = hashlib.sha256((table.query or "").encode()).hexdigest()[:16]
        if begun is None or begun.key != key or begun.source != source:
            bounds = bounds_of(self._sql, table.relation, table.oid, table.source, key, wanted)
            begun = PartialTable({"": Spans()}, key, bounds, source)
        self._progress.partial[table.id] = begun
        bounds = begun.bounds
        spans = begun.parts.setdefault("", Spans())
        numbers = [i for a, b in spans.missing(len(bounds) + 1) for i in range(a, len(bounds) + 1 if b is None else b)]
        return [
            Chunk(table, "", i, i + 1, table.source, key_range(key, bounds, i), number, len(numbers))
            for number, i in enumerate(numbers, 1)
        ]


def _block_range(start: int, end: int | None) -> str:
    conditions = [f"ctid >= '({start},0)'::tid"] if start else []
    if end is not None:
        conditions.append(f"ctid < '({end},0)'::tid")
    return " AND ".join(conditions)
