"""Debezium's transforms of values: time zones, geometries, vectors, record sizes, column types."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from tests.parity.corpus._debezium_events import (
    CHANGES,
    EVERYTHING,
    KEY,
    NOW,
    OPTIONAL_TEXT,
    SOURCE,
    TEXT,
    TOMBSTONE,
    change,
    envelope,
    source,
)
from tests.parity.forms import (
    array,
    array_schema,
    binary,
    data,
    date,
    decimal,
    f32,
    f64,
    i16,
    i32,
    i64,
    logical,
    map_schema,
    mapping,
    record,
    row,
    schema,
    struct_schema,
)

Case = dict[str, Any]
_T = "io.debezium.transforms."
ZONES = _T + "TimezoneConverter"
VECTORS = _T + "VectorToJsonConverter"
FORMAT = _T + "GeometryFormatTransformer"
SWAP = _T + "SwapGeometryCoordinates"
SIZE = _T + "EnforceRecordSize"
TYPES = _T + "ExtractSchemaToNewRecord"

EXPLAINED = {
    "zone-refused/short-*": "The original takes Java's short names of zones and fails at each record.",
    "zone-refused/far": "The original takes any two digits for an offset and fails at each record.",
}


def case(name: str, kind: str, config: dict[str, str], records: list[Any], **more: Any) -> Case:
    return {"id": name, "op": "transform", "class": kind, "config": config, "records": records, **more}


def time_type(name: str, type: str = "int64", **more: Any) -> Any:
    return schema(type, name=f"io.debezium.time.{name}", version=1, optional=True, **more)


TIMES = struct_schema(
    {
        "ms": time_type("Timestamp"),
        "us": time_type("MicroTimestamp"),
        "ns": time_type("NanoTimestamp"),
        "zoned": time_type("ZonedTimestamp", "string"),
        "ztime": time_type("ZonedTime", "string"),
        "connect": logical("Timestamp", optional=True),
        "date": time_type("Date", "int32"),
        "time": time_type("Time", "int32"),
        "utime": time_type("MicroTime"),
        "ntime": time_type("NanoTime"),
        "cdate": logical("Date", optional=True),
        "ctime": logical("Time", optional=True),
        "plain": schema("int64", optional=True),
        "interval": time_type("Interval", "string"),
        "dflt": time_type("Timestamp", default=i64(1_000)),
    },
    optional=True,
    name="srv.public.times.Value",
)
MOMENTS = (
    NOW,
    0,
    -1,
    1_711_846_800_000,
    1_711_843_200_000,
    1_698_544_800_000,
    1_698_548_400_000,
    -2_208_988_800_001,
    4_102_444_800_999,
)
TEXTS = (
    "2023-11-14T22:13:20.123456Z",
    "2024-03-31T02:30:00+01:00",
    "2024-10-27T02:30:00+02:00",
    "1890-01-01T00:00:00Z",
    "2024-02-29T23:59:59.999999999-08:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.9+00:00",
    "2024-01-01T00:00+05:30",
    "1969-12-31T23:59:59.000001+00:00:01",
)
CLOCKS = (
    "12:00:00Z",
    "23:30:15.5+02:00",
    "00:00:00.000001-05:00",
    "10:15+05:30",
    "23:59:59.999999999+18:00",
    None,
    None,
    None,
    None,
)


def moment(at: int, zoned: str | None, clock: str | None, dflt: int | None = None) -> Any:
    numbers = (i64(at), i64(at * 1000 + 7), i64(at * 1_000_000 + 77) if abs(at) < 9e12 else None)
    days = at // 86_400_000
    rest = (
        i32(days),
        i32(5),
        i64(5),
        i64(5),
        date(days * 86_400_000),
        date(5),
        i64(at),
        "P1D",
        None if dflt is None else i64(dflt),
    )
    return row(*numbers, zoned, clock, date(at), *rest)


ROWS = [moment(*three) for three in zip(MOMENTS, TEXTS, CLOCKS, strict=True)]
EVENT = envelope(TIMES)
SMALL = struct_schema({"ms": time_type("Timestamp"), "us": time_type("MicroTimestamp")}, optional=True)
SMALL_EVENT = envelope(SMALL)
PAIR = row(i64(NOW), i64(NOW * 1000))


def times(table: str = "times", topic: str = "srv.public.times") -> Any:
    return change("u", PAIR, PAIR, of=SMALL_EVENT, source=source(table), topic=topic)


def zones() -> Iterator[Case]:
    fixed = [change("c", None, one, of=EVENT) for one in ROWS]
    unclocked = [
        change("c", None, {"struct": [*one["struct"][:4], None, *one["struct"][5:]]}, of=EVENT) for one in ROWS
    ]
    for zone in ("+02:00", "-05:30", "+00:00", "+05:30:15", "-18:00"):
        yield case(f"zone-fixed/{zone}", ZONES, {"converted.timezone": zone}, fixed)
    for zone in (
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "UTC",
        "GMT",
        "Etc/GMT+5",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ):
        yield case(f"zone-named/{zone}", ZONES, {"converted.timezone": zone}, unclocked)
    yield case("zone-fixed/everything", ZONES, {"converted.timezone": "+02:00"}, EVERYTHING)
    nothing = [change("d", row(*[None] * 15), None, of=EVENT), change("u", ROWS[0], ROWS[1], of=EVENT)]
    yield case("zone-fixed/nothing", ZONES, {"converted.timezone": "+02:00"}, nothing)
    yield case("zone-fixed/sink", ZONES, {"converted.timezone": "+02:00"}, [times()], record_class="sink")
    rules = {
        "source": "source:times",
        "source-field": "source:times:ms",
        "source-two": "source:times:ms,us",
        "topic": "topic:srv.public.times",
        "topic-field": "topic:srv.public.times:us",
        "name-field": "times:ms",
        "topic-name-field": "srv.public.times:ms",
        "before": "source:times:before.ms",
        "after": "source:times:after.ms,source:times:before.us",
        "source-block": "source:times:source.ts_ms,source:times:source.ts_us,source:times:source.ts_ns",
        "source-block-and-row": "source:times:source.ts_ms,source:times:ms",
        "other": "source:others",
        "spaces": "source:times:ms, source:times:us",
        "upper": "Source:times:ms",
        "both-kinds": "topic:srv.public.times:ms,source:times:us",
    }
    records = [times(), times("others", "srv.public.others")]
    for setting in ("include.list", "exclude.list"):
        for name, rule in rules.items():
            config = {"converted.timezone": "+02:00", setting: rule}
            yield case(f"zone-{setting[:7]}/{name}", ZONES, config, records)
    berlin = {
        "converted.timezone": "Europe/Berlin",
        "include.list": "source:times:source.ts_ms,source:times:source.ts_us,source:times:source.ts_ns",
    }
    yield case("zone-include/source-block-berlin", ZONES, berlin, records)
    bad = [
        change("c", None, row(None, None, None, text, *[None] * 11), of=EVENT)
        for text in ("2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "x", "2024-01-01", "2024-01-01T24:00:00Z", "")
    ]
    yield case("zone-broken/moments", ZONES, {"converted.timezone": "+02:00"}, bad)
    clocks = [
        change("c", None, row(None, None, None, None, text, *[None] * 10), of=EVENT)
        for text in ("25:00:00Z", "x", "12:00", "")
    ]
    yield case("zone-broken/times", ZONES, {"converted.timezone": "+02:00"}, clocks)
    for name, config in {
        "none": {},
        "empty": {"converted.timezone": ""},
        "odd": {"converted.timezone": "Mars/Olympus"},
        "offset": {"converted.timezone": "+2"},
        "far": {"converted.timezone": "+19:00"},
        "short-EST": {"converted.timezone": "EST"},
        "short-PST": {"converted.timezone": "PST"},
        "both": {"converted.timezone": "UTC", "include.list": "source:a", "exclude.list": "source:b"},
        "form": {"converted.timezone": "UTC", "include.list": "a"},
        "form-exclude": {"converted.timezone": "UTC", "exclude.list": "source:a:b:c"},
        "bad-regex": {"converted.timezone": "UTC", "include.list": "source:("},
    }.items():
        yield case(f"zone-refused/{name}", ZONES, config, [times()])


DOUBLES = array_schema(schema("float64"), optional=True, name="io.debezium.data.DoubleVector", version=1)
FLOATS = array_schema(schema("float32"), name="io.debezium.data.FloatVector", version=1)
SPARSE = struct_schema(
    {"dimensions": schema("int16"), "vector": map_schema(schema("int16"), schema("float64"))},
    optional=True,
    name="io.debezium.data.SparseDoubleVector",
    version=1,
)


def vectors() -> Iterator[Case]:
    of = struct_schema(
        {
            "id": schema("int32"),
            "d": DOUBLES,
            "f": FLOATS,
            "s": SPARSE,
            "t": schema("string", optional=True, default="x"),
        },
        optional=True,
    )
    sparse = row(i16(25), mapping([[i16(10), f64(2.5)], [i16(2), f64(-1)], [i16(1), f64(1e-7)]]))
    first = row(i32(1), array(f64(1), f64(-2.5), f64(1e20)), array(f32(1.1), f32(3)), sparse, None)
    second = row(i32(1), None, array(), None, "y")
    records = [
        change("u", second, first, of=envelope(of)),
        change("c", None, second, of=envelope(of)),
        record("t", data(of, first)),
        record("t", data({**of, "optional": False, "name": "n", "doc": "d", "parameters": {"a": "b"}}, first)),
        TOMBSTONE,
        *CHANGES[:1],
        record("t", data(TEXT, "x")),
    ]
    yield case("vectors/all", VECTORS, {}, records)


def _point(x: float, y: float, *more: float, order: str = "<", kind: int = 1, srid: int | None = None) -> bytes:
    flags = (
        kind
        | (0x20000000 if srid is not None else 0)
        | (0x80000000 if len(more) > 0 else 0)
        | (0x40000000 if len(more) > 1 else 0)
    )
    head = struct.pack(order + "BI", 1 if order == "<" else 0, flags) + (
        struct.pack(order + "I", srid) if srid is not None else b""
    )
    return head + struct.pack(f"{order}{2 + len(more)}d", x, y, *more)


def _points(*points: tuple[float, float]) -> bytes:
    return struct.pack("<I", len(points)) + b"".join(struct.pack("<2d", *one) for one in points)


def _head(kind: int) -> bytes:
    return struct.pack("<BI", 1, kind)


_RING = _points((0, 1), (2, 3), (4, 5), (0, 1))
SHAPES = {
    "point": _point(1, 2),
    "big-endian": _point(1, 2, order=">"),
    "z": _point(1, 2, 3),
    "zm": _point(1, 2, 3, 4),
    "ewkb": _point(1, 2, srid=4326),
    "ewkb-z": _point(1, 2, 3, srid=4326, order=">"),
    "line": _head(2) + _points((1, 2), (3, 4)),
    "polygon": _head(3) + struct.pack("<I", 2) + _RING + _RING,
    "multipoint": _head(4) + struct.pack("<I", 2) + _point(1, 2) + _point(3, 4),
    "multiline": _head(5) + struct.pack("<I", 1) + _head(2) + _points((1, 2), (3, 4)),
    "multipolygon": _head(6) + struct.pack("<I", 1) + _head(3) + struct.pack("<I", 1) + _RING,
    "collection": _head(7) + struct.pack("<I", 2) + _point(1, 2) + _head(2) + _points((5, 6)),
    "empty-collection": _head(7) + struct.pack("<I", 0),
    "trailing": _point(1, 2) + b"xyz",
    "cut": _point(1, 2)[:-3],
    "unknown": _head(99) + b"\0" * 16,
    "short": b"\1\2",
}


def geometries() -> Iterator[Case]:
    geometry = struct_schema(
        {"wkb": schema("bytes"), "srid": schema("int32", optional=True)},
        optional=True,
        name="io.debezium.data.geometry.Geometry",
        version=1,
    )
    other = {**geometry, "name": "io.debezium.data.geometry.Point"}
    of = struct_schema(
        {"id": schema("int32"), "g": geometry, "p": other, "d": schema("int32", optional=True, default=i32(5))},
        optional=True,
    )

    def shaped(content: bytes | None, srid: int | None) -> Any:
        at = None if content is None else row(binary(content), None if srid is None else i32(srid))
        return row(i32(1), at, at, None)

    plain = {"name": "plain"}
    records = {name: change("c", None, shaped(content, 4326), of=envelope(of)) for name, content in SHAPES.items()}
    for name, given in records.items():
        yield case(f"swap/{name}", SWAP, {}, [given])
        for form in ("wkb", "ewkb"):
            yield case(f"format-{form}/{name}", FORMAT, {"format": form}, [given])
    mixed = [
        records["point"],
        records["ewkb"],
        records["point"],
        change("c", None, shaped(SHAPES["point"], None), of=envelope(of)),
        change("c", None, shaped(None, None), of=envelope(of)),
        TOMBSTONE,
        *CHANGES[:3],
    ]
    yield case("format/default", FORMAT, {}, mixed)
    yield case("format/no-srid", FORMAT, {}, mixed[3:])
    yield case("format/odd", FORMAT, {"format": "geojson"}, mixed)
    yield case("format/upper", FORMAT, {"format": "EWKB"}, mixed)
    for name, srids in {"other": "3857", "two": "3857,4326", "spaces": "3857, 4326", "text": "x", "empty": ""}.items():
        yield case(f"swap/srids-{name}", SWAP, {"srids": srids}, [records["point"]])
    yield case("swap/mixed", SWAP, {}, mixed)
    nested = struct_schema(
        {
            "list": array_schema({**geometry, "optional": False}),
            "map": map_schema(TEXT, geometry),
            "inner": struct_schema({"g": geometry}),
            "text": OPTIONAL_TEXT,
        }
    )
    one = row(binary(SHAPES["point"]), i32(4326))
    deep = record("t", data(nested, row(array(one, one), mapping({"k": one, "n": None}), row(one), None)))
    yield case(
        "swap/nested",
        SWAP,
        {},
        [{**deep, "value": data(nested, row(array(one, one), mapping({"k": one}), row(one), None))}],
    )
    yield case(
        "format/nested",
        FORMAT,
        {},
        [{**deep, "value": data(nested, row(array(one, one), mapping({"k": one}), row(one), None))}],
    )
    assert plain


def sizes() -> Iterator[Case]:
    of = struct_schema(
        {
            "id": schema("int32"),
            "t": OPTIONAL_TEXT,
            "b": schema("bytes", optional=True),
            "u": OPTIONAL_TEXT,
            "l": array_schema(TEXT, optional=True),
            "m": map_schema(TEXT, schema("int64"), optional=True),
        },
        optional=True,
    )

    def sized(text: int, content: int, other: int = 0) -> Any:
        blob = {"buffer": binary(b"b" * content)["bytes"]}
        return row(i32(1), "é" * text, blob, "u" * other, array("a", "bb"), mapping({"k": i64(1)}))

    records = [
        change("u", sized(50, 30), sized(100, 60, 10), of=envelope(of), headers=[["h", data(TEXT, "v")]]),
        change("c", None, sized(500, 10), of=envelope(of)),
        change("d", sized(0, 0, 300), None, of=envelope(of)),
        change("c", None, sized(1, 1), of=envelope(of), key=None),
        TOMBSTONE,
        record("t", data(TEXT, "x" * 500)),
        record("t", data(of, sized(500, 10)), data(KEY, row(i32(1)))),
        change("c", None, sized(500, 10), of=envelope(of), key=data(TEXT, "k")),
    ]
    for limit in (100, 600, 900, 1200, 5000):
        for least in (0, 20, 25000):
            config = {"max.bytes": str(limit), "min.field.size": str(least)}
            yield case(f"size/{limit}-{least}", SIZE, config, records)
    yield case("size/ratio", SIZE, {"max.bytes": "700", "min.field.size": "5", "compression.ratio": "0.5"}, records)
    yield case("size/sink", SIZE, {"max.bytes": "100", "min.field.size": "5"}, records[:2], record_class="sink")
    many = struct_schema({"d": logical("Decimal", 2, optional=True), "t": TEXT}, optional=True)
    yield case(
        "size/decimal",
        SIZE,
        {"max.bytes": "100", "min.field.size": "5"},
        [change("c", None, row(None, "x" * 100), of=envelope(many))],
    )
    full = [change("c", None, row(decimal("1.25"), "x" * 100), of=envelope(many))]
    yield case("size/decimal-value", SIZE, {"max.bytes": "100", "min.field.size": "5"}, full)
    for name, config in {
        "none": {},
        "zero": {"max.bytes": "0"},
        "text": {"max.bytes": "x"},
        "ratio": {"max.bytes": "1", "compression.ratio": "0"},
        "least": {"max.bytes": "1", "min.field.size": "-1"},
    }.items():
        yield case(f"size-refused/{name}", SIZE, config, records[:1])


def types() -> Iterator[Case]:
    def told(kind: str, **parameters: str) -> Any:
        named = {f"__debezium.source.column.{name}": value for name, value in parameters.items()}
        return schema(kind, optional=True, parameters=named)

    of = struct_schema(
        {
            "id": told("int32", type="INT4", name="id"),
            "name": told("string", type="VARCHAR", name="name", length="20", comment="who"),
            "price": told("float64", type="NUMERIC", name="price", length="10", scale="2"),
        },
        optional=True,
    )
    one = row(i32(1), "n", f64(1.5))
    records = [
        change("c", None, one, of=envelope(of)),
        change("d", one, None, of=envelope(of)),
        change("u", one, one, of=envelope(of), source=source("other")),
        change("t", None, None, of=envelope(of)),
        TOMBSTONE,
        record("t", data(TEXT, "x")),
    ]
    yield case("types/all", TYPES, {}, [records[0], records[1], *records[3:]])
    yield case("types/untold", TYPES, {}, CHANGES[:1])
    bare = struct_schema(
        {"before": of, "after": of, "op": TEXT, "source": {**SOURCE, "optional": True}}, name="x.Envelope"
    )
    yield case("types/bare", TYPES, {}, [record("t", data(bare, row(None, one, "c", source())))])


def cases() -> Iterator[Case]:
    for part in (zones, vectors, geometries, sizes, types):
        yield from part()
