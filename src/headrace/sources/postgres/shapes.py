"""TableShape: what the source knows of a table, whether from the catalog (snapshot) or from a relation message (stream)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from headrace.native import pgoutput
from headrace.systems.postgres import introspect
from headrace.systems.postgres.introspect import ColumnInfo, TableName

logger = logging.getLogger(__name__)


class ColumnShape(NamedTuple):
    """`default`: the default's expression as the server prints it."""

    name: str
    type_oid: int
    typmod: int
    optional: bool
    default: str | None
    comment: str | None = None


class TableShape(NamedTuple):
    """`columns` in wire order; `key`: names in key order, () without; `identity`: d, n, f, i; `identity_columns`: what old rows
    surely carry."""

    schema: str
    table: str
    columns: tuple[ColumnShape, ...]
    key: tuple[str, ...]
    identity: str
    identity_columns: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table}"


_IDENTITY = {"DEFAULT": "d", "NOTHING": "n", "FULL": "f", "INDEX": "i"}


class Catalog:
    """Reads shapes over one SQL connection."""

    def __init__(self, connection: introspect.Conn, *, comments: bool = False) -> None:
        self.connection = connection
        self._comments = comments

    def shapes(
        self, tables: Sequence[introspect.TableInfo], sent: Mapping[TableName, frozenset[str]] | None = None
    ) -> list[TableShape]:
        """The shape of each table, in order. `sent`: the columns a publication sends of its tables; the others are left out, but for
        generated ones."""
        oids = [table.oid for table in tables]
        columns = introspect.columns_of(self.connection, oids)
        keys = introspect.unique_keys_of(self.connection, oids)
        primary = introspect.primary_key_of(self.connection, oids)
        result = []
        for table in tables:
            comments = self._comments_of(table.oid)
            found = columns[table.oid]
            if sent is not None:
                found = _sent(table.name, found, sent.get(table.name))
            shaped = tuple(_column(column, comments.get(column.attnum)) for column in found)
            key = primary[table.oid] or _not_null_key(keys[table.oid], shaped)
            if not set(key) <= {column.name for column in shaped}:
                key = ()
            identity = _IDENTITY[table.replica_identity]
            carried = _identity_columns(self.connection, table.oid, identity, shaped)
            result.append(TableShape(*table.name, shaped, key, identity, carried))
        return result

    def of_relation(self, relation: pgoutput.Relation) -> TableShape:
        """The shape of a relation as the stream sends it; nullability, defaults and keys as the catalog has them now, for
        columns that are still there with the same type."""
        found = introspect.table(self.connection, TableName(relation.schema, relation.table))
        catalog: dict[str, ColumnShape] = {}
        keys: list[tuple[str, ...]] = []
        primary: tuple[str, ...] = ()
        if found is not None:
            [shape] = self.shapes([found])
            catalog = {column.name: column for column in shape.columns}
            keys = introspect.unique_keys_of(self.connection, [found.oid])[found.oid]
            primary = introspect.primary_key_of(self.connection, [found.oid])[found.oid]
        columns = tuple(_merged(column, catalog.get(column.name)) for column in relation.columns)
        names = {column.name for column in columns}
        flagged = tuple(column.name for column in relation.columns if column.key)
        key: tuple[str, ...]
        if relation.identity == "d" and flagged:
            # The flags are the primary key as of this position in the log; the catalog only knows its order.
            key = primary if set(primary) == set(flagged) else flagged
        else:
            present = [candidate for candidate in keys if set(candidate) <= names]
            key = primary if primary and set(primary) <= names else _not_null_key(present, columns)
        carried = (
            frozenset(flagged) if relation.identity in "di" else frozenset(names if relation.identity == "f" else ())
        )
        return TableShape(relation.schema, relation.table, columns, key, relation.identity, carried)

    def _comments_of(self, oid: int) -> dict[int, str]:
        if not self._comments:
            return {}
        rows = self.connection.execute(
            "SELECT objsubid, description FROM pg_catalog.pg_description"
            " WHERE objoid = %s AND classoid = 'pg_catalog.pg_class'::regclass AND objsubid > 0",
            (oid,),
        ).fetchall()
        return dict(rows)


def _sent(name: TableName, found: list[ColumnInfo], sent: frozenset[str] | None) -> list[ColumnInfo]:
    kept = [column for column in found if sent is None or column.generated or column.name in sent]
    frozen = [column.name for column in kept if column.generated and (sent is None or column.name not in sent)]
    if frozen:
        logger.warning(
            "The snapshot reads %s of %s, which the stream does not send, as they are generated: in a target they stay as they were. "
            "Leave them out with column.exclude.list, or have the publication publish them (servers from 18).",
            ", ".join(frozen),
            f"{name.schema}.{name.table}",
        )
    return kept


def _column(column: ColumnInfo, comment: str | None) -> ColumnShape:
    default = None if column.generated else column.default
    return ColumnShape(column.name, column.type_oid, column.typmod, not column.not_null, default, comment)


def _merged(column: pgoutput.RelationColumn, known: ColumnShape | None) -> ColumnShape:
    if known is None or known.type_oid != column.type_oid:
        optional = not column.key if known is None else known.optional
        return ColumnShape(column.name, column.type_oid, column.typmod, optional, None)
    return known._replace(typmod=column.typmod)


def _not_null_key(keys: Iterable[tuple[str, ...]], columns: Sequence[ColumnShape]) -> tuple[str, ...]:
    required = {column.name for column in columns if not column.optional}
    return next((key for key in keys if set(key) <= required), ())


def _identity_columns(connection: introspect.Conn, oid: int, identity: str, columns: Sequence[Any]) -> frozenset[str]:
    if identity == "f":
        return frozenset(column.name for column in columns)
    return frozenset(introspect.replica_identity_columns(connection, oid))
