"""What a chunk's table looks like at the moment it is read: codec and key, compiled again when its definition has changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from headrace.sources.postgres.codecs import Codecs
from headrace.sources.postgres.incremental import java_keys
from headrace.sources.postgres.incremental.chunk_query import Key, KeyOrder
from headrace.sources.postgres.incremental.visibility import PgSnapshot
from headrace.sources.postgres.shapes import Catalog
from headrace.sources.postgres.tables import TableCodec
from headrace.systems.postgres import introspect, quote_literal, quote_table
from headrace.systems.postgres.introspect import Conn, TableName
from headrace.systems.postgres.publications import published_columns

_DEFINITION = """
SELECT pg_catalog.pg_current_snapshot()::text, c.oid::bigint, concat_ws('|', c.relkind, c.relreplident,
    (SELECT string_agg(concat_ws(':', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.atthasdef), ','
                       ORDER BY a.attnum)
     FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    (SELECT string_agg(concat_ws(':', i.indexrelid, i.indisprimary, i.indisreplident, i.indkey), ',' ORDER BY i.indexrelid)
     FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique))
FROM pg_catalog.pg_class c WHERE c.oid = {name}::pg_catalog.regclass"""


_NAMES = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' ORDER BY 1, 2"""


def table_names(sql: Conn) -> list[TableName]:
    """All tables, without waiting for one that is locked."""
    return [TableName(*row) for row in sql.execute(_NAMES).fetchall()]


_AS_STREAMED = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class asked
CROSS JOIN LATERAL pg_catalog.pg_partition_tree(CASE WHEN {root} THEN pg_catalog.pg_partition_root(asked.oid) ELSE asked.oid END) part
JOIN pg_catalog.pg_class c ON c.oid = part.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE asked.oid = pg_catalog.to_regclass(%s) AND (asked.relkind = 'p' OR asked.relispartition)
  AND CASE WHEN {root} THEN part.level = 0 ELSE part.isleaf END ORDER BY 1, 2"""
_VIA_ROOT = "SELECT pubviaroot FROM pg_catalog.pg_publication WHERE pubname = %s"


def as_streamed(sql: Conn, publication: str, name: TableName) -> list[TableName]:
    """The tables that the changes of a partitioned table or a partition come under: its partitions, or its root where the publication
    says so. Empty for a table that is neither."""
    row = sql.execute(_VIA_ROOT, (publication,)).fetchone()
    statement = _AS_STREAMED.format(root="true" if row is not None and row[0] else "false")
    return [TableName(*found) for found in sql.execute(statement.encode(), (quote_table(*name),)).fetchall()]


class NoSuchTableError(Exception):
    """The table does not exist, or is not captured."""


class NoKeyError(Exception):
    """The table has nothing to be read in the order of."""


class ChunkTable(NamedTuple):
    """`definition`: what it was compiled for. `source`: for FROM. `key_types`: base type and whether it is an enum, by key column."""

    oid: int
    definition: str
    codec: TableCodec
    order: KeyOrder
    source: str
    key_types: tuple[tuple[str, bool], ...]

    def java(self, key: Key) -> Sequence[Any]:
        """The key as the offsets hold it."""
        return [
            java_keys.to_java(name, text, enum=enum) for (name, enum), text in zip(self.key_types, key, strict=True)
        ]


class ChunkTables:
    """`captured`: whether a table is. `publication`: whose columns are read, None for all. Used within the transaction that reads the chunk."""

    def __init__(
        self,
        codecs: Codecs,
        *,
        captured: Callable[[str, str], bool],
        comments: bool,
        publication: Callable[[], str | None],
    ) -> None:
        self._codecs = codecs
        self._captured = captured
        self._comments = comments
        self._publication = publication
        self._known: dict[tuple[str, str], ChunkTable] = {}

    def open(self, sql: Conn, name: TableName, surrogate: str) -> tuple[ChunkTable, PgSnapshot]:
        """The table as the transaction sees it, and what the transaction sees. The table is locked already, so that it stays so."""
        statement = _DEFINITION.format(name=quote_literal(quote_table(*name)))
        row = sql.execute(statement.encode()).fetchone()
        if row is None:
            raise NoSuchTableError
        snapshot, oid, definition = PgSnapshot.parse(row[0]), row[1], f"{row[1]}|{row[2]}"
        known = self._known.get((f"{name.schema}.{name.table}", surrogate))
        if known is None or known.definition != definition:
            known = self._compile(sql, name, surrogate, oid, definition)
            self._known[f"{name.schema}.{name.table}", surrogate] = known
        return known, snapshot

    def refresh_enum(self, oid: int, open_ended: bool) -> None:
        """As in the stream: labels that were not known."""
        self._codecs.refresh_enum(oid, open_ended)
        self._known.clear()

    def _compile(self, sql: Conn, name: TableName, surrogate: str, oid: int, definition: str) -> ChunkTable:
        info = introspect.table(sql, name)
        if info is None or info.kind not in ("r", "p") or not self._captured(*name):
            raise NoSuchTableError
        publication = self._publication()
        sent = published_columns(sql, publication) if publication else None
        [shape] = Catalog(sql, comments=self._comments).shapes([info], sent)
        codec = self._codecs.of(shape)
        columns = {column.name: column for column in shape.columns}
        if surrogate:
            names: tuple[str, ...] = (surrogate,)
            if surrogate not in columns:
                raise NoKeyError(f"surrogate key {surrogate} is no column")
        else:
            names = codec.key_columns
        if not names:
            raise NoKeyError("it has no key")
        order = KeyOrder(
            names,
            tuple(columns[one].optional for one in names),
            unique=bool(shape.key) and set(shape.key) <= set(names),
        )
        types = [self._codecs.types.resolve(columns[one].type_oid, columns[one].typmod) for one in names]
        source = ("ONLY " if info.kind == "r" else "") + quote_table(*name)
        key_types = tuple((one.name, one.labels is not None) for one in types)
        return ChunkTable(oid, definition, codec, order, source, key_types)
