"""JsonConverter, from bytes to Connect data: every type with every kind of JSON node, odd envelopes, schemas and texts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

JSON = "org.apache.kafka.connect.json.JsonConverter"
_DATA = "org.apache.kafka.connect.data."
NODES = (
    "null", "true", "false", "0", "1", "-1", "127", "128", "-129", "32768", "2147483647", "2147483648", "-2147483649", "9223372036854775807",
    "9223372036854775808", "123456789012345678901234567890", "1.5", "-1.5", "1.0", "100.9", "1e2", "1E400", "-1e400", "1e-400", "0.1", "3.4028236e38", "16777217", "-0", "-0.0",
    "1.50", "1.500", "86400000", "86399999", '""', '"text"', '"12"', '"true"', '"NaN"', '"Infinity"', '"AQI="', '"AQI"', '"A Q\\nI="', '"AQI=="', '"!!!"', '"AJY="',
    '"\\u00e9\\ud83d\\ude00"', '"a\\/b\\\\\\"\\b\\f\\n\\r\\t"', '"Grüße 😀"', "[]", "[1]", '["a",null]', "{}", '{"a":1}',
)  # fmt: skip
SCALARS = ("int8", "int16", "int32", "int64", "float", "double", "boolean", "string", "bytes")
LOGICALS: dict[str, dict[str, Any]] = {
    "Decimal": {"type": "bytes", "name": _DATA + "Decimal", "version": 1, "parameters": {"scale": "2"}},
    "Date": {"type": "int32", "name": _DATA + "Date", "version": 1}, "Time": {"type": "int32", "name": _DATA + "Time", "version": 1},
    "Timestamp": {"type": "int64", "name": _DATA + "Timestamp", "version": 1},
    "Date on string": {"type": "string", "name": _DATA + "Date"}, "Timestamp on string": {"type": "string", "name": _DATA + "Timestamp"},
    "Decimal without scale": {"type": "bytes", "name": _DATA + "Decimal"}, "Decimal with wrong scale": {"type": "bytes", "name": _DATA + "Decimal", "parameters": {"scale": "x"}},
    "Decimal on string": {"type": "string", "name": _DATA + "Decimal", "parameters": {"scale": "1"}}, "named": {"type": "int64", "name": "io.debezium.time.MicroTimestamp"},
}  # fmt: skip
INT, TEXT = {"type": "int32"}, {"type": "string", "optional": True}
ROW = {
    "type": "struct",
    "name": "R",
    "fields": [
        {**INT, "field": "a"},
        {**TEXT, "field": "b"},
        {"type": "int64", "default": 7, "field": "c"},
        {**TEXT, "default": "d", "field": "d"},
    ],
}
CONTAINERS: dict[str, dict[str, Any]] = {
    "array": {"type": "array", "items": INT}, "array of text": {"type": "array", "items": TEXT}, "map": {"type": "map", "keys": {"type": "string"}, "values": INT},
    "map of ints": {"type": "map", "keys": INT, "values": TEXT}, "map of text": {"type": "map", "keys": TEXT, "values": TEXT}, "struct": ROW,
    "nested": {"type": "struct", "fields": [{**ROW, "field": "r"}, {**ROW, "optional": True, "field": "s"}]}, "empty struct": {"type": "struct", "fields": []},
    "struct of array": {"type": "struct", "fields": [{"type": "array", "items": {"type": "string"}, "field": "l"}]},
    "struct of map": {"type": "struct", "fields": [{"type": "map", "keys": {"type": "string"}, "values": {"type": "string"}, "field": "m"}]},
}  # fmt: skip
PAYLOADS = (
    "null", "[]", "[1,2]", "[1,null]", '["x"]', "[1.5]", "{}", '{"a":1}', '{"a":null}', '{"a":1,"b":"x","c":null,"d":null}', '{"a":1,"z":2}', '{"a":"x","b":5}', '{"a":1,"b":null,"c":8,"d":"e"}',
    '{"a":1,"a":2}', '[[1,"x"]]', '[[1,"x"],[1,"y"]]', "[[1]]", "[[1,2,3]]", '[[null,"x"]]', '[[1,null]]', "[{}]", '{"r":{"a":1}}', '{"r":{"a":1},"s":{"a":2,"b":"x"}}', '{"r":{},"s":null}', '{"r":null}',
    '{"r":[1]}', '{"l":[]}', '{"l":["a",1]}', '{"l":[null]}', '{"m":{}}', '{"m":{"k":1}}', '{"m":{"k":null}}', '{"m":[]}', '"x"', "5", "true",
)  # fmt: skip
SCHEMAS = (
    "null", "{}", "5", '"string"', "[]", "true", '{"type":null}', '{"type":5}', '{"type":"nosuch"}', '{"type":"float32"}', '{"type":"INT32"}', '{"type":"int32","optional":"true"}', '{"type":"int32","optional":null}',
    '{"type":"int32","name":5,"version":"1","doc":true}', '{"type":"int32","version":1.5}', '{"type":"int32","version":3000000000}', '{"type":"int32","version":1e0}', '{"type":"int32","parameters":{"a":"b","c":"d"}}',
    '{"type":"int32","parameters":{}}', '{"type":"int32","parameters":{"a":5}}', '{"type":"int32","parameters":{"a":null}}', '{"type":"int32","parameters":[]}', '{"type":"int32","default":4}', '{"type":"int32","default":"x"}',
    '{"type":"int32","default":null}', '{"type":"int32","optional":true,"default":null}', '{"type":"int32","default":3000000000}', '{"type":"string","default":5}', '{"type":"string","optional":true,"default":5}', '{"type":"bytes","default":"AQI="}',
    '{"type":"bytes","default":"!"}', '{"type":"array"}', '{"type":"array","items":null}', '{"type":"array","items":{}}', '{"type":"array","items":{"type":"int32"},"default":[1]}', '{"type":"array","items":{"type":"int32"},"default":[null]}',
    '{"type":"map","keys":{"type":"string"}}', '{"type":"map","values":{"type":"string"}}', '{"type":"map","keys":null,"values":{"type":"string"}}', '{"type":"map","keys":{"type":"string"},"values":null}',
    '{"type":"map","keys":{"type":"string"},"values":{"type":"int32"},"default":{"a":1}}', '{"type":"struct"}', '{"type":"struct","fields":{}}', '{"type":"struct","fields":[5]}', '{"type":"struct","fields":[null]}', '{"type":"struct","fields":[{"type":"int32"}]}',
    '{"type":"struct","fields":[{"type":"int32","field":5}]}', '{"type":"struct","fields":[{"type":"int32","field":""}]}', '{"type":"struct","fields":[{"type":"int32","field":"a"},{"type":"int32","field":"a"}]}', '{"type":"struct","fields":[{"field":"a"}]}',
    '{"type":"struct","fields":[],"default":{}}', '{"type":"struct","fields":[{"type":"int32","field":"größe 😀"}]}', '{"type":"int32","extra":1,"name":"n","doc":"d","version":2}', '{"optional":true,"type":"int32"}',
    '{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"1"},"default":"AQI="}', '{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"1"},"default":1.5}',
    '{"type":"int32","name":"org.apache.kafka.connect.data.Date","default":5}', '{"type":"int64","name":"org.apache.kafka.connect.data.Timestamp","default":5}', '{"type":"string","name":"org.apache.kafka.connect.data.Timestamp","default":5}',
)  # fmt: skip
ENVELOPES: tuple[bytes, ...] = (
    b"", b" ", b"null", b"5", b'"x"', b"[]", b"{}", b'{"schema":null}', b'{"payload":1}', b'{"schema":null,"payload":1,"x":2}', b'{"schema":null,"payload":1}', b'{"payload":1,"schema":{"type":"int32"}}',
    b' { "payload" : [ 1 , 2.5 ] , "schema" : null } ', b'{"schema":null,"schema":{"type":"int32"},"payload":1}', b'{"schema":null,"payload":1,"payload":2}', b'{"Schema":null,"payload":1}', b'{"schema":null,"payload":1}x',
    b'{"schema":null,"payload":1}{}', b'{"schema":null,"payload":1', b'{"schema":null,"payload":}', b"{'schema':null,'payload':1}", b'{"schema":null,"payload":01}', b'{"schema":null,"payload":+1}', b'{"schema":null,"payload":.5}',
    b'{"schema":null,"payload":1.}', b'{"schema":null,"payload":NaN}', b'{"schema":null,"payload":Infinity}', b'{"schema":null,"payload":nul}', b'{"schema":null,"payload":"a\nb"}', b'{"schema":null,"payload":"\xff"}', b'{"schema":null,"payload":"\\x"}',
    b'{"schema":null,"payload":"\\u12"}', b'{"schema":null,"payload":[1,]}', b'{"schema":null,"payload":{"a":1,}}', b'{"schema":null,/*c*/"payload":1}', b'\xef\xbb\xbf{"schema":null,"payload":1}', '{"schema":null,"payload":1}'.encode("utf-16"),
    '{"schema":null,"payload":1}'.encode("utf-16-be"), b'{"schema":null,"payload":' + b"[" * 200 + b"]" * 200 + b"}", b"\0", b'{"schema":null,"payload":"\x7f\xc2\x80"}', b'{"schema":null,"payload":"\xed\xa0\x80"}', b'{"schema":null,"payload":"\xc0\x80"}',
    b'{"schema":null,"payload":{"":1,"a":{"a":[]}}}', b'{"schema":null,"payload":-}', b'{"schema":null,"payload":1e}', b'{"schema":null,"payload":0x1}', b'{"schema":null,"payload":"\xf0\x9f\x98\x80"}', b'{"schema":null,"payload":undefined}',
)  # fmt: skip
ROOTS = (
    "1x", "1 x", "1{", "1\n2", "1,", '1"', "-1x", "1.5x", "1.5 x", "truex", "true x", "true{", "true1", "true_", "true$", "nullé", "false[", '"a"x', "[]x", "{} {", "[1] ]", "01", "01x", "-", "1.", "1.x", "1e", "1e5 x", "1e5x", "tru",
    "1\x00", "1\xa0", "true²",
)  # fmt: skip
CONTENT = {
    "int": '{"type":"int32"}', "struct": json.dumps(ROW), "null": "null", "wrong": '{"type":"x"}', "broken": "{", "empty": "", "blank": " ", "array": "[]", "default": '{"type":"string","default":"d"}',
}  # fmt: skip
_FAR = "a date, time or moment outside of the years 1 to 9999 or of a day has no place in Python's classes: refused"
_WIDE = "an integer of more than 64 bits without a schema is kept as it is, not cut"
_SIGN = "a negative zero keeps its sign"
EXPLAINED = {
    **dict.fromkeys(("Date*/10 *", "Date*/26 *", "Date*/31 *", "Date*/32 *", "Time/31 *", "Timestamp*/13 *", "Timestamp*/14 *", "Timestamp*/15 *"), _FAR),
    **dict.fromkeys(("loose/14 *", "loose/15 *", "null schema/14 *", "null schema/15 *"), _WIDE),
    **dict.fromkeys(("float/28 *", "double/28 *", "loose/28 *", "null schema/28 *"), _SIGN),
    **dict.fromkeys(("envelope/42 *", "bare/42 *"), "Jackson reads the overlong form of U+0000, which is no UTF-8"),
}  # fmt: skip


def _case(name: str, config: dict[str, str], texts: list[bytes | None], **rest: Any) -> dict[str, Any]:
    coded = [None if text is None else base64.b64encode(text).decode() for text in texts]
    return {"id": name, "op": "to_connect", "class": JSON, "config": config, "data": coded, **rest}


def _enveloped(schema: Any, payloads: tuple[str, ...]) -> list[bytes | None]:
    head = schema if isinstance(schema, str) else json.dumps(schema)
    return [f'{{"schema":{head},"payload":{payload}}}'.encode() for payload in payloads]


def cases() -> Iterator[dict[str, Any]]:
    typed: dict[str, dict[str, Any]] = {**{kind: {"type": kind} for kind in SCALARS}, **LOGICALS}
    for name, form in typed.items():
        for at, node in enumerate(NODES):
            yield _case(f"{name}/{at:02} {node}", {}, _enveloped(form, (node,)))
        yield _case(f"optional/{name}", {}, _enveloped({**form, "optional": True}, ("null", '"x"', "5")))
        inner = {"type": "struct", "fields": [{**form, "field": "f"}, {**form, "optional": True, "field": "g"}]}
        payloads = tuple(f'{{"f":{node},"g":{node}}}' for node in ("5", "1.5", '"x"', '"AQI="', "true", "[1]", "null"))
        yield _case(f"in struct/{name}", {}, _enveloped(inner, payloads))
    for name, form in CONTAINERS.items():
        for at, payload in enumerate(PAYLOADS):
            yield _case(f"{name}/{at:02} {payload}", {}, _enveloped(form, (payload,)))
    yield _case("struct/keep", {"replace.null.with.default": "false"}, _enveloped(ROW, PAYLOADS))
    for at, text in enumerate(SCHEMAS):
        yield _case(f"schema/{at:02} {text}", {}, _enveloped(text, ("1", "null", "{}")))
    for at, data in enumerate(ENVELOPES):
        name = data.decode("latin-1")[:40]
        yield _case(f"envelope/{at:02} {name}", {}, [data])
        yield _case(f"bare/{at:02} {name}", {"schemas.enable": "false"}, [data])
    for at, node in enumerate((*NODES, *PAYLOADS)):
        yield _case(f"loose/{at:02} {node}", {"schemas.enable": "false"}, [node.encode()])
        yield _case(f"null schema/{at:02} {node}", {}, _enveloped("null", (node,)))
    for at, text in enumerate(ROOTS):
        yield _case(f"roots/{at:02} {text}", {"schemas.enable": "false"}, [text.encode()])
    yield _case("bare/null", {}, [None])
    yield _case("bare/null plain", {"schemas.enable": "false"}, [None])
    for name, content in CONTENT.items():
        for enabled in ("true", "false"):
            config = {"schema.content": content, "schemas.enable": enabled}
            texts: list[bytes | None] = [
                b"5",
                b'"x"',
                b"null",
                b"",
                None,
                b'{"a":1}',
                b'{"schema":{"type":"int32"},"payload":1}',
                b"{",
            ]
            yield _case(f"content/{name} {enabled}", config, texts)
    for name, config in {
        "decimal.format": {"decimal.format": "HEX"}, "cache": {"schemas.cache.size": "x"}, "zero cache": {"schemas.cache.size": "0"}, "negative cache": {"schemas.cache.size": "-1"}, "enable": {"schemas.enable": "yes"},
        "empty": {"schemas.enable": ""}, "replace": {"replace.null.with.default": "1"},
    }.items():  # fmt: skip
        yield _case(f"config/{name}", config, _enveloped(ROW, PAYLOADS[8:10]))
    for kind in ("key", "header"):
        yield _case(f"kind/{kind}", {}, _enveloped(ROW, PAYLOADS[6:12]), kind=kind)
