"""The outbox: EventRouter, and DecodeLogicalDecodingMessageContent before it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from tests.parity.corpus._debezium_events import (
    CHANGES,
    KEY,
    MESSAGE,
    NOW,
    OPTIONAL_TEXT,
    OTHERS,
    SOURCE,
    TEXT,
    TOMBSTONE,
    TRANSACTION,
    message,
    source,
)
from tests.parity.forms import binary, data, i32, i64, record, row, schema, struct_schema

Case = dict[str, Any]
ROUTER = "io.debezium.transforms.outbox.EventRouter"
DECODE = "io.debezium.connector.postgresql.transforms.DecodeLogicalDecodingMessageContent"
UUID = schema("string", name="io.debezium.data.Uuid", version=1)
JSON = schema("string", name="io.debezium.data.Json", version=1, optional=True)
TOPIC = "srv.public.outbox"

EXPLAINED = {
    "refused/odd-place": "The original takes any word for a place and fails at each record.",
    "refused/bad-group": "A replacement with a group that is not there is refused when it is configured, not at each record.",
    "expand-list/*": "The original gives an expanded array the schema and leaves the text as its value; here the text stays a text.",
    "expand-number/*": "The original gives a payload it cannot expand the schema and leaves the text as its value; here the text stays a text.",
    "expand-adjusted/*": "The original loses the values of fields whose names it adjusts.",
    "sink/*": "The original fails on records of sinks, which always have a partition.",
    "traced/*": "The original, without an OpenTelemetry SDK, does nothing; here the row's trace context goes on in the headers.",
    "decode/no-schema": "The original fails on every record without a value schema.",
}


def outbox(payload: dict[str, Any] = JSON, **more: Any) -> Any:
    """The schema of an outbox table's row."""
    fields = {"id": UUID, "aggregatetype": TEXT, "aggregateid": TEXT, "type": OPTIONAL_TEXT, "payload": payload, **more}
    return struct_schema(fields, optional=True, name="srv.public.outbox.Value")


def envelope(of: Any) -> Any:
    fields = {
        "before": of,
        "after": of,
        "source": SOURCE,
        "transaction": TRANSACTION,
        "op": TEXT,
        "ts_ms": schema("int64", optional=True),
    }
    return struct_schema(fields, name="srv.public.outbox.Envelope", version=2)


def event(
    payload: Any,
    *more: Any,
    op: str = "c",
    of: Any = None,
    route: str | None = "order",
    headers: Any = (),
    ts: Any = NOW,
) -> Any:
    given = outbox() if of is None else of
    after = row("76019d1a-ad2e-4b22-96e9-1a6d6543c818", route, "42", "created", payload, *more)
    value = row(None, after, source("outbox"), None, op, None if ts is None else i64(ts))
    key = data(KEY, row(i32(1)))
    return record(TOPIC, data(envelope(given), value), key, headers=list(headers), partition=3, timestamp=7)


PLAIN = event('{"a": 1, "b": {"c": "x"}}')
ROWS = [
    PLAIN,
    event(None),
    event(""),
    event("  \t"),
    event("text", op="r"),
    event('{"a": 1}', op="u"),
    record(
        TOPIC,
        data(envelope(outbox()), row(row("1", "order", "42", None, None), None, source("outbox"), None, "d", i64(NOW))),
    ),
    TOMBSTONE,
    event("x", headers=[["h", data(TEXT, "v")]], ts=None),
]
EXTRA = outbox(
    version=schema("int32"),
    tenant=OPTIONAL_TEXT,
    part=schema("int32", optional=True),
    at=schema("int64", optional=True, name="io.debezium.time.MicroTimestamp", version=1),
)
FULL = [
    event('{"a": 1}', i32(n), tenant, i32(n), i64(at), of=EXTRA)
    for n, tenant, at in ((1, "t1", 1_700_000_000_123_456), (2, None, -1_500))
]


def case(name: str, kind: str, config: dict[str, str], records: list[Any], **more: Any) -> Case:
    return {"id": name, "op": "transform", "class": kind, "config": config, "records": records, **more}


def routed() -> Iterator[Case]:
    yield case("routed/defaults", ROUTER, {}, ROWS)
    yield case("routed/others", ROUTER, {}, [*OTHERS, CHANGES[0]])
    yield case("sink/router", ROUTER, {}, ROWS[:4], record_class="sink")
    for behavior in ("warn", "error", "fatal", "FATAL"):
        yield case(f"routed/update-{behavior}", ROUTER, {"table.op.invalid.behavior": behavior}, [ROWS[5], ROWS[0]])
    yield case("routed/tombstone", ROUTER, {"route.tombstone.on.empty.payload": "true"}, ROWS)
    for name, config in {
        "by-type": {"route.by.field": "type"},
        "by-null": {"route.by.field": "nothing"},
        "replacement": {"route.topic.replacement": "${routedByValue}.events"},
        "regex": {"route.topic.regex": "(.)(.*)", "route.topic.replacement": "$2-$1"},
        "no-match": {"route.topic.regex": "z(.*)", "route.topic.replacement": "$1"},
        "columns": {
            "table.field.event.id": "aggregateid",
            "table.field.event.key": "id",
            "table.field.event.payload": "type",
            "table.field.event.type": "payload",
        },
        "no-id": {"table.field.event.id": "nothing"},
        "no-key": {"table.field.event.key": "nothing"},
        "no-payload": {"table.field.event.payload": "nothing"},
        "no-timestamp": {"table.field.event.timestamp": "nothing"},
        "timestamp-of-text": {"table.field.event.timestamp": "type"},
        "old-name": {
            "table.fields.additional.placement": "nothing:header",
            "table.fields.additional.error.on.missing": "false",
        },
    }.items():
        yield case(f"routed/{name}", ROUTER, config, ROWS[:2])
    yield case("routed/null-route", ROUTER, {}, [event("x", route=None, of=outbox(aggregatetype=OPTIONAL_TEXT))])
    binary_payload = outbox(schema("bytes", optional=True))
    records = [
        event(binary(b"\0\1"), of=binary_payload),
        event(None, of=binary_payload),
        event(binary(b""), of=binary_payload),
    ]
    yield case("routed/bytes", ROUTER, {"route.tombstone.on.empty.payload": "true"}, records[:2])
    yield case(
        "routed/truncate",
        ROUTER,
        {},
        [record(TOPIC, data(envelope(outbox()), row(None, None, source("outbox"), None, "t", i64(1))))],
    )


def placed() -> Iterator[Case]:
    for name, placement in {
        "header": "tenant:header",
        "header-alias": "tenant:header:who,version:header",
        "envelope": "tenant:envelope",
        "envelope-alias": "tenant:envelope:who,type:envelope:kind",
        "partition": "part:partition",
        "partition-of-text": "tenant:partition",
        "everything": "type:header:eventType,tenant:envelope:who,part:partition",
        "spaces": " tenant : header : who , part:partition",
        "upper": "tenant:HEADER",
        "twice": "tenant:envelope:x,type:envelope:x",
        "payload-alias": "tenant:envelope:payload",
        "absent-header": "nothing:header",
        "absent-envelope": "nothing:envelope",
        "absent-partition": "nothing:partition",
    }.items():
        for missing in ("error", "ignore"):
            config = {"table.fields.additional.placement": placement, "table.field.additional.missing": missing}
            yield case(f"placed/{name}-{missing}", ROUTER, config, FULL)
    version = {"table.field.event.schema.version": "version"}
    enveloped = {**version, "table.fields.additional.placement": "tenant:envelope"}
    yield case("placed/version", ROUTER, enveloped, [*FULL, *FULL])
    yield case("placed/version-without-envelope", ROUTER, version, FULL)
    other = event('{"a": 1}', i32(1), "t", None, None, of=EXTRA, route="customer")
    yield case(
        "placed/first-topic-names", ROUTER, {"table.fields.additional.placement": "tenant:envelope"}, [FULL[0], other]
    )
    tombstone = {"table.fields.additional.placement": "tenant:envelope", "route.tombstone.on.empty.payload": "true"}
    yield case("placed/tombstone", ROUTER, tombstone, [event(None, i32(1), "t", None, None, of=EXTRA)])
    yield case(
        "placed/nulls",
        ROUTER,
        {"table.fields.additional.placement": "tenant:envelope"},
        [event(None, i32(1), "t", None, None, of=EXTRA)],
    )
    for kind, value in (
        ("Timestamp", NOW),
        ("MicroTimestamp", NOW * 1000 + 999),
        ("NanoTimestamp", -1_999_999),
        ("Date", 5),
    ):
        at = schema("int64", optional=True, name=f"io.debezium.time.{kind}", version=1)
        records = [event("x", i64(value), of=outbox(at=at)), event("x", None, of=outbox(at=at))]
        yield case(f"placed/timestamp-{kind}", ROUTER, {"table.field.event.timestamp": "at"}, records)
    bare = outbox(at=schema("int64"))
    yield case("placed/timestamp-bare", ROUTER, {"table.field.event.timestamp": "at"}, [event("x", i64(5), of=bare)])


DOCUMENTS = {
    "flat": '{"a": 1, "b": 2147483648, "c": 1.5, "d": "x", "e": true, "f": false}',
    "nested": '{"a": {"b": {"c": 1}}, "d": {}}',
    "nulls": '{"a": null, "b": {"c": null}, "d": 1}',
    "lists": '{"a": [1, 2], "b": ["x"], "c": [1.5, 2.5], "d": [true], "e": [], "f": [[1], [2, 3]]}',
    "objects": '{"a": [{"b": 1}, {"b": 2, "c": "x"}], "d": [{"e": {"f": 1}}]}',
    "null-in-list": '{"a": [null, 1, null, 2]}',
    "null-in-objects": '{"a": [{"b": null}, {"b": 1}]}',
    "twice": '{"a": 1, "b": 2, "a": 3}',
    "odd-names": '{"1-a": 1, "b.c": 2, "d e": 3, "": 4}',
    "big": '{"a": 9223372036854775807, "b": -2147483648, "c": 1e3, "d": 0.1, "e": -0.0}',
    "text": "no json",
    "broken": '{"a": ',
    "number": "5",
    "space": ' {"a": 1}',
    "escapes": '{"a": "\\u00e9\\n\\"", "b": "\\/"}',
    "empty": "{}",
    "trailing": '{"a": 1} x',
    "nan": '{"a": NaN}',
    "comment": '{"a": 1 /* c */}',
    "only-nulls": '{"a": [null]}',
    "mixed": '{"a": [1, "x"]}',
    "mixed-numbers": '{"a": [1, 1.5]}',
    "mixed-widths": '{"a": [1, 2147483648]}',
    "object-and-text": '{"a": [{"b": 1}, "x"]}',
}


def expanded() -> Iterator[Case]:
    for nulls in ("ignore", "optional_bytes"):
        config = {"table.expand.json.payload": "true", "table.json.payload.null.behavior": nulls}
        for name, document in DOCUMENTS.items():
            yield case(f"expanded-{nulls}/{name}", ROUTER, config, [event(document)])
        yield case(f"expanded-{nulls}/rows", ROUTER, config, ROWS)
        placement = {**config, "table.fields.additional.placement": "type:header,tenant:envelope"}
        yield case(
            f"expanded-{nulls}/placed",
            ROUTER,
            placement,
            [FULL[0], event('{"z": "y"}', i32(1), "t", None, None, of=EXTRA)],
        )
    config = {"table.expand.json.payload": "true"}
    yield case("expanded/bytes", ROUTER, config, [event(binary(b"{}"), of=outbox(schema("bytes")))])
    renamed = {**config, "table.field.event.payload": "type"}
    yield case("expanded/other-column", ROUTER, renamed, [PLAIN])
    yield case("expand-list/top", ROUTER, config, [event('[{"a": 1}]')])
    yield case("expand-list/numbers", ROUTER, config, [event("[1, 2]")])
    yield case("expand-number/too-large", ROUTER, config, [event('{"a": 9223372036854775808}')])
    yield case("expand-number/other-width", ROUTER, config, [event('{"a": [{"b": 1}, {"b": 1.5}]}')])
    yield case(
        "expand-adjusted/avro",
        ROUTER,
        {**config, "field.name.adjustment.mode": "avro"},
        [event('{"1-a": 1, "b.c": 2, "d": 3}')],
    )
    yield case(
        "expanded/adjusted-valid", ROUTER, {**config, "field.name.adjustment.mode": "avro"}, [event(DOCUMENTS["flat"])]
    )


def traced() -> Iterator[Case]:
    of = outbox(tracingspancontext=OPTIONAL_TEXT)
    context = "#Tue Nov 14\ntraceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\ntracestate=a\\=b\n"
    yield case("traced/router", ROUTER, {}, [event("x", context, of=of)])
    tracing = "io.debezium.transforms.tracing.ActivateTracingSpan"
    yield case("traced/alone", tracing, {}, [event("x", context, of=of, headers=[["traceparent", data(TEXT, "old")]])])
    records = [event("x", None, of=of), event("x", "other=1", of=of), PLAIN, TOMBSTONE, *OTHERS[:4]]
    yield case("tracing/nothing", tracing, {}, records)
    yield case(
        "tracing/other-column",
        tracing,
        {"tracing.span.context.field": "nothing", "tracing.operation.name": "x"},
        [event("x", context, of=of)],
    )
    yield case("tracing/router", ROUTER, {"tracing.with.context.field.only": "true"}, records[:3])


def decoded() -> Iterator[Case]:
    def content(text: str) -> Any:
        return binary(text.encode())

    for nulls in ("true", "false"):
        for name, document in DOCUMENTS.items():
            yield case(f"decode-{nulls}/{name}", DECODE, {"fields.null.include": nulls}, [message(content(document))])
    order = '{"id": "1", "aggregatetype": "order", "aggregateid": "42", "payload": {"a": 1}}'
    yield case("decode/outbox", DECODE, {}, [message(content(order)), *CHANGES[:3], *OTHERS[:2]])
    yield case("decode/no-schema", DECODE, {}, [TOMBSTONE])
    yield case("decode/list", DECODE, {}, [message(content("[1]"))])
    yield case("decode/null", DECODE, {}, [message(None)])
    yield case("decode/empty", DECODE, {}, [message(content(""))])
    text = struct_schema({"prefix": OPTIONAL_TEXT, "content": OPTIONAL_TEXT}, optional=True)
    of = {
        **MESSAGE,
        "fields": [
            {"name": f["name"], "schema": text if f["name"] == "message" else f["schema"]} for f in MESSAGE["fields"]
        ],
    }
    encoded = base64.b64encode(order.encode()).decode()
    yield case("decode/base64", DECODE, {}, [message(encoded, of=of)])


def refused() -> Iterator[Case]:
    for name, config in {
        "one-part": {"table.fields.additional.placement": "type"},
        "four-parts": {"table.fields.additional.placement": "a:header:b:c"},
        "odd-place": {"table.fields.additional.placement": "type:body"},
        "regex": {"route.topic.regex": "("},
        "bad-group": {"route.topic.replacement": "${nothing}"},
        "behavior": {"table.op.invalid.behavior": "ignore"},
        "nulls": {"table.json.payload.null.behavior": "keep"},
        "missing": {"table.field.additional.missing": "warn"},
    }.items():
        yield case(f"refused/{name}", ROUTER, config, ROWS[:1])


def cases() -> Iterator[Case]:
    for part in (routed, placed, expanded, traced, decoded, refused):
        yield from part()
