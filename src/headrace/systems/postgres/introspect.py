"""What is in a database: tables, columns, keys, types, settings; all read from the catalogs of servers 13 to 18.

Every function takes an open psycopg connection and raises what psycopg raises; map with `errors.map_error`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from psycopg import Connection

from headrace.systems.postgres.names import quote_literal

Conn = Connection[tuple[Any, ...]]

REPLICA_IDENTITIES: Final = {"d": "DEFAULT", "n": "NOTHING", "f": "FULL", "i": "INDEX"}


class TableName(NamedTuple):
    schema: str
    table: str


@dataclass(frozen=True, slots=True)
class TableInfo:
    """`kind`: r table, p partitioned table, v view, m materialized view, f foreign table.

    `replica_identity`: DEFAULT, NOTHING, FULL or INDEX. `estimated_rows`: the planner's, -1 when never analysed."""

    oid: int
    name: TableName
    kind: str
    replica_identity: str
    is_partition: bool
    estimated_rows: float


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """`type_kind`: b base, c composite, d domain, e enum, r range, m multirange. `base_oid`, `base_typmod`: below any domains.

    `generated`: "" or s stored, v virtual; `identity`: "" or a always, d by default. `element_oid`: 0 unless an array."""

    attnum: int
    name: str
    type_oid: int
    type_name: str
    """As format_type prints it, with modifiers: numeric(10,2), timestamp(3) without time zone."""
    typmod: int
    not_null: bool
    default: str | None
    generated: str
    identity: str
    type_kind: str
    base_oid: int
    base_typmod: int
    element_oid: int
    dimensions: int


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """A type by oid. `category` as in pg_type.typcategory; `labels` of an enum in order, else empty."""

    oid: int
    schema: str
    name: str
    kind: str
    category: str
    element_oid: int
    base_oid: int
    base_typmod: int
    labels: tuple[str, ...]


def server_version(connection: Conn) -> int:
    """server_version_num, for example 180006."""
    return connection.info.server_version


def setting(connection: Conn, name: str) -> str | None:
    """A server setting's value, None when the server does not know it."""
    row = connection.execute("SELECT current_setting(%s, true)", (name,)).fetchone()
    return None if row is None else row[0]


def settings(connection: Conn, names: Sequence[str]) -> dict[str, str]:
    """Those of `names` that the server knows."""
    sql = "SELECT name, current_setting(name) FROM pg_catalog.pg_settings WHERE name = ANY(%s)"
    return dict(connection.execute(sql, (list(names),)).fetchall())


@dataclass(frozen=True, slots=True)
class RoleInfo:
    """The role logged in with; `replication` is true for superusers too."""

    name: str
    superuser: bool
    replication: bool


def current_role(connection: Conn) -> RoleInfo:
    row = connection.execute(
        "SELECT rolname, rolsuper, rolsuper OR rolreplication"
        " OR pg_catalog.pg_has_role(oid, coalesce((SELECT oid FROM pg_catalog.pg_roles WHERE rolname = 'rds_replication'), oid), 'MEMBER')"
        " AND EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = 'rds_replication')"
        " FROM pg_catalog.pg_roles WHERE rolname = current_user"
    ).fetchone()
    if row is None:
        return RoleInfo("", False, False)
    return RoleInfo(*row)


def tables(connection: Conn, *, kinds: str = "rp", system: bool = False) -> list[TableInfo]:
    """The tables by schema and name; without temporary and, unless asked for, system ones."""
    rows = connection.execute(
        "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident, c.relispartition, c.reltuples"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind = ANY(%s) AND c.relpersistence <> 't'"
        "  AND (%s OR (n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'))"
        " ORDER BY n.nspname, c.relname",
        (list(kinds), system),
    ).fetchall()
    return [TableInfo(r[0], TableName(r[1], r[2]), r[3], REPLICA_IDENTITIES[r[4]], r[5], float(r[6])) for r in rows]


def table(connection: Conn, name: TableName) -> TableInfo | None:
    """One table or view of any kind, None when there is none of that name (exact, case-sensitive)."""
    row = connection.execute(
        "SELECT c.oid, c.relkind, c.relreplident, c.relispartition, c.reltuples"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
        name,
    ).fetchone()
    if row is None:
        return None
    return TableInfo(row[0], name, row[1], REPLICA_IDENTITIES[row[2]], row[3], float(row[4]))


def has_rules(connection: Conn, oid: int) -> bool:
    """Whether a table has triggers (other than those of constraints), rules or row security."""
    row = connection.execute(
        "SELECT c.relhasrules OR c.relrowsecurity"
        " OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)"
        " FROM pg_catalog.pg_class c WHERE c.oid = %s",
        (oid,),
    ).fetchone()
    return bool(row and row[0])


_COLUMNS: Final = """
WITH RECURSIVE base AS (
    SELECT a.attrelid, a.attnum, t.oid, t.typtype, t.typbasetype, a.atttypmod AS typmod, t.typtypmod, t.typelem, t.typcategory
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = ANY(%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
    SELECT b.attrelid, b.attnum, t.oid, t.typtype, t.typbasetype, b.typtypmod, t.typtypmod, t.typelem, t.typcategory
    FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd')
SELECT a.attrelid, a.attnum, a.attname, a.atttypid, pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypmod,
       a.attnotnull OR t.typtype = 'd' AND t.typnotnull, pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity, t.typtype,
       b.oid, b.typmod, CASE WHEN b.typcategory = 'A' THEN b.typelem ELSE 0 END, a.attndims
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN base b ON b.attrelid = a.attrelid AND b.attnum = a.attnum AND b.typtype <> 'd'
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
ORDER BY a.attrelid, a.attnum"""


def columns_of(connection: Conn, oids: Sequence[int]) -> dict[int, list[ColumnInfo]]:
    """The columns of each table oid, in attnum order, in one query."""
    result: dict[int, list[ColumnInfo]] = {oid: [] for oid in oids}
    for row in connection.execute(_COLUMNS, (list(oids),)).fetchall():
        result[row[0]].append(ColumnInfo(*row[1:]))
    return result


def columns(connection: Conn, oid: int) -> list[ColumnInfo]:
    """The columns of one table, in attnum order."""
    return columns_of(connection, [oid])[oid]


def form_query(oid: int, quoted: str) -> str:
    """The query for a text that changes when a table's columns, their types or its unique indexes do; null when it is gone, or another
    table has the name `quoted`."""
    return (
        "SELECT string_agg(concat_ws(' ', a.attname, a.atttypid, a.atttypmod), ',' ORDER BY a.attnum) || ';' || coalesce((SELECT"
        " string_agg(concat_ws(' ', i.indexrelid, i.indkey, i.indnkeyatts, i.indpred IS NULL, i.indexprs IS NULL), ',' ORDER BY i.indexrelid)"
        f" FROM pg_catalog.pg_index i WHERE i.indrelid = {int(oid)} AND i.indisunique AND i.indisvalid), '')"
        f" FROM pg_catalog.pg_attribute a WHERE a.attrelid = {int(oid)} AND a.attrelid = to_regclass({quote_literal(quoted)})"
        " AND a.attnum > 0 AND NOT a.attisdropped"
    )


_KEYS: Final = """
SELECT i.indrelid, i.indisprimary, array_agg(a.attname ORDER BY k.position)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k(attnum, position)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = ANY(%s::oid[]) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY i.indrelid, i.indisprimary, i.indexrelid, x.relname
ORDER BY i.indrelid, i.indisprimary DESC, x.relname"""


def unique_keys_of(connection: Conn, oids: Sequence[int]) -> dict[int, list[tuple[str, ...]]]:
    """The columns of every plain unique index of each table: the primary key first, then by index name."""
    result: dict[int, list[tuple[str, ...]]] = {oid: [] for oid in oids}
    for oid, _, names in connection.execute(_KEYS, (list(oids),)).fetchall():
        result[oid].append(tuple(names))
    return result


def primary_key_of(connection: Conn, oids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The primary key's columns of each table, () without one."""
    result: dict[int, tuple[str, ...]] = dict.fromkeys(oids, ())
    for oid, primary, names in connection.execute(_KEYS, (list(oids),)).fetchall():
        if primary:
            result[oid] = tuple(names)
    return result


def replica_identity_columns(connection: Conn, oid: int) -> tuple[str, ...]:
    """The columns old rows are sent with: of the identity index or the primary key; () for FULL and NOTHING."""
    row = connection.execute(
        "SELECT array_agg(a.attname ORDER BY k.position) FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND"
        "  ((c.relreplident = 'd' AND i.indisprimary) OR (c.relreplident = 'i' AND i.indisreplident))"
        " CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k(attnum, position)"
        " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE c.oid = %s",
        (oid,),
    ).fetchone()
    return tuple(row[0]) if row and row[0] else ()


def types(connection: Conn, oids: Sequence[int]) -> dict[int, TypeInfo]:
    """The types by oid, with enum labels; unknown oids are left out."""
    rows = connection.execute(
        "SELECT t.oid, n.nspname, t.typname, t.typtype, t.typcategory,"
        "  CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END, t.typbasetype, t.typtypmod,"
        "  coalesce((SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder)"
        "    FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid), '{}')"
        " FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = ANY(%s::oid[])",
        (list(oids),),
    ).fetchall()
    return {row[0]: TypeInfo(*(*row[:8], tuple(row[8]))) for row in rows}


def current_lsn(connection: Conn) -> str:
    """The end of written WAL as `X/X`; on a standby the end of replayed WAL."""
    row = connection.execute(
        "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text"
    ).fetchone()
    return "0/0" if row is None or row[0] is None else row[0]


def in_recovery(connection: Conn) -> bool:
    """True on a standby."""
    row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    return bool(row and row[0])
