"""StringConverter, ByteArrayConverter, the converters of single values and SimpleHeaderConverter, in both directions."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from tests.parity.corpus._records import GROUPS
from tests.parity.corpus.json_from import _plain
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
    map_schema,
    mapping,
    row,
    schema,
    struct_schema,
)

STRING = "org.apache.kafka.connect.storage.StringConverter"
HEADER = "org.apache.kafka.connect.storage.SimpleHeaderConverter"
_PLAIN = "org.apache.kafka.connect.converters."
SIZES = {"Boolean": 1, "Short": 2, "Integer": 4, "Long": 8, "Float": 4, "Double": 8}
ENCODINGS = (
    "UTF-8", "utf8", "US-ASCII", "ISO-8859-1", "latin1", "ISO-8859-15", "windows-1252", "UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "Shift_JIS", "GB18030", "Big5", "EUC-KR",
    "KOI8-R", "windows-31j",
)  # fmt: skip
TEXTS = ("", "plain", "Grüße", "€ 😀", "日本語", "привет", "a\0b\n", "~\\¥", "한국")
BYTES = (
    b"",
    b"plain",
    "Grüße €".encode(),
    b"\xff\xfe",
    b"\xfe\xff\x00a",
    b"\xff\xfea\x00",
    b"\xc3",
    b"\xe2\x82",
    b"\xf0\x9f\x98\x80",
    b"\xed\xa0\xbd",
    b"a\x80b\xffc",
    bytes(range(32, 127)),
)
HEADERS = (
    "", " ", "1", "128", "-129", "70000", "3000000000", "9223372036854775808", "99999999999999999999", "1.5", "-.5", "1e3", "1E400", "1e-400", "1e39", "1.0", "1.00", "0x1", "+5", "-", "1.", "1e",
    "true", "TRUE", "false", "null", "nullx", "true}", "[1,2]", "[ 1 , 300 ]", "[1,null]", "[null]", "[]", "{}", '{"a":1}', '{"a":null}', '{"a":1,"b":2.5}', "{1:2}", "{1:true,2:false}", "{null:1}", '{"a":{"b":[true]}}',
    '["a","b"]', "[1,2.5]", "[1.5,1e39]", '"quoted"', '["x\\"y"]', '["a\\\\b"]', "[a]", "{a:1}", '{"a" 1}', '{"a":1', "[1", "[1,", "[1,]", "[,1]", "[1,,2]", '{"a":1,}', "{,}", '{"a":1 "b":2}', "2020-01-02", "2020-13-02",
    "2020-02-30", "1582-10-10", "1969-12-31", "10:11:12.123Z", "10:11:12Z", "2020-01-02T10:11:12.345Z", "2020-01-02T10\\:11\\:12.345Z", '["2020-01-02"]', '["10:11:12.123Z"]', "[2020-01-02]", '{"k":2020-01-02T10:11:12.345Z}',
    "10:11:12.123Z x", "2020-01-02 x", " 5 ", "  {", " true ", "[1] x", "12 monkeys", "1:2", "٣", "é 😀", "\\", '\\"', "a\\:b", "[\\]]", '{"a":[1,2],"b":[3,4]}', "[[1],[2]]", '[{"a":1},{"b":2}]', '"', '["', "[1 2]", "[[1],[300]]",
    "0.1", "16777217.5", "3.4028236e38", "9223372036854775807", "127.0", "1e2", "1e18", "1e19", "0e5", "0.0", "-0", '["2020-01-02",5]', "[5,1e2,70000]", "text, with: all {of} [it]", "\x00", "a\nb",
)  # fmt: skip
EXPLAINED = {
    "header/far": "a date of a year before 1, or a time of more than a day, has no place in Python's classes: it stays text",
    "header/keys": "a list or map cannot be a key of a map here: the header stays text",
    "header/092 *": "the numbers of the inner lists have no width of their own here", "encoding/windows-31j from": "Java writes the yen sign as a backslash",
    "singles/wide *": "an integer has no width here: one that fits is written",
}  # fmt: skip


def _codes(texts: tuple[bytes, ...]) -> list[str | None]:
    return [None, *(base64.b64encode(text).decode() for text in texts)]


def _case(
    name: str, cls: str, op: str, items: list[Any], config: dict[str, str] | None = None, **rest: Any
) -> dict[str, Any]:
    return {"id": name, "op": op, "class": cls, "config": config or {}, "data": items, **rest}


def _values() -> dict[str, list[Form]]:
    """Data of every kind, with and without schemas."""
    key = struct_schema(
        {
            "k": schema("int32"),
            "s": schema("string", optional=True, default="d"),
            "l": array_schema(schema("string"), optional=True),
        },
        name="K",
    )
    return {
        **{name: forms for name, forms in _plain().items() if name not in ("buffer", "wrong scale")},
        "structs": [data(key, row(i32(1), "x", array("a", "b"))), data(key, row(i32(1), None, None)), data(struct_schema({}), row())],
        "arrays": [data(array_schema(schema("string", optional=True)), array("a", None, 'q"\\')), data(array_schema(schema("float32")), array(f32(0.1))), data(array_schema(array_schema(schema("int8"))), array(array(i8(1))))],
        "maps": [data(map_schema(schema("string"), schema("int32")), mapping({"a": i32(1)})), data(map_schema(schema("int32"), schema("string", optional=True)), mapping([[i32(1), None]])), data(map_schema(schema("string"), schema("bytes")), mapping([]))],
        "loose": [data(None, v) for v in (None, True, "text", i64(5), f64(1e10), array(i64(1), "x", None), mapping({"a": mapping({"b": "c"})}), mapping([[i64(1), "x"]]), decimal("1.50"), date(0), date(86_400_000), date(-1), date(1_600_000_000_123), row(i32(1), "x", None, of=key))],
        **{f"records {name}": forms for name, forms in GROUPS.items()},
    }  # fmt: skip


def _buffered(form: Any) -> Any:
    """Bytes as Java's ByteBuffer, as sources hand them over: of an array StringConverter writes the address."""
    if isinstance(form, dict):
        return {("buffer" if name == "bytes" else name): _buffered(value) for name, value in form.items()}
    return [_buffered(item) for item in form] if isinstance(form, list) else form


def _singles() -> Iterator[dict[str, Any]]:
    values: dict[str, list[Any]] = {
        "Boolean": [True, False], "Short": [i16(0), i16(-1), i16(2**15 - 1)], "Integer": [i32(258), i32(-(2**31))], "Long": [i64(2**63 - 1), i64(-1)],
        "Float": [f32(1.5), f32(0.1), f32("NaN"), f32("-Infinity"), f32(-0.0)], "Double": [f64(1.5), f64(0.1), f64("NaN"), f64("Infinity"), f64(5e-324)],
    }  # fmt: skip
    kinds = {
        "Boolean": "boolean",
        "Short": "int16",
        "Integer": "int32",
        "Long": "int64",
        "Float": "float32",
        "Double": "float64",
    }
    for name, size in SIZES.items():
        cls, kind = f"{_PLAIN}{name}Converter", kinds[name]
        own = [
            form
            for value in values[name]
            for form in (data(schema(kind), value), data(schema(kind, optional=True, name="n"), value))
        ]
        other = [
            data(schema("string"), "x"),
            data(None, "x"),
            data(None, array()),
            data(schema("string"), None),
            data(schema(kind), None),
            data(None, None),
            data(schema("bytes"), binary(b"x")),
        ]
        other.append(data(schema("int32"), i32(1)) if name == "Boolean" else data(schema("boolean"), True))
        yield _case(
            f"singles/{name}",
            cls,
            "from_connect",
            own + [data(None, value) for value in values[name] if name in ("Boolean", "Long", "Double")],
        )
        yield _case(f"singles/{name} wrong", cls, "from_connect", other)
        texts = [bytes([b]) * n for n in (0, 1, 2, 3, 4, 7, 8, 9) for b in (0, 1, 2, 0x7F, 0xFF)]
        texts += [b"\1" + b"\0" * (size - 1), b"\x7f\xc0\0\0", b"\x7f\xf8" + b"\0" * 6]
        yield _case(f"singles/{name} to", cls, "to_connect", _codes(tuple(texts)))
        yield _case(f"singles/{name} header", cls, "from_connect", own[:2], kind="header")
        yield _case(f"singles/{name} header to", cls, "to_connect", _codes((b"\0" * size, b"")), kind="header")
    yield _case(
        "singles/wide Long",
        _PLAIN + "LongConverter",
        "from_connect",
        [data(schema("int32"), i32(1)), data(schema("int64"), i32(1))],
    )
    yield _case(
        "singles/schema of another",
        _PLAIN + "LongConverter",
        "from_connect",
        [data(schema("int32"), i64(1)), data(schema("string"), i64(1))],
    )
    array_bytes = _PLAIN + "ByteArrayConverter"
    forms = [
        data(schema("bytes"), binary(b"\0\xff")),
        data(schema("bytes", optional=True, name="n"), {"buffer": "AQI="}),
        data(None, binary(b"x")),
        data(None, None),
        data(schema("bytes"), None),
        data(schema("string"), "x"),
        data(None, "x"),
        data(schema("string"), None),
        data(schema("bytes"), "x"),
        data(None, i64(1)),
    ]
    yield _case("bytes/from", array_bytes, "from_connect", forms)
    yield _case("bytes/to", array_bytes, "to_connect", _codes(BYTES))
    yield _case("bytes/header", array_bytes, "from_connect", forms[:4], kind="header")


def cases() -> Iterator[dict[str, Any]]:
    for encoding in ENCODINGS:
        config = {"converter.encoding": encoding}
        yield _case(
            f"encoding/{encoding} from",
            STRING,
            "from_connect",
            [data(schema("string"), text) for text in TEXTS],
            config,
        )
        own = tuple(
            text.encode("utf-8" if encoding.startswith("UTF") else encoding.replace("windows-31j", "cp932"), "ignore")
            for text in TEXTS
        )
        single = encoding in (
            "US-ASCII",
            "ISO-8859-1",
            "latin1",
            "ISO-8859-15",
            "windows-1252",
            "KOI8-R",
        ) or encoding.lower().startswith("utf")
        yield _case(
            f"encoding/{encoding} to",
            STRING,
            "to_connect",
            _codes((*BYTES, *own) if single and "UTF-16" not in encoding else own),
            config,
        )
    for name, config in {
        "unknown": {"converter.encoding": "klingon"},
        "illegal": {"converter.encoding": "a b"},
        "empty": {"converter.encoding": ""},
        "python": {"converter.encoding": "rot13"},
    }.items():
        yield _case(f"encoding/bad {name}", STRING, "from_connect", [data(None, "x")], config)
    for name, forms in _values().items():
        yield _case(f"string/{name}", STRING, "from_connect", _buffered(forms))
        yield _case(f"header/from {name}", HEADER, "from_connect", forms, kind="header")
    yield _case(
        "string/buffers",
        STRING,
        "from_connect",
        [data(schema("bytes"), {"buffer": "AQI="}), data(struct_schema({"b": schema("bytes")}), row({"buffer": ""}))],
    )
    for kind in ("key", "header"):
        yield _case(
            f"string/{kind}",
            STRING,
            "from_connect",
            [data(schema("string"), "é"), data(None, i64(1)), data(None, None)],
            kind=kind,
        )
        yield _case(f"string/{kind} to", STRING, "to_connect", _codes(BYTES[:4]), kind=kind)
    for at, text in enumerate(HEADERS):
        yield _case(f"header/{at:03} {text[:30]}", HEADER, "to_connect", _codes((text.encode(),))[1:], kind="header")
    yield _case("header/bytes", HEADER, "to_connect", _codes(BYTES), kind="header")
    yield _case("header/far", HEADER, "to_connect", _codes((b"0001-01-01", b"25:00:00.000Z")), kind="header")
    yield _case("header/keys", HEADER, "to_connect", _codes((b"{[1]:2}", b'{{"a":1}:2}')), kind="header")
    yield from _singles()
