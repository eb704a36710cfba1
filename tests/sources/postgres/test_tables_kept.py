"""What is kept of tables does not grow with what happens to them."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import psycopg
from tests.sources.postgres.kit import Runner

from headrace.sources.postgres.codecs import Codecs, table_options
from headrace.sources.postgres.config import PostgresConfig
from headrace.sources.postgres.shapes import ColumnShape, TableShape
from headrace.sources.postgres.types.registry import TypeRegistry
from headrace.systems.postgres import introspect


def test_of_a_table_that_is_altered_again_and_again_only_the_last_shapes_are_kept(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    config = PostgresConfig.parse(props)
    codecs = Codecs(TypeRegistry(lambda oids: introspect.types(sql, oids)), table_options(config, (), "db"))

    def shape(number: int) -> TableShape:
        return TableShape("s", "t", (ColumnShape(f"c{number}", 23, -1, True, None),), (), "d", frozenset())

    first = weakref.ref(codecs.of(shape(0)))
    assert codecs.of(shape(0)) is first()
    for number in range(1, 100):
        codecs.of(shape(number))
    gc.collect()
    assert first() is None
    assert codecs.of(shape(99)) is codecs.of(shape(99))


def test_of_tables_that_are_left_out_nothing_is_kept_but_that(
    props: dict[str, str], sql: psycopg.Connection[Any]
) -> None:
    sql.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with Runner({**props, "table.include.list": r"public\.t"}) as run:
        run.settle()
        for number in range(3):
            sql.execute(f"CREATE TABLE other{number} (a int, b int); INSERT INTO other{number} VALUES (1)".encode())
        sql.execute("INSERT INTO t VALUES (1)")
        run.count(1)
        assert run.task._decoder is not None
        known = run.task._decoder._tables.values()
        assert len(known) == 4
        assert [relation.table for relation, codec in known if relation.table] == ["t"]
        assert run.task.numbers.stream.filtered == 3
