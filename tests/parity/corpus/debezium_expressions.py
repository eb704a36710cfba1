"""Debezium's Filter and ContentBasedRouter: many expressions for one record, expressions in use for every kind of record, settings.

Recording needs the script engines; see README.md, section Script engines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.parity.corpus import _expressions as lists
from tests.parity.forms import (
    array,
    array_schema,
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
NEEDS_SCRIPT_ENGINES = True
FILTER = "io.debezium.transforms.Filter"
ROUTER = "io.debezium.transforms.ContentBasedRouter"
LANGUAGES = {"groovy": "jsr223.groovy", "js": "jsr223.graal.js"}
TEXT, OPTIONAL_TEXT = schema("string"), schema("string", optional=True)
CITY = struct_schema({"name": OPTIONAL_TEXT, "zip": schema("int32", optional=True)}, optional=True)
ROW = struct_schema(
    {
        "id": schema("int32"),
        "n64": schema("int64"),
        "big": schema("int64"),
        "n16": schema("int16"),
        "f32": schema("float32"),
        "f64": schema("float64"),
        "dec": logical("Decimal", 2),
        "name": TEXT,
        "flag": schema("boolean"),
        "nul": OPTIONAL_TEXT,
        "empty": TEXT,
        "zero": schema("int32"),
        "tags": array_schema(TEXT),
        "m": map_schema(TEXT, TEXT),
        "city": CITY,
        "gone": CITY,
        "dt": logical("Timestamp"),
        "max": schema("int32"),
        "dflt": schema("int32", optional=True, default=i32(7)),
        "schema": TEXT,
        "nan": schema("float64"),
    },
    optional=True,
)
OLD = struct_schema({"id": schema("int32")}, optional=True)
SOURCE = struct_schema({"schema": TEXT, "table": TEXT, "db": TEXT, "snapshot": OPTIONAL_TEXT})
KEY = struct_schema({"id": schema("int32")}, name="t.Key")
ENVELOPE = struct_schema(
    {"before": OLD, "after": ROW, "source": SOURCE, "op": TEXT, "ts_ms": schema("int64", optional=True)},
    name="srv.t.Envelope",
)
NUMBERS = (i32(2), i64(2), i64(9007199254740993), i16(2), f32(1.1), f64(2.5), decimal("10.50"))
REST = (
    array("a", "b"),
    mapping({"k": "v"}),
    row("Rome", i32(118)),
    None,
    date(1_700_000_000_000),
    i32(2**31 - 1),
    None,
    "col",
    f64("NaN"),
)
FULL = row(*NUMBERS, "Ann Bee", True, None, "", i32(0), *REST)
VALUE = data(ENVELOPE, row(row(i32(2)), FULL, row("public", "t", "d", None), "u", i64(1_700_000_000_000)))
HEADERS = [["h", data(TEXT, "hv")], ["n", data(schema("int64"), i64(5))]]
ONE = record("srv.public.t", VALUE, data(KEY, row(i32(2))), headers=HEADERS)

SMALL_ROW = struct_schema(
    {"id": schema("int64"), "status": OPTIONAL_TEXT, "price": logical("Decimal", 2, optional=True)}, optional=True
)
SMALL = struct_schema({"before": SMALL_ROW, "after": SMALL_ROW, "source": SOURCE, "op": TEXT}, name="srv.t.Envelope")
BEAT = struct_schema({"ts_ms": schema("int64")}, name="io.debezium.connector.common.Heartbeat")

EXPLAINED = {
    "groovy-refused/*": "Not among what is supported: refused when it is configured.",
    "js-refused/*": "Not among what is supported: refused when it is configured.",
    "groovy-never-true/*": "The struct's schema compared with a text, which is never true: refused when it is configured.",
    "events-js/schemaless*": "The original cannot evaluate any expression for a key or value that is no struct.",
}


def small(op: str, before: Any, after: Any, **given: Any) -> Any:
    table = given.pop("table", "orders")
    value = data(SMALL, row(before, after, row("public", table, "shop", None), op))
    return record(f"srv.public.{table}", value, data(KEY, row(i32(1))), **given)


def order(id: int, status: str | None = "paid", price: str | None = "10.50") -> Any:
    return row(i64(id), status, None if price is None else decimal(price))


TOMBSTONE = record("srv.public.orders", None, data(KEY, row(i32(1))))
EVENTS = [
    small("c", None, order(1, "new")),
    small("u", order(2, "new"), order(2, None, None), headers=HEADERS),
    small("d", order(3), None),
    small("r", None, order(1000, "x"), table="customers"),
    TOMBSTONE,
    record("__debezium-heartbeat.srv", data(BEAT, row(i64(5))), data(KEY, row(i32(1)))),
]
SCHEMALESS = [record("srv.public.orders", data(None, mapping({"op": "c", "id": i64(1)})), data(TEXT, "k"))]
GROOVY_IN_USE = (
    "value.op == 'u' && value.before.id == 2",
    "value.op == 'c'",
    "value.op != 'd'",
    "value.after.status == 'paid'",
    "value.after?.status == 'paid'",
    "value.after != null && value.after.id > 1",
    "value.op == 'd' || value.after.price > 5",
    "value.after?.price >= 10.5",
    "value.op in ['c', 'u']",
    "!(value.op in ['d'])",
    "value.source.table == 'orders'",
    "valueSchema.name.endsWith('Envelope') && value.op == 'c'",
    "valueSchema.field('op') != null && value.op == 'r'",
    "topic.startsWith('srv.public') && value != null && value.op == 'c'",
    "topic ==~ /srv\\.public\\.orders/",
    "header.h?.value == 'hv'",
    "header['h'] != null",
    "key.id == 1",
    "value.after?.id % 2 == 0",
    "(value.after ?: value.before).id < 10",
    "value == null || value.op == 'd'",
    "value.before == null",
    "value.before?.status != value.after?.status",
    "value.get('op') == 'c'",
    "value.op",
    "null",
)
JS_IN_USE = (
    "value.op === 'u' && value.before.id === 2",
    "value.op == 'c'",
    "value.op !== 'd'",
    "value.after.status == 'paid'",
    "value.after?.status === 'paid'",
    "value.after != null && value.after.id > 1",
    "value.op === 'd' || value.after.price > 5",
    "value.after?.price >= 10.5",
    "['c', 'u'].includes(value.op)",
    "value.source.table === 'orders'",
    "value.source.schema == 'public'",
    "valueSchema.name().endsWith('Envelope') && value.op === 'c'",
    "topic.startsWith('srv.public') && value.op === 'c'",
    "/srv\\.public\\.orders/.test(topic)",
    "header.h?.value === 'hv'",
    "'h' in header",
    "key.id == 1",
    "value.after?.id % 2 == 0",
    "(value.after || value.before).id < 10",
    "value == null",
    "value.before === null",
    "value.before?.status !== value.after?.status",
    "'op' in value && value.op === 'c'",
    "value.op",
    "undefined",
)
GROOVY_TOPICS = (
    "value.op == 'u' ? 'updates' : null",
    "value.after?.status ?: 'none'",
    "topic + '-' + value.op",
    "value.source.table + '_' + value.source.db",
    '"${topic}-x".toString()',
    '"${topic}-x"',
    "topic.split('\\\\.')[2].toUpperCase()",
    "value.after.id > 10 ? 'big' : 'small'",
    "value.after.id",
    "''",
)
JS_TOPICS = (
    "value.op === 'u' ? 'updates' : null",
    "value.after?.status ?? 'none'",
    "topic + '-' + value.op",
    "`${topic}-${value.source.table}`",
    "topic.split('.')[2].toUpperCase()",
    "value.after.id > 10 ? 'big' : 'small'",
    "value.after.id",
    "''",
)


CHUNK = 6


def lines(block: str) -> list[str]:
    return [line.split(" // ")[0].strip().rstrip(";").removeprefix("return ") for line in block.strip().splitlines()]


def texts(language: str, group: str, block: str, wrapped: str) -> Iterator[Case]:
    """Some lines at a time as the topic: `wrapped` makes a text of each value."""
    found = lines(block)
    for start in range(0, len(found), CHUNK):
        some = found[start : start + CHUNK]
        expression = " + '|' + ".join(wrapped.format(line) for line in some)
        config = {"language": language, "topic.expression": expression}
        yield transform(f"{group}/{' | '.join(some)}", ROUTER, config, [ONE])


def each(language: str, group: str, block: str, wrapped: str = "{}") -> Iterator[Case]:
    """Each line as the topic."""
    for line in lines(block):
        config = {"language": language, "topic.expression": wrapped.format(line)}
        yield transform(f"{group}/{line}", ROUTER, config, [ONE])


def transform(name: str, kind: str, config: dict[str, str], records: list[Any]) -> Case:
    return {"id": name, "op": "transform", "class": kind, "config": config, "records": records}


def values() -> Iterator[Case]:
    groovy, js = LANGUAGES.values()
    yield from texts(groovy, "groovy", lists.GROOVY, "({}).toString()")
    yield from each(groovy, "groovy-failing", lists.GROOVY_FAILING, "({}).toString()")
    yield from each(groovy, "groovy-refused", lists.GROOVY_REFUSED)
    yield from each(groovy, "groovy-invalid", lists.GROOVY_INVALID)
    yield from texts(js, "js", lists.JAVASCRIPT, "String({})")
    yield from each(js, "js-failing", lists.JAVASCRIPT_FAILING, "String({})")
    yield from each(js, "js-refused", lists.JAVASCRIPT_REFUSED)
    yield from each(js, "js-invalid", lists.JAVASCRIPT_INVALID)


def in_use() -> Iterator[Case]:
    for short, conditions, topics in (("groovy", GROOVY_IN_USE, GROOVY_TOPICS), ("js", JS_IN_USE, JS_TOPICS)):
        language = LANGUAGES[short]
        for condition in conditions:
            config = {"language": language, "condition": condition}
            yield transform(f"events-{short}/{condition}", FILTER, config, EVENTS)
        for topic in topics:
            config = {"language": language, "topic.expression": topic}
            yield transform(f"topics-{short}/{topic}", ROUTER, config, EVENTS)
        for mode in ("keep", "drop", "evaluate", "EVALUATE", "odd"):
            config = {"language": language, "condition": "value == null", "null.handling.mode": mode}
            yield transform(f"nulls-{short}/{mode}", FILTER, config, [TOMBSTONE, EVENTS[0]])
        for name, regex in {
            "orders": "srv\\.public\\.orders",
            "all": ".*",
            "part": "orders",
            "broken": "(",
            "empty": "",
        }.items():
            config = {"language": language, "condition": "value.op == 'c'", "topic.regex": regex}
            yield transform(f"regex-{short}/{name}", FILTER, config, EVENTS[:4])
        config = {"language": language, "condition": "value.op == 'c'"}
        yield transform(f"events-{short}/schemaless", FILTER, config, SCHEMALESS)
        config["condition"] = "topic == 'x'"
        yield transform(f"events-{short}/schemaless-topic", FILTER, config, SCHEMALESS)
    yield transform(
        "groovy-never-true/schema",
        FILTER,
        {"language": "jsr223.groovy", "condition": "value.source.schema == 'public'"},
        EVENTS[:1],
    )


def settings() -> Iterator[Case]:
    for name, config in {
        "no-language": {"condition": "true"},
        "no-condition": {"language": "jsr223.groovy"},
        "empty-condition": {"language": "jsr223.groovy", "condition": ""},
        "no-prefix": {"language": "groovy", "condition": "true"},
        "unknown": {"language": "jsr223.ruby", "condition": "true"},
        "syntax": {"language": "jsr223.groovy", "condition": "value.op =="},
        "parenthesis": {"language": "jsr223.groovy", "condition": "(value.op == 'c'"},
        "text": {"language": "jsr223.groovy", "condition": "value.op == 'c"},
        "js-syntax": {"language": "jsr223.graal.js", "condition": "value.op ==="},
        "js-return": {"language": "jsr223.graal.js", "condition": "return value.op === 'c'"},
    }.items():
        yield transform(f"settings/{name}", FILTER, config, EVENTS[:1])


def cases() -> Iterator[Case]:
    for part in (values, in_use, settings):
        yield from part()
