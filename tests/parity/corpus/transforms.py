"""Kafka's transforms of fields, schemas and headers: each in its configurations, good and bad, on every group of records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.parity.corpus._records import FULL, GROUPS, HEADERS, TYPES, VALUES, sided
from tests.parity.forms import Form, data, i64, mapping, record, row

KAFKA = "org.apache.kafka.connect.transforms."
Config = dict[str, str]
KEEP = {"replace.null.with.default": "false"}
_WIDE = ",".join(TYPES)


def _cast(kind: str) -> str:
    return ",".join(f"{name}:{kind}" for name in ("i8", "i16", "i32", "i64", "f32", "f64", "flag", "dec"))


SIDED: dict[str, dict[str, Config]] = {
    "Cast": {
        **{kind: {"spec": _cast(kind)} for kind in ("int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string")},
        **{f"whole-{kind}": {"spec": kind} for kind in ("int8", "int32", "int64", "float32", "float64", "boolean", "string")},
        "text-int32": {"spec": "text:int32"}, "text-bool": {"spec": "text:boolean"}, "text-f64": {"spec": "text : FLOAT64"},
        "temporal-int64": {"spec": "at:int64,day:int64,clock:int64"}, "temporal-int8": {"spec": "at:int8,day:int8,clock:int8"},
        "temporal-text": {"spec": "at:string,day:string,clock:string"}, "temporal-f64": {"spec": "at:float64,day:boolean"},
        "raw-text": {"spec": "raw:string"}, "raw-int": {"spec": "raw:int32"}, "list": {"spec": "list:string"},
        "pairs": {"spec": "pairs:string"}, "inner": {"spec": "inner:string"}, "none": {"spec": "none:int32"},
        "keep": {"spec": _cast("int64"), **KEEP}, "absent": {"spec": "nosuch:int8"},
    },
    "ExtractField": {
        **{name: {"field": name} for name in ("i32", "text", "dec", "inner", "list", "none", "", "größe", "nosuch")},
        "keep": {"field": "text", **KEEP}, "keep-inner": {"field": "inner", **KEEP},
        **{f"v2-{path}": {"field": path, "field.syntax.version": "V2"} for path in (
            "inner.a", "inner.b.c", "in.deep.y", "in.x", "must.n", "`a.b`", "in.deep.`z.z`", "text.x", "in.", ".in", "inner", "list.0",
        )},
        "v2-keep": {"field": "in.x", "field.syntax.version": "v2", **KEEP}, "v1-path": {"field": "inner.a"}, "trimmed": {"field": "\x01 i32\t"}, "not trimmed": {"field": "i32\xa0"},
    },
    "Flatten": {"dot": {}, "dash": {"delimiter": "-"}, "nothing": {"delimiter": ""}, "blank": {"delimiter": "  "}},
    "HeaderFrom": {
        "copy": {"fields": "i32,text,dec", "headers": "hi,ht,hd", "operation": "copy"},
        "move": {"fields": "i32,text,inner", "headers": "hi,h,h", "operation": "move"},
        "keep": {"fields": "text,i16", "headers": "a,b", "operation": "move", **KEEP},
        "repeat": {"fields": "text,text", "headers": "a,b", "operation": "move"},
        "one": {"fields": "i64", "headers": "n", "operation": "copy"},
        "absent": {"fields": "nosuch,none", "headers": "a,b", "operation": "copy"},
    },
    "HoistField": {"f": {"field": "f"}, "unicode": {"field": "größe"}, "empty": {"field": ""}},
    "InsertField": {
        "topic": {"topic.field": "t"}, "all": {"topic.field": "t!", "partition.field": "p", "timestamp.field": "ts?", "static.field": "s",
                                               "static.value": "v"},
        "required": {"partition.field": "p!", "timestamp.field": "ts!"}, "offset": {"offset.field": "o"},
        "keep": {"static.field": "s!", "static.value": "", **KEEP}, "twice": {"topic.field": "text"}, "mark": {"topic.field": "!"},
    },
    "MaskField": {
        **{name: {"fields": name} for name in (*TYPES, "none", "nosuch", "i8,text,flag", "größe")},
        "keep": {"fields": "i32,text", **KEEP}, "list-repeat": {"fields": "i32,i32"},
        **{f"by-{text}": {"fields": "i8,i16,i32,i64,f32,f64,text", "replacement": text} for text in ("7", "300", "-1.9", "1e3", "x", "0x1", "5000000000")},
        "by-dec": {"fields": "dec", "replacement": "9.99"}, "by-flag": {"fields": "flag", "replacement": "true"},
        "by-raw": {"fields": "raw", "replacement": "x"}, "by-at": {"fields": "at", "replacement": "0"}, "by-list": {"fields": "list", "replacement": "0"},
    },
    "ReplaceField": {
        "nothing": {}, "exclude": {"exclude": "i8,text,inner,größe"}, "include": {"include": "i32,text,none,inner"},
        "both": {"include": "i32,text,f64", "exclude": "text"}, "rename": {"renames": "i32:n,text:label,inner:outer"},
        "collide": {"renames": "i32:text"}, "swap": {"renames": "i32:i64,i64:i32"}, "all": {"include": "nosuch"},
        "keep": {"exclude": "i8", **KEEP}, "chain": {"include": "i32,i64", "renames": "i32:x"}, "from-gone": {"renames": "gone:i32"},
        "from-gone-text": {"renames": "gone:text,none:i64"}, "odd": {"renames": ":i9"},
    },
    "SetSchemaMetadata": {
        "name": {"schema.name": "new.Name"}, "version": {"schema.version": "9"}, "both": {"schema.name": "", "schema.version": "-1"},
        "keep": {"schema.name": "k", **KEEP},
    },
}  # fmt: skip
PLAIN: dict[str, dict[str, Config]] = {
    "DropHeaders": {"h": {"headers": "h"}, "both": {"headers": "x, h ,x"}, "none": {"headers": "nosuch"}},
    "InsertHeader": {
        f"literal {text}": {"header": "h", "value.literal": text}
        for text in ("5", "300", "text", "true", "null", "[1,2]", '{"a":1.5}', "2020-01-02", "1.50", "", " x ", "ünï", '"q"', "1e400")
    },
    "ValueToKey": {
        "i32": {"fields": "i32"}, "many": {"fields": "text,i32,inner,dec"}, "keep": {"fields": "text,i16", **KEEP},
        "repeat": {"fields": "i32,i32"}, "absent": {"fields": "nosuch"}, "loose": {"fields": "i64,none,gone"}, "unicode": {"fields": "größe"},
    },
    "Filter": {"all": {}},
}  # fmt: skip
BAD: dict[str, dict[str, Config]] = {
    "Cast$Value": {
        text or "empty": {"spec": text}
        for text in ("", "a:int8,int8", "int8,int8", "a:b:c", ":int8", "a:", "a:bytes", "a:array", "float", "a:int8,", ":", "a:int8,a:int16")
    },
    "DropHeaders": {"absent": {}, "empty": {"headers": ""}, "blank": {"headers": "a,,b"}},
    "ExtractField$Value": {
        "absent": {}, "v3": {"field": "a", "field.syntax.version": "V3"},
        **{f"v2 {path}": {"field": path, "field.syntax.version": "V2"} for path in ("`a", "`a`b", "a.`b", "`a\\`", "``", "`a\\`.b`", "a`b", "")},
    },
    "HeaderFrom$Value": {
        "fewer": {"fields": "a,b", "headers": "x", "operation": "move"}, "no fields": {"fields": "", "headers": "", "operation": "move"},
        "operation": {"fields": "a", "headers": "x", "operation": "Move"}, "absent": {"fields": "a", "headers": "x"},
    },
    "HoistField$Value": {"absent": {}},
    "InsertField$Value": {
        "nothing": {}, "no value": {"static.field": "a"}, "empty": {"topic.field": ""}, "flag": {"topic.field": "a", "replace.null.with.default": "x"},
        "value only": {"static.value": "a"}, "both": {"topic.field": "", "partition.field": "p"},
    },
    "InsertHeader": {"absent": {}, "no value": {"header": "h"}, "no header": {"value.literal": "1"}, "empty": {"header": "", "value.literal": "1"}},
    "MaskField$Value": {"absent": {}, "empty": {"fields": ""}, "blank": {"fields": "a,,b"}, "replacement": {"fields": "a", "replacement": ""}},
    "ReplaceField$Value": {
        text: {"renames": text} for text in ("a", "a:b:c", "a:", ":b", "::", ":", "a:b,a:c", "a:b,,c:d")
    } | {"exclude": {"exclude": "a,,b"}, "include": {"include": ","}},
    "SetSchemaMetadata$Value": {"nothing": {}, "version": {"schema.version": "x"}, "large": {"schema.version": "3000000000"}, "empty": {"schema.version": ""}},
    "ValueToKey": {"absent": {}, "empty": {"fields": ""}, "blank": {"fields": "a,"}},
}  # fmt: skip


def _case(group: str, name: str, cls: str, config: Config, records: list[Form], **rest: Any) -> dict[str, Any]:
    return {
        "id": f"{group}/{name}",
        "op": "transform",
        "class": KAFKA + cls,
        "config": config,
        "records": records,
        **rest,
    }


def cases() -> Iterator[dict[str, Any]]:
    for transform, configs in SIDED.items():
        headers = {"headers": HEADERS} if "Header" in transform else {}
        for name, config in configs.items():
            for group, forms in GROUPS.items():
                yield _case(
                    transform, f"{name}/{group}", f"{transform}$Value", config, sided(forms, "Value", **headers)
                )
            for group in ("full", "loose", "nothing"):
                records = sided(GROUPS[group], "Key", **headers)
                yield _case(transform, f"{name}/key-{group}", f"{transform}$Key", config, records)
    for transform, configs in PLAIN.items():
        for name, config in configs.items():
            for group, forms in GROUPS.items():
                if transform == "ValueToKey" or group in ("loose", "nothing"):
                    records = sided(forms, "Value", headers=HEADERS)
                    yield _case(transform, f"{name}/{group}", transform, config, records)
    for transform, configs in BAD.items():
        records = [
            record("topic", data(FULL, row(*VALUES))),
            record("topic", data(None, mapping({"": i64(1), "a": mapping({"b": "x"})}))),
        ]
        for name, config in configs.items():
            yield _case("bad", f"{transform}/{name}", transform, config, records)
    inserting = SIDED["InsertField"]
    for name, config in inserting.items():
        forms = [*GROUPS["full"], *GROUPS["loose"]]
        place = {"partition": 4, "offset": 77}
        yield _case("sink", name, "InsertField$Value", config, sided(forms, "Value", **place), record_class="sink")
    bare = [
        record("topic", form, timestamp=None, partition=p)
        for form in (GROUPS["full"][0], GROUPS["loose"][0])
        for p in (None, 3)
    ]
    for name, config in inserting.items():
        yield _case("sink", f"{name}/source", "InsertField$Value", config, bare)
    for text in (
        "+5",
        " 5",
        "5 ",
        "٣",
        "1_000",
        "0x1p3",
        "1e3",
        "NaN",
        "-Infinity",
        "1.5f",
        "1d",
        " 7.5 ",
        ".5",
        "5.",
        "",
        "9223372036854775808",
        "TRUE",
        "yes",
        "é",
    ):
        values = [data(TYPES["text"], text), data(None, text)]
        for kind in ("int8", "int64", "float32", "float64", "boolean", "string"):
            yield _case("CastText", f"{kind} {text}", "Cast$Value", {"spec": kind}, sided(values, "Value"))
