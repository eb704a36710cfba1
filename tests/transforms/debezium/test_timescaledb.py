"""TimescaleDb on a catalog of the shape TimescaleDB's has; the values expected are those the original gives on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headrace.data import INT32_SCHEMA, STRING_SCHEMA, Header, SchemaBuilder, SourceRecord, Struct
from headrace.errors import ConnectException
from headrace.testing.servers import PostgresServer
from headrace.transforms.debezium.timescaledb import TimescaleDb

CATALOG = """
CREATE SCHEMA _timescaledb_catalog;
CREATE TABLE _timescaledb_catalog.hypertable (id int, schema_name name, table_name name);
CREATE TABLE _timescaledb_catalog.chunk (id int, hypertable_id int, schema_name name, table_name name);
CREATE TABLE _timescaledb_catalog.continuous_agg (mat_hypertable_id int, user_view_schema name, user_view_name name);
INSERT INTO _timescaledb_catalog.hypertable VALUES (1, 'public', 'conditions'), (2, '_timescaledb_internal', '_materialized_2');
INSERT INTO _timescaledb_catalog.chunk VALUES (1, 1, '_timescaledb_internal', '_hyper_1_1_chunk'), (2, 2, '_timescaledb_internal', '_hyper_2_2_chunk');
INSERT INTO _timescaledb_catalog.continuous_agg VALUES (2, 'public', 'conditions_summary');
"""
ROW = SchemaBuilder.struct().optional().field("id", INT32_SCHEMA).build()
SOURCE = SchemaBuilder.struct().field("schema", STRING_SCHEMA).field("table", STRING_SCHEMA).build()
EVENT = (
    SchemaBuilder.struct()
    .name("x.Envelope")
    .field("after", ROW)
    .field("source", SOURCE)
    .field("op", STRING_SCHEMA)
    .build()
)


def change(table: str, schema: str = "_timescaledb_internal") -> SourceRecord:
    value = Struct(EVENT, [Struct(ROW, [1]), Struct(SOURCE, [schema, table]), "c"])
    return SourceRecord(
        {}, {}, f"srv.{schema}.{table}", None, None, None, EVENT, value, None, (Header("h", STRING_SCHEMA, "v"),)
    )


@pytest.fixture
def transform(postgres: PostgresServer, make_database: Callable[..., str]) -> Iterator[Any]:
    name = make_database()
    with postgres.connect(name) as connection:
        connection.execute(CATALOG)
        made = TimescaleDb()
        made.configure(
            {
                "database.hostname": postgres.host,
                "database.port": str(postgres.port),
                "database.user": postgres.user,
                "database.password": postgres.password,
                "database.dbname": name,
                "target.topic.prefix": "ts",
            }
        )
        made.other = connection
        yield made
        made.close()


def test_chunks_go_to_their_hypertable_or_aggregate(transform: Any) -> None:
    plain = transform.apply(change("_hyper_1_1_chunk"))
    assert plain.topic == "ts.public.conditions"
    assert plain.value.get("source").values == ["public", "conditions"]
    assert [(header.key, header.value) for header in plain.header_items] == [
        ("h", "v"),
        ("__debezium_timescaledb_chunk_table", "_hyper_1_1_chunk"),
        ("__debezium_timescaledb_chunk_schema", "_timescaledb_internal"),
    ]
    summed = transform.apply(change("_hyper_2_2_chunk"))
    assert summed.topic == "ts.public.conditions_summary"
    assert [header.value for header in summed.header_items][3:] == ["_materialized_2", "_timescaledb_internal"]


def test_a_new_chunk_is_found_and_others_stay(transform: Any) -> None:
    unknown = change("_hyper_1_9_chunk")
    assert transform.apply(unknown) is unknown
    transform.other.execute(
        "INSERT INTO _timescaledb_catalog.chunk VALUES (9, 1, '_timescaledb_internal', '_hyper_1_9_chunk')"
    )
    assert transform.apply(unknown).topic == "ts.public.conditions"
    ordinary = change("orders", "public")
    assert transform.apply(ordinary) is ordinary
    end = SourceRecord({}, {}, "t")
    assert transform.apply(end) is end


def test_no_catalog_is_an_error_of_the_record(transform: Any) -> None:
    transform.other.execute("DROP SCHEMA _timescaledb_catalog CASCADE")
    with pytest.raises(ConnectException):
        transform.apply(change("_hyper_1_1_chunk"))
