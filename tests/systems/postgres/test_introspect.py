"""Catalog reading against a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from headrace.systems.postgres import PgTarget, connect, introspect, quote_identifier, quote_literal
from headrace.systems.postgres.introspect import Conn, TableName
from headrace.systems.postgres.publications import (
    create_publication,
    publication,
    set_tables,
)
from headrace.systems.postgres.slots import drop_slot, slot, slots
from headrace.testing.servers import PostgresServer

DDL = """
CREATE SCHEMA "Odd ""Name";
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN money_amount AS numeric(12, 3) NOT NULL;
CREATE DOMAIN price AS money_amount CHECK (VALUE >= 0);
CREATE TABLE "Odd ""Name"."T 1" (
    a int GENERATED ALWAYS AS IDENTITY, b text NOT NULL DEFAULT 'x', dropped int, c price, d mood, e mood[],
    f varchar(7), g int GENERATED ALWAYS AS (a + 1) STORED, PRIMARY KEY (b, a));
ALTER TABLE "Odd ""Name"."T 1" DROP COLUMN dropped;
CREATE TABLE plain (x int, y int, z int);
CREATE UNIQUE INDEX plain_by_z ON plain (z) INCLUDE (x);
CREATE UNIQUE INDEX plain_partial ON plain (x) WHERE y > 0;
ALTER TABLE plain REPLICA IDENTITY FULL;
CREATE VIEW v AS SELECT 1 AS one;
"""


@pytest.fixture
def conn(postgres: PostgresServer, make_database: Callable[..., str]) -> Iterator[Conn]:
    with connect(
        PgTarget(postgres.host, postgres.port, make_database(), postgres.user, postgres.password)
    ) as connection:
        connection.execute(DDL)  # type: ignore[arg-type]
        yield connection


def test_tables_columns_and_keys(conn: Conn) -> None:
    odd, plain = introspect.tables(conn)
    assert odd.name == TableName('Odd "Name', "T 1")
    assert odd.replica_identity == "DEFAULT"
    assert plain.replica_identity == "FULL"
    assert introspect.table(conn, odd.name) is not None
    assert introspect.table(conn, TableName("public", "Plain")) is None
    view = introspect.table(conn, TableName("public", "v"))
    assert view is not None
    assert view.kind == "v"
    columns = {c.name: c for c in introspect.columns(conn, odd.oid)}
    assert list(columns) == ["a", "b", "c", "d", "e", "f", "g"]
    assert columns["a"].identity == "a"
    assert columns["b"].default == "'x'::text"
    assert (columns["c"].type_kind, columns["c"].base_oid) == ("d", 1700)
    assert columns["c"].base_typmod == ((12 << 16) | 3) + 4
    assert columns["d"].type_kind == "e"
    assert columns["e"].element_oid == columns["d"].type_oid
    assert columns["f"].type_name == "character varying(7)"
    assert columns["g"].generated == "s"
    assert introspect.types(conn, [columns["d"].type_oid])[columns["d"].type_oid].labels == ("sad", "ok")
    oids = [odd.oid, plain.oid]
    assert introspect.unique_keys_of(conn, oids) == {odd.oid: [("b", "a")], plain.oid: [("z",)]}
    assert introspect.primary_key_of(conn, oids) == {odd.oid: ("b", "a"), plain.oid: ()}
    assert introspect.replica_identity_columns(conn, odd.oid) == ("b", "a")
    assert introspect.replica_identity_columns(conn, plain.oid) == ()
    assert introspect.current_role(conn).replication
    assert introspect.setting(conn, "wal_level") == "logical"
    assert introspect.setting(conn, "no.such") is None
    assert introspect.server_version(conn) > 130000
    assert "/" in introspect.current_lsn(conn)


def test_publications(conn: Conn) -> None:
    odd, plain = (info.name for info in introspect.tables(conn))
    assert publication(conn, "p") is None
    create_publication(conn, "p", [plain], operations=["insert", "update"], via_root=True)
    found = publication(conn, "p")
    assert found is not None
    assert found.tables == (plain,)
    assert found.operations == {"insert", "update"}
    assert found.via_root
    set_tables(conn, "p", [plain, odd])
    found = publication(conn, "p")
    assert found is not None
    assert len(found.tables) == 2
    create_publication(conn, "all", None)
    found = publication(conn, "all")
    assert found is not None
    assert found.all_tables
    assert len(found.tables) == 2


def test_slots(conn: Conn) -> None:
    name = f"sql_{conn.info.dbname}"
    conn.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))
    info = slot(conn, name)
    assert info is not None
    assert info.database == conn.info.dbname
    assert not info.active
    assert info.confirmed_flush_lsn
    assert info.restart_lsn
    assert info.invalidation_reason is None
    assert info in slots(conn)
    assert drop_slot(conn, name)
    assert not drop_slot(conn, name)
    assert slot(conn, name) is None


@pytest.mark.parametrize("text", ["plain", "it's", 'a"b', "back\\slash", "\\'", "ü\n"])
def test_quoting(conn: Conn, text: str) -> None:
    row = conn.execute(f"SELECT {quote_literal(text)} AS {quote_identifier(text)}")
    assert row.description is not None
    assert row.description[0].name == text
    assert row.fetchone() == (text,)
