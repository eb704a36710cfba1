"""A few cases of each operation, which show how a corpus is written and prove the frame itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.parity.forms import binary, data, f32, i32, mapping, record, row, schema, struct_schema

ROUTER = "org.apache.kafka.connect.transforms.RegexRouter"
MASK = "org.apache.kafka.connect.transforms.MaskField$Value"
TOMBSTONE = "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone"
JSON = "org.apache.kafka.connect.json.JsonConverter"
HEADERS = "org.apache.kafka.connect.storage.SimpleHeaderConverter"
ROW = struct_schema(
    {
        "id": schema("int32"),
        "name": schema("string", optional=True, default="nobody"),
        "share": schema("float32", optional=True),
        "raw": schema("bytes", optional=True),
    },
    name="shop.orders.Value",
)
FULL = data(ROW, row(i32(7), "Ann", f32(3.3), binary(b"\0\1")))
EMPTY = data(ROW, row(i32(8), None, None, None))
LOOSE = data(None, mapping({"id": i32(7), "name": "Ann"}))


def cases() -> Iterator[dict[str, Any]]:
    records = [record("shop.orders", value) for value in (FULL, EMPTY, LOOSE, None, data(schema("string"), "text"))]
    for name, regex in (("all", "shop\\.(.*)"), ("none", "other(.*)"), ("broken", "shop(")):
        config = {"regex": regex, "replacement": "$1"}
        yield {"id": f"router/{name}", "op": "transform", "class": ROUTER, "config": config, "records": records}
    for name, config in (("zero", {}), ("text", {"replacement": "*"}), ("empty", {"replacement": ""})):
        mask = {"fields": "name", **config}
        yield {"id": f"mask/{name}", "op": "transform", "class": MASK, "config": mask, "records": records}
    yield {
        "id": "mask/sink",
        "op": "transform",
        "class": MASK,
        "config": {"fields": "id"},
        "record_class": "sink",
        "records": records[:3],
    }
    yield {"id": "predicate/tombstone", "op": "predicate", "class": TOMBSTONE, "config": {}, "records": records}
    for enabled in ("true", "false"):
        config = {"schemas.enable": enabled}
        yield {
            "id": f"json/from-{enabled}",
            "op": "from_connect",
            "class": JSON,
            "config": config,
            "data": [FULL, EMPTY, LOOSE],
        }
    yield {
        "id": "json/to",
        "op": "to_connect",
        "class": JSON,
        "config": {"schemas.enable": "false"},
        "data": ["eyJhIjoxLjV9", "e30=", None, "ew=="],
    }
    yield {
        "id": "header/to",
        "op": "to_connect",
        "kind": "header",
        "class": HEADERS,
        "config": {},
        "data": ["MTI=", "dHJ1ZQ==", None],
    }
