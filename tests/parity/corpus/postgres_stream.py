"""Scenarios for both PostgreSQL connectors: transactions, keys and identities, messages, partitions, names, definitions in flight.

A scenario has statements to prepare the database and steps to be read as a stream. A step is a statement, or several in one
transaction, or SYNC: what comes behind is done only when all before it has been read, for a connector asks the catalog of the moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

SYNC = "SYNC"
_TX = {"provide.transaction.metadata": "true"}
_NO_DATA = {"snapshot.mode": "no_data"}
_BIG = "(SELECT string_agg(md5(g::text), '') FROM generate_series(1, 400) g)"


@dataclass(frozen=True)
class Scenario:
    """`publication`: behind CREATE PUBLICATION pub; empty when the connector shall make it."""

    prepare: tuple[str, ...]
    steps: tuple[str | tuple[str, ...], ...]
    config: dict[str, str] = field(default_factory=dict)
    publication: str = "FOR ALL TABLES"
    since: int = 140000


_T = "CREATE TABLE t (id int PRIMARY KEY, v text)"

SCENARIOS: dict[str, Scenario] = {}

# Transactions ----------------------------------------------------------------------------------------------------------

_WORK: tuple[str | tuple[str, ...], ...] = (
    "INSERT INTO t VALUES (3, 'c')",
    (
        "INSERT INTO t VALUES (10, 'c')",
        "INSERT INTO u VALUES (11)",
        "UPDATE t SET v = 'x' WHERE id = 10",
        "UPDATE t SET id = 40 WHERE id = 3",
        "DELETE FROM t WHERE id = 10",
        "DELETE FROM u",
    ),
    "INSERT INTO v_uncaptured VALUES (1)",
    (
        "INSERT INTO t VALUES (20, 'c')",
        "SAVEPOINT s",
        "INSERT INTO t VALUES (21, 'c')",
        "ROLLBACK TO s",
        "INSERT INTO u VALUES (22)",
    ),
    "TRUNCATE t, u",
)
_TABLES = (_T, "CREATE TABLE u (id int PRIMARY KEY)", "CREATE TABLE v_uncaptured (id int PRIMARY KEY)")
SCENARIOS["transactions"] = Scenario(
    (*_TABLES, "INSERT INTO t VALUES (1, 'a'), (2, 'b')"), _WORK, {**_TX, "table.exclude.list": "public.v_uncaptured"}
)
SCENARIOS["transactions-off"] = Scenario(_TABLES, _WORK)
SCENARIOS["transactions-truncate"] = Scenario(_TABLES, _WORK, {**_TX, "skipped.operations": "none"})
SCENARIOS["transactions-topic"] = Scenario(_TABLES, _WORK, {**_TX, "topic.transaction": "tx", "topic.delimiter": "-"})
SCENARIOS["transactions-many-tables"] = Scenario(
    (_T, *(f"CREATE TABLE x{n} (id int PRIMARY KEY)" for n in range(30))),
    (
        tuple(f"INSERT INTO x{n} VALUES (1)" for n in range(9)),
        tuple(f"INSERT INTO x{n} VALUES (2)" for n in range(30)),
        (
            "INSERT INTO x3 VALUES (9)",
            "INSERT INTO x7 VALUES (9)",
            "INSERT INTO x27 VALUES (9)",
            "INSERT INTO t VALUES (1, 'a')",
        ),
    ),
    _TX,
)
SCENARIOS["transactions-skipped"] = Scenario(
    (_T, "ALTER TABLE t REPLICA IDENTITY FULL"),
    (("INSERT INTO t VALUES (1, 'a')", "UPDATE t SET v = 'a'", "UPDATE t SET v = 'b'", "DELETE FROM t"),),
    {**_TX, "skipped.operations": "d,t", "skip.messages.without.change": "true"},
)
SCENARIOS["transactions-messages"] = Scenario(
    (_T,),
    (
        "SELECT pg_logical_emit_message(true, 'p', 'alone')",
        "SELECT pg_logical_emit_message(false, 'p', 'outside')",
        (
            "INSERT INTO t VALUES (1, 'a')",
            "SELECT pg_logical_emit_message(true, 'p', 'm1')",
            "SELECT pg_logical_emit_message(true, 'p', 'm2')",
        ),
        "INSERT INTO t VALUES (2, 'b')",
    ),
    _TX,
)

# Keys and identities -----------------------------------------------------------------------------------------------------

_CHANGES = (
    "INSERT INTO t VALUES (3, 30, 'c')",
    "UPDATE t SET v = 'x' WHERE id = 3",
    "UPDATE t SET id = 5 WHERE id = 3",
    "UPDATE t SET k = 11 WHERE id = 1",
    "DELETE FROM t WHERE id = 2",
)
_ROWS = "INSERT INTO t VALUES (1, 10, 'a'), (2, 20, 'b')"
for _name, _definition, _config in (
    ("default", "CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL, v text NOT NULL)", {}),
    ("full", "CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL, v text); ALTER TABLE t REPLICA IDENTITY FULL", {}),
    ("nokey", "CREATE TABLE t (id int, k int, v text); ALTER TABLE t REPLICA IDENTITY FULL", {}),
    ("nokey-notombstone", "CREATE TABLE t (id int, k int, v text); ALTER TABLE t REPLICA IDENTITY FULL", {"tombstones.on.delete": "false"}),
    ("unique", "CREATE TABLE t (id int, k int NOT NULL, v text); CREATE UNIQUE INDEX ui ON t (k); ALTER TABLE t REPLICA IDENTITY USING INDEX ui", {}),
    ("index", "CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL, v text); CREATE UNIQUE INDEX ui ON t (k); ALTER TABLE t REPLICA IDENTITY USING INDEX ui", {}),
    ("chosen-full", "CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL, v text); ALTER TABLE t REPLICA IDENTITY FULL", {"message.key.columns": "public.t:k"}),
    ("chosen-default", "CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL, v text)", {"message.key.columns": "public.t:k"}),
    ("composite", "CREATE TABLE t (id int, k int, v text, PRIMARY KEY (k, id))", {}),
):  # fmt: skip
    SCENARIOS[f"identity-{_name}"] = Scenario((*_definition.split("; "), _ROWS), _CHANGES, dict(_config))
SCENARIOS["identity-nothing"] = Scenario(
    ("CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL, v text)", "ALTER TABLE t REPLICA IDENTITY NOTHING", "CREATE TABLE zz_mark (n int PRIMARY KEY)"),
    ("INSERT INTO t VALUES (1, 2, 'x')", "UPDATE t SET v = 'y'", "DELETE FROM t"),
    publication="FOR TABLE t, zz_mark WITH (publish = 'insert')",
)  # fmt: skip
SCENARIOS["identity-in-flight"] = Scenario(
    (_T, "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')"),
    (
        "UPDATE t SET v = 'q' WHERE id = 1", SYNC,
        "ALTER TABLE t REPLICA IDENTITY FULL", "UPDATE t SET v = 'r' WHERE id = 1", "DELETE FROM t WHERE id = 2", SYNC,
        "ALTER TABLE t REPLICA IDENTITY DEFAULT", "DELETE FROM t WHERE id = 3", SYNC,
        "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id, v)", "INSERT INTO t VALUES (4, 'n')", "UPDATE t SET v = 'm' WHERE id = 4",
    ),
)  # fmt: skip

# Logical messages ----------------------------------------------------------------------------------------------------------

for _mode in ("bytes", "base64", "base64-url-safe", "hex"):
    SCENARIOS[f"messages-{_mode}"] = Scenario(
        (_T,),
        (
            "SELECT pg_logical_emit_message(true, 'p', 'héllo?>')",
            "SELECT pg_logical_emit_message(false, 'p', 'outside')",
            "SELECT pg_logical_emit_message(false, 'nope', 'left out')",
            "SELECT pg_logical_emit_message(true, 'Nope', 'left out')",
            "SELECT pg_logical_emit_message(true, '', '')",
            ("INSERT INTO t VALUES (1, 'a')", "SELECT pg_logical_emit_message(true, 'p', '\\xfffe'::bytea)",
             "SELECT pg_logical_emit_message(false, 'p', 'at once')", "INSERT INTO t VALUES (2, 'b')"),
        ),
        {"binary.handling.mode": _mode, "message.prefix.exclude.list": "no.*", "topic.delimiter": "_"},
    )  # fmt: skip
SCENARIOS["messages-included"] = Scenario(
    (_T,),
    tuple(f"SELECT pg_logical_emit_message(true, '{prefix}', 'x')" for prefix in ("app", "App", "apple", "other")),
    {"message.prefix.include.list": "app,none"},
)

# Partitions ------------------------------------------------------------------------------------------------------------------

_PARTITIONED = (
    "CREATE TABLE p (id int, r text, v text, PRIMARY KEY (id, r)) PARTITION BY LIST (r)",
    "CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('a')",
    "CREATE TABLE p_b PARTITION OF p FOR VALUES IN ('b') PARTITION BY RANGE (id)",
    "CREATE TABLE p_b1 PARTITION OF p_b FOR VALUES FROM (0) TO (100)",
    "CREATE TABLE p_b2 PARTITION OF p_b FOR VALUES FROM (100) TO (200)",
    "CREATE TABLE p_d PARTITION OF p DEFAULT",
    "INSERT INTO p VALUES (1, 'a', 'x'), (2, 'b', 'y'), (150, 'b', 'z'), (5, 'q', 'd')",
)
_PARTITION_STEPS = (
    "INSERT INTO p VALUES (3, 'a', 'n')",
    "UPDATE p SET v = 'w' WHERE id = 3",
    "UPDATE p SET r = 'b' WHERE id = 3",
    "UPDATE p SET id = 120 WHERE id = 3",
    "DELETE FROM p WHERE id = 120",
    "CREATE TABLE p_c (id int NOT NULL, r text NOT NULL, v text, PRIMARY KEY (id, r))",
    "INSERT INTO p_c VALUES (7, 'c', 'before')",
    SYNC,
    "ALTER TABLE p ATTACH PARTITION p_c FOR VALUES IN ('c')",
    "INSERT INTO p VALUES (8, 'c', 'after')",
    SYNC,
    "ALTER TABLE p DETACH PARTITION p_a",
    "INSERT INTO p_a VALUES (9, 'a', 'detached')",
    "TRUNCATE p",
)
_ROOT = {"publish.via.partition.root": "true"}
_VIA_ROOT = "FOR ALL TABLES WITH (publish_via_partition_root = true)"
_ONLY_ROOT = {"table.include.list": "public.p,public.zz_mark"}
SCENARIOS["partitions-root"] = Scenario(
    _PARTITIONED, _PARTITION_STEPS, {**_ROOT, **_NO_DATA, "skipped.operations": "none"}, _VIA_ROOT
)
SCENARIOS["partitions-leaf"] = Scenario(_PARTITIONED, _PARTITION_STEPS, {**_NO_DATA, "skipped.operations": "none"})
SCENARIOS["partitions-root-snapshot"] = Scenario(_PARTITIONED, _PARTITION_STEPS, {**_ROOT, **_ONLY_ROOT}, _VIA_ROOT)
SCENARIOS["partitions-root-made"] = Scenario(
    _PARTITIONED, _PARTITION_STEPS, {**_ROOT, **_ONLY_ROOT, "publication.autocreate.mode": "filtered"}, ""
)
SCENARIOS["partitions-leaf-made"] = Scenario(
    _PARTITIONED, _PARTITION_STEPS,
    {"publication.autocreate.mode": "filtered", "table.include.list": "public.p_(a|b.|d),public.zz_mark"}, "",
)  # fmt: skip
SCENARIOS["partitions-snapshot-root"] = Scenario(_PARTITIONED, (), _ROOT, _VIA_ROOT)
SCENARIOS["partitions-snapshot-leaf"] = Scenario(_PARTITIONED, ())

# Names ---------------------------------------------------------------------------------------------------------------------------

_NAMED = (
    'CREATE SCHEMA "My Schema"',
    "CREATE SCHEMA s2",
    'CREATE TABLE "My Schema"."Tab.le" (id int PRIMARY KEY, "Col.Umn" text, "quo""te" text, "ünïcöde" text, "sp ace" text, "1st" text)',
    "CREATE TABLE s2.t (id int PRIMARY KEY)",
    "CREATE TABLE public.t (id int PRIMARY KEY)",
    'CREATE TABLE "UP" ("ID" int PRIMARY KEY, "select" text)',
    'CREATE TABLE "quo""ted" (id int PRIMARY KEY)',
    'CREATE TABLE "über" ("üid" int PRIMARY KEY)',
)
_NAMED_STEPS = (
    "INSERT INTO \"My Schema\".\"Tab.le\" VALUES (2, 'a', 'b', 'c', 'd', 'e')",
    'UPDATE "My Schema"."Tab.le" SET "quo""te" = \'z\'',
    'DELETE FROM "My Schema"."Tab.le"',
    "INSERT INTO s2.t VALUES (2)",
    "INSERT INTO public.t VALUES (2)",
    "INSERT INTO \"UP\" VALUES (2, 'x')",
    'UPDATE "UP" SET "ID" = 3',
    'INSERT INTO "quo""ted" VALUES (2)',
    'INSERT INTO "über" VALUES (2)',
)
for _schemas, _fields in (
    ("none", "none"),
    ("avro", "avro"),
    ("avro_unicode", "avro_unicode"),
    ("avro_unicode", "avro"),
):
    SCENARIOS[f"names-{_schemas}-{_fields}"] = Scenario(
        _NAMED, _NAMED_STEPS,
        {**_TX, "schema.name.adjustment.mode": _schemas, "field.name.adjustment.mode": _fields},
    )  # fmt: skip
SCENARIOS["names-captured"] = Scenario(
    _NAMED, _NAMED_STEPS,
    {"schema.include.list": "my schema,PUBLIC", "table.exclude.list": 'public[.]quo"ted,public[.]up'},
)  # fmt: skip

# Definitions in flight -----------------------------------------------------------------------------------------------------------

SCENARIOS["generated"] = Scenario(
    ("CREATE TABLE g (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED, c text)", "INSERT INTO g VALUES (1, 2, default, 'x')"),
    ("INSERT INTO g VALUES (2, 3, default, 'y')", "UPDATE g SET a = 7 WHERE id = 1", "DELETE FROM g WHERE id = 2"),
)  # fmt: skip
SCENARIOS["generated-published"] = Scenario(
    ("CREATE TABLE g (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) STORED, d int GENERATED ALWAYS AS (a * 3) VIRTUAL)", "INSERT INTO g VALUES (1, 2)"),
    ("INSERT INTO g VALUES (2, 3)", "UPDATE g SET a = 7 WHERE id = 1", "DELETE FROM g WHERE id = 2"),
    publication="FOR ALL TABLES WITH (publish_generated_columns = stored)",
    since=180000,
)  # fmt: skip
SCENARIOS["definitions"] = Scenario(
    (_T, "INSERT INTO t VALUES (1, 'a')"),
    (
        "ALTER TABLE t ADD COLUMN w int DEFAULT 5", "INSERT INTO t VALUES (2, 'b', 6)", SYNC,
        "ALTER TABLE t RENAME COLUMN v TO vv", "INSERT INTO t VALUES (3, 'b', 6)", SYNC,
        "ALTER TABLE t DROP COLUMN vv", "INSERT INTO t VALUES (4, 6)", SYNC,
        "ALTER TABLE t ALTER COLUMN w TYPE bigint", "INSERT INTO t VALUES (5, 6)", SYNC,
        "ALTER TABLE t ALTER COLUMN w TYPE text", "UPDATE t SET w = 'zz' WHERE id = 5", SYNC,
        "ALTER TABLE t ADD COLUMN n text NOT NULL DEFAULT 'dd'", "INSERT INTO t VALUES (6, 'x', 'y')", SYNC,
        "ALTER TABLE t ALTER COLUMN n DROP NOT NULL", "INSERT INTO t VALUES (7, 'x', null)",
    ),
)  # fmt: skip
SCENARIOS["definitions-refresh"] = replace(
    SCENARIOS["definitions"], config={"schema.refresh.mode": "columns_diff_exclude_unchanged_toast"}
)
SCENARIOS["tables-renamed"] = Scenario(
    (_T, "INSERT INTO t VALUES (1, 'a')"),
    (
        "ALTER TABLE t RENAME TO t2", "INSERT INTO t2 VALUES (8, 'x')", SYNC,
        "DROP TABLE t2", "CREATE TABLE t (id bigint PRIMARY KEY, other text)", "INSERT INTO t VALUES (9, 'new')", SYNC,
        "CREATE SCHEMA sx", "ALTER TABLE t SET SCHEMA sx", "INSERT INTO sx.t VALUES (10, 'moved')",
    ),
)  # fmt: skip
SCENARIOS["schemas-renamed"] = Scenario(
    ("CREATE SCHEMA sx", "CREATE TABLE sx.t (id int PRIMARY KEY)"),
    ("INSERT INTO sx.t VALUES (1)", SYNC, "ALTER SCHEMA sx RENAME TO sy", "INSERT INTO sy.t VALUES (2)"),
    # Older servers go on sending the old name.
    since=180000,
)
SCENARIOS["definitions-in-a-transaction"] = Scenario(
    (_T,),
    (("INSERT INTO t VALUES (2, 'b')", "ALTER TABLE t ADD COLUMN w int", "INSERT INTO t VALUES (3, 'b', 6)",
      "ALTER TABLE t DROP COLUMN v", "INSERT INTO t VALUES (4, 6)"),),
)  # fmt: skip
SCENARIOS["types-changed"] = Scenario(
    ("CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE DOMAIN pos AS int CHECK (VALUE > 0)", "CREATE TABLE t (id int PRIMARY KEY, m mood, p pos, ms mood[])"),
    (
        "INSERT INTO t VALUES (2, 'ok', 2, '{ok}')", SYNC,
        "ALTER DOMAIN pos DROP CONSTRAINT pos_check", "INSERT INTO t VALUES (4, 'ok', -1, '{}')", SYNC,
        "ALTER TYPE mood ADD VALUE 'happy'", "INSERT INTO t VALUES (3, 'happy', 3, '{ok,happy}')", SYNC,
        "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'", "INSERT INTO t VALUES (5, 'fine', -1, '{fine}')",
    ),
)  # fmt: skip
SCENARIOS["truncate"] = Scenario(
    (_T, "CREATE TABLE c (id int PRIMARY KEY, t int REFERENCES t)", "INSERT INTO t VALUES (1, 'a')"),
    ("TRUNCATE t CASCADE", "INSERT INTO t VALUES (2, 'b')", ("TRUNCATE t RESTART IDENTITY CASCADE", "INSERT INTO t VALUES (3, 'c')")),
    {"skipped.operations": "none"},
)  # fmt: skip
SCENARIOS["origin"] = Scenario(
    (_T,),
    (
        "SELECT pg_replication_origin_create('node_a')", "SELECT pg_replication_origin_session_setup('node_a')",
        ("SELECT pg_replication_origin_xact_setup('0/1234', '2020-01-01')", "INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (2, 'b')"),
        "SELECT pg_replication_origin_session_reset()", "INSERT INTO t VALUES (3, 'c')", "SELECT pg_replication_origin_drop('node_a')",
    ),
)  # fmt: skip
SCENARIOS["xmin"] = Scenario((_T,), ("INSERT INTO t VALUES (1, 'a')",), {"xmin.fetch.interval.ms": "50"})

# Values that are not sent -----------------------------------------------------------------------------------------------------------

_TOAST = (
    "CREATE EXTENSION hstore",
    "CREATE TABLE t (id int PRIMARY KEY, n int, tx text, vc varchar, by bytea, js json, jb jsonb, hs hstore, ta text[], ia int[], la bigint[],"
    " ba bytea[], da date[], ua uuid[], nu numeric, fa float8[], tsa timestamp[])",
    "INSERT INTO t SELECT 1, 1, b, b, decode(b, 'hex'), to_json(b), to_jsonb(b), hstore('a', b), ARRAY[b, 'x'],"
    " (SELECT array_agg(hashint4(g)) FROM generate_series(1, 4000) g), (SELECT array_agg(hashint8extended(g, 0)) FROM generate_series(1, 4000) g),"
    " ARRAY[decode(b, 'hex')], (SELECT array_agg(date '2000-01-01' + (abs(hashint4(g)) % 9999)) FROM generate_series(1, 4000) g),"
    " (SELECT array_agg(md5(g::text)::uuid) FROM generate_series(1, 2000) g), repeat('123456789', 2000)::numeric,"
    " (SELECT array_agg(hashint4(g)::float8 / 7) FROM generate_series(1, 4000) g),"
    " (SELECT array_agg(timestamp '2000-01-01' + hashint4(g) * interval '1 s') FROM generate_series(1, 2000) g)"
    " FROM (SELECT string_agg(md5(g::text), '') b FROM generate_series(1, 400) g) q",
)
_UNSENT = ("UPDATE t SET n = 2", SYNC, "ALTER TABLE t REPLICA IDENTITY FULL", SYNC, "UPDATE t SET n = 3")
SCENARIOS["unsent"] = Scenario(_TOAST, _UNSENT, _NO_DATA)
SCENARIOS["unsent-map"] = Scenario(_TOAST, _UNSENT, {**_NO_DATA, "hstore.handling.mode": "map"})
SCENARIOS["unsent-placeholder"] = Scenario(
    _TOAST, _UNSENT, {**_NO_DATA, "unavailable.value.placeholder": "hex:6e6f7065", "binary.handling.mode": "hex"}
)
SCENARIOS["unsent-new-key"] = Scenario(
    ("CREATE TABLE t (id int PRIMARY KEY, n int, tx text)", f"INSERT INTO t VALUES (1, 1, {_BIG})"), ("UPDATE t SET id = 2",), _NO_DATA
)  # fmt: skip
_RESELECT = "io.debezium.processors.reselect.ReselectColumnsPostProcessor"
_RESELECTED = (
    "CREATE TABLE t (id int PRIMARY KEY, n int, tx text, other text, nu numeric(20, 2), ts timestamp, ar text[], by bytea)",
    "CREATE TABLE k (a uuid, b text, n int, tx text, PRIMARY KEY (a, b))",
    f"INSERT INTO t VALUES (1, 1, {_BIG}, 'o', 1.5, '2020-01-01', ARRAY['x', 'y'], '\\x00')",
    f"INSERT INTO k VALUES ('00000000-0000-0000-0000-000000000001', 'it''s \\ \t x', 1, {_BIG})",
)
_RESELECT_STEPS = (
    "UPDATE t SET n = 2 WHERE id = 1", "UPDATE k SET n = 2", "INSERT INTO t (id, n) VALUES (2, 5)", SYNC,
    f"INSERT INTO t VALUES (3, 1, {_BIG}, 'o', 2.5, '2020-01-01', NULL, NULL)", "UPDATE t SET n = 7 WHERE id = 3", SYNC,
    "UPDATE t SET id = 30 WHERE id = 3", SYNC, "DELETE FROM t WHERE id = 1",
)  # fmt: skip
for _name, _settings in (
    ("all", {"rs.type": _RESELECT}),
    ("included", {"rs.type": _RESELECT, "rs.reselect.columns.include.list": "public.t:tx", "rs.reselect.null.values": "false"}),
    ("excluded", {"post.processors.rs.type": _RESELECT, "post.processors.rs.reselect.columns.exclude.list": "public.k:.*",
                  "post.processors.rs.reselect.use.event.key": "true"}),
    ("nulls", {"rs.type": _RESELECT, "rs.reselect.unavailable.values": "false"}),
):  # fmt: skip
    SCENARIOS[f"reselect-{_name}"] = Scenario(
        _RESELECTED, _RESELECT_STEPS, {**_NO_DATA, "post.processors": "rs", **_settings}
    )
SCENARIOS["reselect-gone"] = Scenario(
    _RESELECTED, (("UPDATE t SET n = 2 WHERE id = 1", "DELETE FROM t"),), {**_NO_DATA, "post.processors": "rs", "rs.type": _RESELECT}
)  # fmt: skip

# The publication -----------------------------------------------------------------------------------------------------------------------

SCENARIOS["publication-filtered"] = Scenario(
    (_T, "CREATE TABLE zz_mark (n int PRIMARY KEY)"),
    ("CREATE TABLE later (id int PRIMARY KEY)", "INSERT INTO later VALUES (1)", "INSERT INTO t VALUES (1, 'a')"),
    {"publication.autocreate.mode": "filtered"}, "",
)  # fmt: skip
SCENARIOS["publication-all"] = Scenario(
    (_T,), ("CREATE TABLE later (id int PRIMARY KEY)", "INSERT INTO later VALUES (1)", "INSERT INTO t VALUES (1, 'a')"), publication=""
)  # fmt: skip
SCENARIOS["publication-none"] = Scenario(
    (_T, "CREATE TABLE zz_mark (n int PRIMARY KEY)"),
    ("INSERT INTO t VALUES (1, 'a')", "ALTER PUBLICATION pub ADD TABLE t, zz_mark", "INSERT INTO t VALUES (2, 'a')"),
    {"publication.autocreate.mode": "no_tables"}, "",
)  # fmt: skip
SCENARIOS["publication-columns"] = Scenario(
    ("CREATE TABLE t (id int PRIMARY KEY, v text, w text)", "CREATE TABLE zz_mark (n int PRIMARY KEY)"),
    ("INSERT INTO t VALUES (1, 'a', 'b')", "UPDATE t SET w = 'c'"),
    publication="FOR TABLE t (id, v) WHERE (id > 0), zz_mark", since=150000,
)  # fmt: skip
SCENARIOS["publication-for-all-filtered"] = Scenario((_T,), (), {"publication.autocreate.mode": "filtered"})
SCENARIOS["publication-missing"] = Scenario((_T,), (), {"publication.autocreate.mode": "disabled"}, "")

EXPLAINED = {
    "transactions-messages:*.data_collections*": "Debezium counts each logical message under a name of its own, which holds Java's address of an object.",
    "identity-index:*": "Debezium gives changes a key that is made up, 0, where the replica identity does not hold the key; ours fails at the delete.",
    "identity-chosen-default:*": "The same.",
    "partitions-snapshot-root:*": "Debezium reads the rows of the root and those of its partitions too: twice or more.",
    "partitions-snapshot-leaf:*": "The same.",
    "types-changed:*.allowed": "Debezium 3.6 does not notice values added to an enum; later releases do.",
    "unsent*:*.after.fa*": "Debezium gives null for an array of floats that was not sent, as if it had been set to null; ours gives a placeholder.",
    "unsent*:*.after.tsa*": "The same for arrays of timestamps.",
    "unsent-placeholder:*.after.ba": "The same for arrays of bytes that are carried as text.",
    "unsent-new-key:*.after.tx": "A row that comes to be under a new key has its long values in ours: no earlier record of that key holds them.",
    "reselect-nulls:*.after.tx": "The same.",
}
"""By `scenario:place`, with wildcards: differences that are meant."""

VARIANTS = (
    "messages-base64*", "messages-hex", "names-avro*-*", "unsent-map", "identity-nokey-notombstone", "identity-composite",
    "partitions-*-made", "transactions-topic", "transactions-truncate", "reselect-excluded", "reselect-nulls", "publication-all", "definitions-refresh",
)  # fmt: skip
"""By name, with wildcards: scenarios whose like is in every test run; these are only in the long one."""
