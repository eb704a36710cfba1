"""CPU time per row of JsonConverter on the envelope of a ten-column table, the Rust core beside the Python twin.

python -m tests.converters.measure_json [rows]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from headrace.cdc.envelope import envelope_schema, source_schema
from headrace.converters.json import JsonConverter
from headrace.data import (
    BOOLEAN_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
    SchemaBuilder,
    Struct,
)
from headrace.data.columns import layout_of
from headrace.data.logical import decimal_builder
from headrace.native import core
from headrace.spi.columns import Column, PackedColumn

ROUNDS = 7


def order_schema() -> Schema:
    """The row of the benchmark's table."""
    zoned = SchemaBuilder.string().name("io.debezium.time.ZonedTimestamp").version(1).build()
    builder = SchemaBuilder.struct().name("bench.public.orders.Value").optional()
    for name, schema in (
        ("id", INT64_SCHEMA),
        ("customer_id", INT64_SCHEMA),
        ("status", STRING_SCHEMA),
        ("amount", decimal_builder(2).parameter("connect.decimal.precision", "12").build()),
        ("currency", STRING_SCHEMA),
        ("created_at", zoned),
        ("updated_at", zoned),
        ("note", OPTIONAL_STRING_SCHEMA),
        ("quantity", INT32_SCHEMA),
        ("is_gift", BOOLEAN_SCHEMA),
    ):
        builder.field(name, schema)
    return builder.build()


def key_schema() -> Schema:
    return SchemaBuilder.struct().name("bench.public.orders.Key").field("id", INT64_SCHEMA).build()


def order_envelope() -> Schema:
    extra = [
        ("schema", STRING_SCHEMA),
        ("table", STRING_SCHEMA),
        ("txId", OPTIONAL_INT64_SCHEMA),
        ("lsn", OPTIONAL_INT64_SCHEMA),
        ("xmin", OPTIONAL_INT64_SCHEMA),
    ]
    source = source_schema("io.debezium.connector.postgresql.Source", extra)
    return envelope_schema("bench.public.orders.Envelope", order_schema(), source)


def orders(rows: int) -> list[Struct]:
    """60 % inserts, 30 % updates, 10 % deletes, in transactions of 100."""
    envelope = order_envelope()
    row, source = envelope.fields[0].schema, envelope.fields[2].schema
    made = []
    for i in range(rows):
        op = "cccccccuud"[i % 10]
        ms, lsn = 1_722_000_000_000 + i // 100, 24_023_128 + i * 180
        stamp = f"2026-07-31T12:{i // 60 % 60:02}:{i % 60:02}.{i % 1_000_000:06}Z"
        values = [
            *(i, i * 7919 % 100_000, ("new", "paid", "shipped")[i % 3], Decimal(i * 31 % 1_000_000).scaleb(-2)),
            *("EUR", stamp, stamp, f"order note {i * 0x9E3779B97F4A7C15 % 2**128:032x} lorem ipsum dolor"),
            *(i % 9 + 1, i % 10 == 0),
        ]
        place = [
            *("3.0.0.Final", "postgresql", "bench", ms, "false", "bench", f'["{lsn - 400}","{lsn}"]'),
            *(ms * 1000, ms * 1_000_000, "public", "orders", 700 + i // 100, lsn, None),
        ]
        gone = Struct(row, [i, *([0, "", Decimal("0.00"), "", "", "", None, 0, False])])
        images = [gone, None] if op == "d" else [None, Struct(row, values)]
        now = 1_722_000_100_000 + i // 2000
        made.append(
            Struct(envelope, [*images, Struct(source, place), None, op, now, now * 1000 + 7, now * 1_000_000 + 7007])
        )
    return made


def with_constants(schema: Schema, items: list[Any], column: Any) -> Any:
    """The column with constants where all rows are the same, as the source makes it."""
    if not schema.fields:
        first = items[0]
        same = isinstance(first, str | int) and all(item == first for item in items)
        return core.Column.constant(first, len(items)) if same else column
    fields = [
        with_constants(f.schema, [None if i is None else i.values[f.index] for i in items], column.field(f.index))
        for f in schema.fields
    ]
    return core.Column.structure(len(items), fields, column.valid())


def per_row(work: Callable[[], Any], rows: int, least: float = 0.15) -> float:
    """Nanoseconds of CPU per row: the median of some rounds."""
    times = []
    for _ in range(ROUNDS):
        count, start = 0, time.process_time_ns()
        while not count or time.process_time_ns() - start < least * 1e9:
            work()
            count += 1
        times.append((time.process_time_ns() - start) / count / rows)
    return statistics.median(times)


def encode_case(name: str, schema: Schema, items: list[Any]) -> None:
    layout = layout_of(schema)
    column = with_constants(schema, items, core.Column.of(layout, items))
    converter = JsonConverter()
    schemas = [schema] * len(items)
    made = converter.encode_column("t", schema, column)
    assert isinstance(made, PackedColumn)
    assert list(made) == list(converter.encode_batch("t", schemas, items))
    twin = per_row(lambda: converter.encode_batch("t", schemas, items), len(items))
    native = per_row(lambda: converter.encode_column("t", schema, column), len(items))
    print(
        f"encode {name:12} {made.size / len(items):6.0f} B/row  twin {twin:8.0f}  native {native:6.1f} ns/row  {twin / native:5.0f}x"
    )


def decode_case(name: str, schema: Schema, items: list[Any], *, shared: bool = True) -> None:
    converter = JsonConverter()
    column = converter.encode_batch("t", [schema] * len(items), items).packed()
    if not shared:
        column = Column(list(column)).packed()
    assert converter.decode_column("t", column) is not None
    twin = per_row(lambda: converter.decode_batch("t", column), len(items))
    native = per_row(lambda: converter.decode_column("t", column), len(items))
    print(
        f"decode {name:12} {column.size / len(items):6.0f} B/row  twin {twin:8.0f}  native {native:6.1f} ns/row  {twin / native:5.0f}x"
    )


def main(rows: int) -> None:
    """Prints one line per case."""
    items = orders(rows)
    key = key_schema()
    encode_case("envelope", items[0].schema, items)
    encode_case("key", key, [Struct(key, [i]) for i in range(rows)])
    encode_case("int64", INT64_SCHEMA, list(range(rows)))
    decode_case("envelope", items[0].schema, items)
    decode_case("with schema", items[0].schema, items, shared=False)
    decode_case("key", key, [Struct(key, [i]) for i in range(rows)])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8192)
