"""The transform: the kit's suite for any transform, and schemas."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("pyarrow")

from arrow_transform import BucketTransform
from headrace.data import SchemaBuilder, Struct
from headrace.data.logical import decimal_builder
from headrace.spi import ConnectRecord
from headrace.testing import TransformConformance, plain, run_transform, sink_record

CONFIG = {"field": "amount", "limits": "10, 100", "minimum": "1"}


def row(amount: Any) -> dict[str, Any]:
    return {"id": 7, "amount": amount, "note": "größe"}


class TestConformance(TransformConformance):
    transform = BucketTransform
    refused = (({"limits": "10,x"}, "limits"), ({"limits": "10,5"}, "limits"), ({"field": None}, "field"))

    def config(self) -> dict[str, str]:
        return CONFIG

    def records(self) -> Sequence[ConnectRecord]:
        return [sink_record("orders", {"id": 7}, row(amount)) for amount in (5.0, 10.0, 250.5)]

    def expected(self) -> Sequence[Any]:
        return [{**row(amount), "bucket": bucket} for amount, bucket in ((5.0, 0), (10.0, 1), (250.5, 2))]

    def refused_records(self) -> Sequence[ConnectRecord]:
        return [
            sink_record("orders", None, {"id": 1}),
            sink_record("orders", None, row("much")),
            sink_record("orders", None, "text"),
            sink_record("orders", None, row(5.0), schemaless=True),
        ]


def test_small_amounts_go_and_unknown_ones_stay() -> None:
    schema = SchemaBuilder.struct().name("shop.Order").field("amount", decimal_builder(2).optional().build()).build()
    schema = (
        SchemaBuilder.struct()
        .name("shop.Order")
        .field("amount", decimal_builder(2).parameter("connect.decimal.precision", "9").optional().build())
        .build()
    )
    amounts = (Decimal("0.99"), None, Decimal("10.00"))
    records = [
        sink_record("orders", None, None).new_record(value_schema=schema, value=Struct(schema, [amount]))
        for amount in amounts
    ]
    run = run_transform(BucketTransform, CONFIG, records)
    assert [plain(record.value) for record in run.records] == [
        {"amount": None, "bucket": None},
        {"amount": Decimal("10.00"), "bucket": 1},
    ]
    made = run.records[0].value_schema
    assert made is not None
    assert made is run.records[1].value_schema
    assert made.name == "shop.Order"
    assert made.fields[0].schema is schema.fields[0].schema
