"""Debezium's transforms of change events, each under many settings. See also debezium_outbox and debezium_expressions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.parity.corpus._debezium_events import (
    CHANGES,
    EVERYTHING,
    KEY,
    NEW_KEY,
    OPTIONAL_TEXT,
    OTHERS,
    ROW,
    TEXT,
    TOMBSTONE,
    TOPIC,
    WIDE,
    WIDE_ROWS,
    change,
    envelope,
    order,
    schema_change,
    source,
)
from tests.parity.forms import array, array_schema, data, i32, i64, record, row, schema, struct_schema

Case = dict[str, Any]
_T = "io.debezium.transforms."
UNWRAP = _T + "ExtractNewRecordState"
ROUTER = _T + "ByLogicalTableRouter"
CHANGED = _T + "ExtractChangedRecordState"
HEADERS = _T + "HeaderToValue"
PARTITIONS = _T + "partitions.PartitionRouting"
DDL = _T + "SchemaChangeEventFilter"
NAMES = array_schema(OPTIONAL_TEXT, optional=True, name="names")
MODES = ("drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone")

EXPLAINED = {
    "unwrap/bare-*": "A delete without the old row is a truncate to the original, which drops it; here it is a delete.",
    "unwrap-dropped/delete-to-tombstone*": "The original fails on a record without value schema when a header lists names to drop.",
    "unwrap-refused/three-parts": "The original takes a path of three parts for its first two.",
    "unwrap-added/struct-*": "The original gives an added struct a schema without fields, which its value does not fit.",
    "router-refused/bad-group": "A replacement with a group that is not there is refused when it is configured, not at each record.",
    "headers-deep/missing-middle": "The original loses the steps of a path behind a struct that is not there.",
    "headers-deep/three-new": "The original loses the steps of a path behind a struct that is not there.",
    "headers-deep/part-of-a-name": "The original takes a name for the end of another.",
    "headers-later/*": "The original fails on a record of a known schema that brings other headers than the first of it.",
    "headers-twice/*": "The original fails on two headers of one name; here the last one's value counts.",
}


def case(name: str, kind: str, config: dict[str, str], records: list[Any], **more: Any) -> Case:
    return {"id": name, "op": "transform", "class": kind, "config": config, "records": records, **more}


def unwrap() -> Iterator[Case]:
    whole = [*CHANGES[:-1], NEW_KEY[0]]
    yield case("unwrap/everything", UNWRAP, {}, OTHERS)
    for mode in (*MODES, "REWRITE"):
        config = {"delete.tombstone.handling.mode": mode}
        yield case(f"unwrap/mode-{mode}", UNWRAP, config, whole)
        yield case(f"unwrap/sink-{mode}", UNWRAP, config, whole[:4], record_class="sink")
        added = {**config, "add.fields": "op,table,source.ts_ms,lsn:pos,ts_ms,id,before.status,transaction.total_order"}
        yield case(f"unwrap/fields-{mode}", UNWRAP, added, whole)
        headed = {**config, "add.headers": "op,table:t,source.snapshot,id,nothing", "add.headers.prefix": "_h."}
        yield case(f"unwrap/headers-{mode}", UNWRAP, headed, whole)
        routed = {**config, "route.by.field": "status"}
        yield case(f"unwrap/route-{mode}", UNWRAP, routed, whole)
        raw = {**config, "replace.null.with.default": "false"}
        yield case(f"unwrap/raw-{mode}", UNWRAP, raw, whole)
    yield case("unwrap/bare-tombstone", UNWRAP, {}, [CHANGES[-1]])
    yield case("unwrap/bare-rewrite", UNWRAP, {"delete.tombstone.handling.mode": "rewrite"}, [CHANGES[-1]])
    yield case("unwrap/no-settings", UNWRAP, {}, whole)
    old = {
        "drop.tombstones": "false",
        "delete.handling.mode": "rewrite",
        "operation.header": "true",
        "add.source.fields": "lsn",
    }
    yield case("unwrap/old-settings", UNWRAP, old, whole)
    for name, fields in {
        "all-of-transaction": "id,total_order,data_collection_order",
        "absent": "nothing,source.nothing,after.nothing",
        "times": "ts_ms,ts_us,ts_ns,source.ts_us,source.ts_ns",
        "rows": "before.id,after.note:note_again,after.price,after.tags",
        "renamed": "op:kind,source.table:tab",
        "spaces": " op , table ",
        "twice": "op,op",
        "like-a-column": "op:id",
        "struct": "after.city",
        "envelope": "source.op,transaction.op",
        "default": "after.status,source.snapshot",
    }.items():
        for prefix in ("__", "") if name in ("rows", "all-of-transaction", "like-a-column") else ("__",):
            config = {"add.fields": fields, "add.fields.prefix": prefix}
            yield case(f"unwrap-added/{name}-{prefix}", UNWRAP, config, CHANGES[:6])
        if name != "struct":
            yield case(f"unwrap-added/headers-{name}", UNWRAP, {"add.headers": fields}, CHANGES[:6])
    no_transaction = struct_schema(
        {f["name"]: f["schema"] for f in envelope()["fields"] if f["name"] != "transaction"}, name="x.Envelope"
    )
    plain = record(TOPIC, data(no_transaction, row(None, order(1), source(), "c", i64(1), None, None)))
    yield case("unwrap-added/no-transaction", UNWRAP, {"add.fields": "id"}, [plain])
    yield case("unwrap-added/op-without-transaction", UNWRAP, {"add.fields": "op"}, [plain])
    for field in ("id", "note", "nothing", "tags", "city"):
        yield case(f"unwrap-routed/{field}", UNWRAP, {"route.by.field": field}, CHANGES[:4])
    blank = [change("c", None, order(1, status)) for status in ("", "  ", None, "topic-of-row")]
    yield case("unwrap-routed/blank", UNWRAP, {"route.by.field": "status"}, blank)
    rewritten = {"route.by.field": "__deleted", "delete.tombstone.handling.mode": "rewrite"}
    yield case("unwrap-routed/deleted", UNWRAP, rewritten, CHANGES[:1])
    yield from dropped()
    for name, config in {
        "mode": {"delete.tombstone.handling.mode": "none"},
        "two-colons": {"add.fields": "op:a:b"},
        "header-two-colons": {"add.headers": "op:a:b"},
        "three-parts": {"add.fields": "after.city.name"},
        "bad-boolean": {"drop.fields.from.key": "maybe"},
    }.items():
        yield case(f"unwrap-refused/{name}", UNWRAP, config, CHANGES[:2])


def dropped() -> Iterator[Case]:
    def listed(*names: str) -> list[Any]:
        header = [["drop", data(NAMES, array(*names))]]
        return [
            change("c", None, order(1, None), headers=header),
            change("u", order(1), order(1), headers=header),
            change("d", order(1), None, headers=header),
            {**TOMBSTONE, "headers": header},
        ]

    for mode in MODES:
        for compatible in ("true", "false"):
            for from_key in ("true", "false"):
                config = {
                    "delete.tombstone.handling.mode": mode,
                    "drop.fields.header.name": "drop",
                    "drop.fields.keep.schema.compatible": compatible,
                    "drop.fields.from.key": from_key,
                    "add.fields": "op,table",
                }
                records = [*listed("note", "id", "__op"), *listed("nothing"), *listed(), *CHANGES[:3]]
                if mode == "delete-to-tombstone":
                    records = [item for item in records if item["value"] and item["value"]["value"]["struct"][4] != "d"]
                yield case(f"unwrap-drop/{mode}-{compatible}-{from_key}", UNWRAP, config, records)
    config = {"delete.tombstone.handling.mode": "delete-to-tombstone", "drop.fields.header.name": "drop"}
    yield case("unwrap-dropped/delete-to-tombstone", UNWRAP, config, listed("note")[2:3])
    yield case("unwrap-drop/blank-name", UNWRAP, {"drop.fields.header.name": " "}, listed("note"))
    null = [change("c", None, order(1), headers=[["drop", data(NAMES, None)]])]
    yield case("unwrap-drop/null", UNWRAP, {"drop.fields.header.name": "drop"}, null)


def logical_tables() -> Iterator[Case]:
    shards = [
        change("c", None, order(n), topic=f"srv.public.orders_shard_{n}", headers=[["h", data(TEXT, "v")]], partition=2)
        for n in (1, 2)
    ]
    base = {"topic.regex": "(.*)_shard_(.*)", "topic.replacement": "$1_all"}
    records = [*shards, {**TOMBSTONE, "topic": "srv.public.orders_shard_3"}]
    yield case("router/everything", ROUTER, {"topic.regex": "(.*)", "topic.replacement": "x"}, EVERYTHING)
    for name, config in {
        "plain": {},
        "no-key-field": {"key.enforce.uniqueness": "false"},
        "named": {"key.field.name": "shard"},
        "regex": {"key.field.regex": "(.*)_shard_(.*)", "key.field.replacement": "$2"},
        "regex-without-match": {"key.field.regex": "nothing", "key.field.replacement": "x"},
        "blank-regex": {"key.field.regex": "  "},
        "avro": {"schema.name.adjustment.mode": "avro", "topic.replacement": "1-$1.$2-x"},
        "avro-unicode": {"schema.name.adjustment.mode": "avro_unicode", "topic.replacement": "1-$1.$2-x"},
        "empty": {"topic.replacement": "$1", "topic.regex": "()srv.*shard.*"},
        "named-groups": {"topic.regex": "(?<before>.*)_shard_.*", "topic.replacement": "${before}"},
        "escaped": {"topic.replacement": "a\\$b"},
        "cache": {"logical.table.cache.size": "1"},
        "same-topic": {"topic.regex": "(.*)", "topic.replacement": "$1"},
        "part": {"topic.regex": "shard", "topic.replacement": "x"},
        "taken-name": {"key.field.name": "id"},
    }.items():
        yield case(f"router/{name}", ROUTER, {**base, **config}, records)
    keys = [
        change("c", None, order(1), topic="t_shard_1", key=None),
        change("c", None, order(1), topic="t_shard_1", key=data(TEXT, "text")),
        record("t_shard_1", data(TEXT, "v"), data(KEY, row(i32(1)))),
    ]
    yield case("router/keys", ROUTER, base, keys)
    rich = {**KEY, "doc": "d", "version": 3, "parameters": {"a": "b"}, "optional": True}
    fancy = {**ROW, "doc": "row", "version": 4, "parameters": {"c": "d"}}
    of = {
        **envelope(fancy, extra=schema("string", optional=True, default="dflt")),
        "doc": "e",
        "parameters": {"x": "y"},
    }
    yield case(
        "router/rich",
        ROUTER,
        base,
        [
            change(
                "u", order(1, None), order(1, None), topic="t_shard_1", key=data(rich, row(i32(1))), of=of, more=[None]
            )
        ],
    )
    for name, config in {
        "no-regex": {"topic.replacement": "x"},
        "no-replacement": {"topic.regex": "x"},
        "empty-replacement": {"topic.regex": "x", "topic.replacement": ""},
        "empty-regex": {"topic.regex": "", "topic.replacement": "x"},
        "bad-regex": {"topic.regex": "(", "topic.replacement": "x"},
        "bad-key-regex": {**base, "key.field.regex": "(", "key.field.replacement": "x"},
        "no-key-replacement": {**base, "key.field.regex": "(.*)"},
        "blank-key-replacement": {**base, "key.field.regex": "(.*)", "key.field.replacement": " "},
        "bad-group": {**base, "topic.replacement": "$7"},
        "bad-mode": {**base, "schema.name.adjustment.mode": "nothing"},
    }.items():
        yield case(f"router-refused/{name}", ROUTER, config, shards)


def changed() -> Iterator[Case]:
    for name, config in {
        "both": {"header.changed.name": "changed", "header.unchanged.name": "same"},
        "changed": {"header.changed.name": "changed"},
        "unchanged": {"header.unchanged.name": "same"},
        "none": {},
        "blank": {"header.changed.name": " ", "header.unchanged.name": ""},
    }.items():
        yield case(f"changed/{name}", CHANGED, config, EVERYTHING if name == "both" else CHANGES)
    both = {"header.changed.name": "changed", "header.unchanged.name": "same"}
    of = envelope(WIDE)
    pairs = [change("u", one, other, of=of) for one in WIDE_ROWS[:3] for other in WIDE_ROWS[:3]]
    yield case("changed/every-type", CHANGED, both, pairs)
    few = struct_schema({"id": schema("int32"), "gone": OPTIONAL_TEXT}, optional=True)
    uneven = {
        **envelope(),
        "fields": [
            {"name": f["name"], "schema": few if f["name"] == "after" else f["schema"]} for f in envelope()["fields"]
        ],
    }
    yield case("changed/other-columns", CHANGED, both, [change("u", order(1), row(i32(1), None), of=uneven)])


def headers_to_value() -> Iterator[Case]:
    listed = [["h", data(TEXT, "hv")], ["n", data(schema("int64", optional=True), i64(5))], ["other", data(TEXT, "o")]]
    twice = [*listed, ["h", data(TEXT, "second")]]
    records = [
        change("u", order(1), order(1, None), headers=listed),
        change("d", order(1), None, headers=listed[:2]),
        {**TOMBSTONE, "headers": listed},
        *(item for item in CHANGES if not item.get("headers")),
    ]
    yield case("headers/everything", HEADERS, {"headers": "h", "fields": "h", "operation": "MOVE"}, EVERYTHING)
    for operation in ("move", "copy"):
        for name, fields in {
            "one": ("h", "field"),
            "two": ("h,n", "field,number"),
            "nested": ("h,n", "after.h,source.n"),
            "both-rows": ("h,n", "after.h,before.h"),
            "absent": ("nothing", "field"),
            "existing": ("h", "op"),
            "wrong-type": ("n", "op"),
            "new-parent": ("h,n", "meta.h,meta.n"),
            "deeper": ("h", "after.city.hint"),
            "same-field": ("h,n", "f,f"),
            "same-header": ("h,h", "a,b"),
            "primitive": ("h", "op.h"),
        }.items():
            config = {"headers": fields[0], "fields": fields[1], "operation": operation}
            yield case(f"headers/{name}-{operation}", HEADERS, config, records)
    config = {"headers": "h,n", "fields": "h,n", "operation": "move"}
    yield case("headers-twice/root", HEADERS, config, [change("u", order(1), order(1), headers=twice)])
    config["fields"] = "meta.h,meta.n"
    yield case("headers-twice/new-struct", HEADERS, config, [change("u", order(1), order(1), headers=twice)])
    homeless = [change("u", order(1), order(1, city=None), headers=listed)]
    yield case("headers-deep/null-on-the-way", HEADERS, {**config, "fields": "after.city.h,n"}, homeless)
    for name, path in {
        "missing-middle": "after.meta.h",
        "part-of-a-name": "after.tity.h",
        "three-new": "a.b.c",
    }.items():
        config = {"headers": "h", "fields": path, "operation": "copy"}
        odd = struct_schema({"y": schema("string"), "tity": struct_schema({})})
        given = record("t", data(struct_schema({"after": odd, "ity": TEXT}), row(row("y", row()), "i")), headers=listed)
        yield case(f"headers-deep/{name}", HEADERS, config, [given] if name == "part-of-a-name" else records[:1])
    config = {"headers": "h,n", "fields": "field,number", "operation": "copy"}
    fewer = change("u", order(1), order(2), headers=listed[:1])
    yield case("headers/fewer-later", HEADERS, config, [records[0], records[1], fewer])
    yield case("headers-later/more", HEADERS, config, [fewer, records[0]])
    yield case("headers-later/other", HEADERS, {**config, "fields": "after.h,source.n"}, [records[0], fewer])
    loose = [["h", data(None, "hv")]]
    yield case("headers/schemaless", HEADERS, config, [change("u", order(1), order(2), headers=loose)])
    lists = [["names", data(NAMES, array("a", None))]]
    config = {"headers": "names", "fields": "after.names", "operation": "move"}
    yield case("headers/list", HEADERS, config, [change("u", order(1), order(2), headers=lists)])
    for name, config in {
        "no-headers": {"fields": "a", "operation": "move"},
        "no-fields": {"headers": "a", "operation": "move"},
        "no-operation": {"fields": "a", "headers": "a"},
        "operation": {"fields": "a", "headers": "a", "operation": "cut"},
        "sizes": {"fields": "a,b", "headers": "a", "operation": "move"},
        "space": {"fields": "a b", "headers": "a", "operation": "move"},
        "empty": {"fields": "a,,b", "headers": "a,b,c", "operation": "move"},
    }.items():
        yield case(f"headers-refused/{name}", HEADERS, config, records[:1])


def partitions() -> Iterator[Case]:
    of = envelope(WIDE, source=struct_schema({}, optional=True))
    wide = [change("c", None, one, of=of, source=None) for one in WIDE_ROWS[:4]] + [
        change("d", WIDE_ROWS[4], None, of=of, source=None)
    ]
    for function in ("java", "murmur"):
        for field in [f["name"] for f in WIDE["fields"]]:
            config = {
                "partition.payload.fields": f"change.{field}",
                "partition.topic.num": "97",
                "partition.hash.function": function,
            }
            yield case(f"partitions/{function}-{field}", PARTITIONS, config, wide)
    for name, fields in {
        "table": "source.table",
        "op": "op",
        "several": "source.table, change.id ,op",
        "absent": "nothing,after.nothing,nothing.at.all",
        "some-absent": "nothing,op",
        "after": "after.id",
        "before": "before.id",
        "null": "change.note",
        "default": "change.status",
        "deep": "change.city.name",
        "through-text": "change.note.x",
        "change-alone": "change",
        "source-default": "source.snapshot",
    }.items():
        config = {"partition.payload.fields": fields, "partition.topic.num": "7"}
        yield case(f"partitions-named/{name}", PARTITIONS, config, CHANGES)
    yield case(
        "partitions/everything", PARTITIONS, {"partition.payload.fields": "op", "partition.topic.num": "7"}, EVERYTHING
    )
    texts = [change("c", None, order(n, "x" * n + "é" * (n % 3))) for n in range(40)]
    yield case(
        "partitions/lengths",
        PARTITIONS,
        {
            "partition.payload.fields": "change.status",
            "partition.topic.num": "1000",
            "partition.hash.function": "murmur",
        },
        texts,
    )
    for name, config in {
        "no-fields": {"partition.topic.num": "2"},
        "no-number": {"partition.payload.fields": "op"},
        "zero": {"partition.payload.fields": "op", "partition.topic.num": "0"},
        "negative": {"partition.payload.fields": "op", "partition.topic.num": "-1"},
        "text": {"partition.payload.fields": "op", "partition.topic.num": "x"},
        "empty-field": {"partition.payload.fields": "op,,id", "partition.topic.num": "2"},
    }.items():
        yield case(f"partitions-refused/{name}", PARTITIONS, config, CHANGES[:1])


def schema_changes() -> Iterator[Case]:
    kinds = ("CREATE", "ALTER", "DROP", "TRUNCATE")
    records = [
        *(schema_change(kind) for kind in kinds),
        schema_change(),
        schema_change(none=True),
        schema_change("ALTER", "DROP"),
        *OTHERS,
    ]
    for name, text in {
        "one": "ALTER",
        "two": "CREATE, DROP",
        "database": "DATABASE",
        "all": "CREATE,ALTER,DROP,TRUNCATE,DATABASE",
    }.items():
        yield case(f"ddl/{name}", DDL, {"schema.change.event.exclude.list": text}, records)
    yield case("ddl/odd-kind", DDL, {"schema.change.event.exclude.list": "DROP"}, [schema_change("RENAME")])
    for name, config in {
        "none": {},
        "odd": {"schema.change.event.exclude.list": "RENAME"},
        "lower": {"schema.change.event.exclude.list": "alter"},
    }.items():
        yield case(f"ddl-refused/{name}", DDL, config, records[:1])


def together() -> Iterator[Case]:
    """What Debezium's page on changed fields shows: the changed names travel as a header into the row."""
    read = "io.debezium.connector.mysql.transforms.ReadToInsertEvent"
    yield case("read-to-insert/all", read, {}, EVERYTHING)


def cases() -> Iterator[Case]:
    for part in (unwrap, logical_tables, changed, headers_to_value, partitions, schema_changes, together):
        yield from part()
