"""JsonConverter, from Connect data to bytes: every type with and without schemas, in every setting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.parity.corpus._records import GROUPS, NESTED
from tests.parity.forms import (
    Form,
    array,
    array_schema,
    binary,
    data,
    date,
    decimal,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    logical,
    map_schema,
    mapping,
    row,
    schema,
    struct_schema,
)

JSON = "org.apache.kafka.connect.json.JsonConverter"
CONFIGS: dict[str, dict[str, str]] = {
    "default": {}, "plain": {"schemas.enable": "false"}, "numeric": {"decimal.format": "numeric"}, "keep": {"replace.null.with.default": "false"},
    "plain-numeric": {"schemas.enable": "FALSE", "decimal.format": "NUMERIC", "replace.null.with.default": "false", "schemas.cache.size": "1"},
}  # fmt: skip
TEXTS = (
    "", "plain", "Grüße 😀 日本", '"quoted" \\ / back', "\x00\x01\x07\b\t\n\v\f\r\x1f\x7f\x80\u2028\u2029\ufeff", "a" * 300, "null", "{}",
    "\\u00e9", "\u00a0",
)  # fmt: skip
DOUBLES: tuple[float | str, ...] = (
    0.0, -0.0, 1.0, -1.5, 0.1, 1e-3, 9.99e-4, 1e7, 9999999.0, 12345678.9, 1e16, 1e20, 1.5e300, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308,
    123456789012345680.0, 0.30000000000000004, 2e-3, 4.35, 1e21, 1e23, 2.0e-10, "NaN", "Infinity", "-Infinity",
)  # fmt: skip
FLOATS: tuple[float | str, ...] = (
    0.0, -0.0, 1.0, 0.1, 3.3, 1e-3, 1e-4, 1e7, 1.234567e7, 1e10, 3.4028235e38, 1.4e-45, 1.17549435e-38, 16777216.0, 0.3, 2e-3, "NaN", "Infinity", "-Infinity",
)  # fmt: skip
INTS = {"int8": (i8, 8), "int16": (i16, 16), "int32": (i32, 32), "int64": (i64, 64)}
DECIMALS = (
    "0.00",
    "1.50",
    "-1.50",
    "12345678901234567890.12",
    "0.01",
    "-0.01",
    "1.28",
    "-1.28",
    "327.68",
    "9" * 60 + ".99",
)
DAY = 86_400_000


def _plain() -> dict[str, list[Form]]:
    """Data of one type each."""
    ints = {
        kind: [data(schema(kind), make(n)) for n in (0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)))]
        for kind, (make, bits) in INTS.items()
    }
    by_type: dict[str, list[Form]] = {
        **ints,
        "float64": [data(schema("float64"), f64(x)) for x in DOUBLES], "float32": [data(schema("float32"), f32(x)) for x in FLOATS],
        "boolean": [data(schema("boolean"), flag) for flag in (True, False)], "string": [data(schema("string"), text) for text in TEXTS],
        "bytes": [data(schema("bytes"), binary(b)) for b in (b"", b"\0", b"\xff\xfe", bytes(range(256)))],
        "buffer": [data(schema("bytes"), {"buffer": "AQI="})],
        "decimal": [data(logical("Decimal", 2), decimal(text)) for text in DECIMALS],
        "decimal-scales": [data(logical("Decimal", s), decimal(t)) for s, t in ((0, "7"), (-3, "7E+3"), (10, "1E-10"), (7, "0E-7"), (1, "10.0"), (0, "1" * 50))],
        "wrong scale": [data(logical("Decimal", 2), decimal(text)) for text in ("1.5", "1", "1.500", "1E+2", "0")],
        "date": [data(logical("Date"), date(n * DAY)) for n in (0, 1, -1, 18_000, -100_000, 2_932_896)],
        "time": [data(logical("Time"), date(n)) for n in (0, 1, DAY - 1)],
        "timestamp": [data(logical("Timestamp"), date(n)) for n in (0, -1, 1_600_000_000_123, -62_135_596_800_000, 253_402_300_799_999)],
    }  # fmt: skip
    return by_type


def _containers() -> dict[str, list[Form]]:
    string, int32 = schema("string"), schema("int32", optional=True)
    strings, numbers = map_schema(string, int32), map_schema(schema("int32"), string)
    nullable = map_schema(schema("string", optional=True), int32)
    key = struct_schema({"k": schema("int32")}, name="K")
    return {
        "arrays": [
            data(array_schema(int32), array(i32(1), None, i32(3))), data(array_schema(int32), array()), data(array_schema(array_schema(string)), array(array("a"), array())),
            data(array_schema(logical("Decimal", 1)), array(decimal("1.5"))), data(array_schema(key), array(row(i32(1)), row(i32(2)))), data(array_schema(string), array(None)),
        ],
        "maps": [
            data(strings, mapping({"a": i32(1)})), data(strings, mapping([])), data(strings, mapping({"": None})), data(numbers, mapping([[i32(1), "x"]])), data(numbers, mapping([])),
            data(nullable, mapping([[None, i32(1)]])), data(strings, mapping([[None, i32(1)]])), data(map_schema(string, string), mapping({"a": None})),
            data(map_schema(schema("boolean"), strings), mapping([[True, mapping({"x": i32(1)})]])), data(map_schema(logical("Date"), string), mapping([[date(DAY), "d"]])),
            data(map_schema(schema("string", name="n"), schema("int64")), mapping({"ü\n": i64(1)})), data(map_schema(schema("int32", optional=True), string), mapping([[None, "x"]])),
        ],
        "loose": [
            data(None, value) for value in (
                None, True, "text", i8(1), i16(1), i32(1), i64(2**63 - 1), f64(1.5), f64("NaN"), f64(1e20), binary(b"\1"), array(), array(i64(1), "a", None, array(True)),
                mapping([]), mapping({"a": i64(1)}), mapping({"a": mapping({"b": array(None)})}), mapping([[i64(1), "x"]]), mapping([[None, "x"]]), mapping([[True, f64(0.1)]]),
                decimal("1.5"), date(0), row(i32(1), of=key), array(row(i32(1), of=key)), mapping({"a": date(0)}), mapping([[array(i64(1)), "x"]]),
            ) if not (isinstance(value, dict) and "map" in value and value["map"] and isinstance(value["map"][0][0], dict) and "list" in value["map"][0][0])
        ],
    }  # fmt: skip


def _schemas() -> dict[str, list[Form]]:
    full = {"name": "n ü", "version": 7, "doc": 'd"oc', "parameters": {"b": "1", "a": "2"}}
    odd = struct_schema(
        {"größe 😀": schema("int32"), 'q"\\': schema("string"), "with space": schema("int8"), "": schema("int8")},
        doc="",
    )
    same = struct_schema(
        {"x": struct_schema({"a": schema("int32")}, name="A"), "y": struct_schema({"a": schema("int32")}, name="A")}
    )
    defaults = [
        data(schema(kind, default=value, optional=at % 2 == 0, **full), None)
        for at, (kind, value) in enumerate(
            {
                "int8": i8(1),
                "int64": i64(-5),
                "float32": f32(0.1),
                "float64": f64(1e10),
                "boolean": False,
                "string": "dé",
                "bytes": binary(b"\1\2"),
            }.items()
        )
    ]
    logicals = [
        data(logical("Decimal", 2, default=decimal("1.10")), None),
        data(logical("Date", default=date(DAY)), None),
        data(logical("Timestamp", default=date(5), optional=True), None),
        data(array_schema(schema("int32"), default=array(i32(1))), None),
        data(map_schema(schema("string"), schema("int32"), default=mapping({"a": i32(1)})), None),
    ]
    wrong = [
        data(schema("string", name="org.apache.kafka.connect.data.Date"), "text"),
        data(schema("int64", name="org.apache.kafka.connect.data.Date"), i64(5)),
        data(schema("int32", name="org.apache.kafka.connect.data.Date"), i32(5)),
        data({**logical("Decimal", 2), "parameters": {}}, decimal("1.00")),
        data({**logical("Decimal", 2), "parameters": {"scale": "x"}}, decimal("1.00")),
        data(logical("Decimal", 2), "text"),
        data(logical("Decimal", 2), binary(b"\1")),
    ]
    mismatch = [
        data(schema(kind), value)
        for kind in ("int8", "int64", "float32", "float64", "boolean", "string", "bytes")
        for value in ("text", True, binary(b"x"), array(), mapping([]), f64(1.5), None)
        if not (kind == "string" and value == "text")
        and not (kind == "boolean" and value is True)
        and not (kind == "bytes" and isinstance(value, dict) and "bytes" in value)
        and not (kind[0] == "f" and isinstance(value, dict) and "f64" in value)
    ]
    other = struct_schema({"k": schema("int64")}, name="K")
    mismatch += [
        data(array_schema(schema("int32")), "x"),
        data(map_schema(schema("string"), schema("int32")), array()),
        data(struct_schema({"k": schema("int32")}), mapping({"k": i32(1)})),
        data(struct_schema({"k": schema("int32")}, name="K"), row(i64(1), of=other)),
        data(array_schema(schema("int32")), array("x")),
        data(map_schema(schema("int32"), schema("string")), mapping([["a", "b"]])),
    ]
    return {
        "attributes": [data(schema("string", optional=True, **full), "x"), data(odd, row(i32(1), "x", i8(1), i8(2))), data(same, row(row(i32(1)), row(i32(2))))],
        "defaults of types": defaults, "defaults of logical types": logicals, "logical names": wrong, "mismatch": mismatch,
        "unset": [data(NESTED, row(None, None, row(i32(1), None), None)), data(NESTED, row(i32(1), None, None, None)), data(schema("int32"), None), data(schema("int32", optional=True), None)],
    }  # fmt: skip


def cases() -> Iterator[dict[str, Any]]:
    groups = {**_plain(), **_containers(), **_schemas(), **{f"records {name}": forms for name, forms in GROUPS.items()}}
    for config_name, config in CONFIGS.items():
        for name, forms in groups.items():
            yield {"id": f"{config_name}/{name}", "op": "from_connect", "class": JSON, "config": config, "data": forms}
    for name in ("string", "maps", "attributes", "loose"):
        for kind in ("key", "header"):
            yield {
                "id": f"default/{name}/{kind}",
                "op": "from_connect",
                "class": JSON,
                "config": {},
                "data": groups[name],
                "kind": kind,
            }
