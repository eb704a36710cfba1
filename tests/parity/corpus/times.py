"""TimestampConverter and TimestampRouter: every form of time to every other, and SimpleDateFormat's letters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.parity.corpus._records import GROUPS, MOMENT, sided
from tests.parity.forms import Form, data, date, i32, i64, logical, mapping, record, row, schema, struct_schema

CONVERTER = "org.apache.kafka.connect.transforms.TimestampConverter$"
ROUTER = "org.apache.kafka.connect.transforms.TimestampRouter"
DAY = 86_400_000
ISO = "yyyy-MM-dd'T'HH:mm:ss.SSS"
TARGETS = ("string", "unix", "Date", "Time", "Timestamp")
PRECISIONS = ("seconds", "milliseconds", "microseconds", "nanoseconds")
MILLIS = (
    0,
    -1,
    1,
    DAY - 1,
    DAY,
    -DAY,
    MOMENT,
    -MOMENT,
    253_402_300_799_999,
    -62_135_596_800_000,
    -12_219_292_800_000,
    -12_219_292_800_001,
)
TEXT = schema("string")
FIELDS: dict[str, tuple[Form, Any]] = {
    "at": (logical("Timestamp"), date(MOMENT)), "day": (logical("Date"), date(DAY * 400)), "clock": (logical("Time"), date(3_600_001)),
    "unix": (schema("int64"), i64(MOMENT)), "text": (TEXT, "2020-02-30T25:00:00.5"), "int": (schema("int32"), i32(5)), "flag": (schema("boolean"), True),
}  # fmt: skip
FORMATS = (
    "yyyy-MM-dd HH:mm:ss.SSS", "yyyyMMdd", "yyyyMMddHHmmssSSS", "yyyy-MM-dd'T'HH:mm:ss.SSSZ", "EEE, d MMM yyyy hh:mm:ss a z", "EEEE dd. MMMM yy G",
    "YYYY-'W'ww-u", "yyyy-DDD", "yyyy-MM W E", "yyyy-MM F EEE", "h:mm a", "kk:mm", "KK:mm a", "yyyy-MM-dd'T'HH:mm:ssX", "yyyy-MM-dd'T'HH:mm:ssXX",
    "yyyy-MM-dd'T'HH:mm:ssXXX", "LLL yyyy", "LLLL", "M/d/yy", "y", "yyy", "yyyyy", "G yyyy", "'o''clock' HH", "''yyyy''", "w", "W", "D", "E", "u", "a", "S", "SS",
    "ss", "MMM", "MMMM", "YY", "zzzz", "Z", "yyyy/MM/dd/HH", "'year='yyyy/'month='MM", "yyyy_ww_E", "HHmm", "yyyyMM", "dd.MM.yyyy HH:mm", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
)  # fmt: skip
TEXTS = (
    "2020-01-02", "2020-13-45", "2020-1-1 and", "  2020-01-02", "20200102", "202001", "2020-01-02 10:11:12.123", "2020-01-02T10:11:12.123+0530",
    "2020-01-02T10:11:12Z", "2020-01-02T10:11:12+02", "2020-01-02T10:11:12+02:30", "2020-01-02T10:11:12-0230", "2020-01-02T10:11:12.5Z",
    "Sun, 13 Sep 2020 12:26:40 PM UTC", "Sun, 13 Sep 2020 12:26:40 am PST", "Sun, 13 Sep 2020 12:26:40 AM GMT+2:00", "Sun, 13 Sep 2020 12:26:40 AM GMT",
    "Sun, 13 Sep 2020 12:26:40 AM EDT", "Sunday 13. September 20 AD", "Monday 13. sept 99 BC", "2020-W05-3", "2020-W53-9", "2020-W1-0", "2020-366", "2020-02 3 Fri",
    "2020-02 -1 Fri", "2020-02 5 Mon", "12:30 am", "12:30 PM", "24:10", "25:10", "0:00 PM", "13:00 PM", "Feb 2020", "February", "May", "1/2/03", "12/31/99", "1/1/1",
    "5", "123", "BC 0001", "AD 1500", "AD 1582", "o'clock 5", "'2020'", "53", "-3", "1E2", "Wed", "Wednesday", "3", "8", "0", "-1", "PM", "1500-02-29", "1582-10-10",
    "1582-10-15", "0000-01-01", "2020-02-30", "2020-00-00", "x", "", "   ", "2020/01/01", "20", "00", "1999", "+0100", "-0100", "UTC", "PST", "CET", "31/12/1999 23:59",
    "31.12.1999 23:59", "1 AM", "2359", "2", "year=2020/month=11", "2020_05_Sat", "2020/02/03/04",
)  # fmt: skip
BAD = {
    "no target": {}, "target": {"target.type": "date"}, "no format": {"target.type": "string"}, "blank format": {"target.type": "string", "format": " "},
    "letters": {"target.type": "string", "format": "yyyy-bb"}, "quote": {"target.type": "string", "format": "'open"}, "XXXX": {"target.type": "string", "format": "XXXX"},
    "precision": {"target.type": "unix", "unix.precision": "days"}, "unused format": {"target.type": "unix", "format": "n"}, "empty precision": {"target.type": "unix", "unix.precision": ""},
}  # fmt: skip
EXPLAINED = {
    "far/*": "dates here are of the years 1 to 9999: what is outside of these is refused where a Date, Time or Timestamp is asked for",
    "whole/Date seconds": "as for far/*",
    "whole/Timestamp seconds": "as for far/*",
    "group/default * at": "the default of a struct's schema shows its own schema without that default",
    **dict.fromkeys(
        ("format/W", "format/yyyy-MM W E", "format/yyyy-MM F EEE"),
        "the weeks of October 1582, which has 21 days, count as those of any month",
    ),
    "router/bad*": "a pattern that is wrong is refused when it is configured, not at the first record",
}


def _converter(name: str, config: dict[str, str], records: list[Form], side: str = "Value") -> dict[str, Any]:
    return {"id": name, "op": "transform", "class": CONVERTER + side, "config": config, "records": records}


def _forms_of_time() -> list[Form]:
    texts = ("2020-09-13T12:26:40.123", "1969-12-31T23:59:59.999", "2020-01-01", "nonsense", "")
    forms = [data(logical("Timestamp"), date(ms)) for ms in MILLIS if ms >= -62_135_596_800_000]
    forms += [data(logical("Date"), date(ms // DAY * DAY)) for ms in MILLIS] + [
        data(logical("Time"), date(ms)) for ms in (0, 1, DAY - 1)
    ]
    forms += [data(schema("int64", optional=True), i64(ms)) for ms in MILLIS] + [data(TEXT, text) for text in texts]
    forms += [data(None, date(MOMENT)), data(None, i64(MOMENT)), *(data(None, text) for text in texts)]
    return forms


def cases() -> Iterator[dict[str, Any]]:
    struct = struct_schema({name: form for name, (form, _) in FIELDS.items()}, name="S", optional=True)
    nullable = struct_schema(
        {name: {**form, "optional": True, "default": value} for name, (form, value) in FIELDS.items()}
    )
    values = [value for _, value in FIELDS.values()]
    rows = [
        data(struct, row(*values)),
        data(struct, None),
        data(nullable, row(*[None] * len(values))),
        data(nullable, row(*values)),
    ]
    rows.append(
        data(None, mapping({**{name: value for name, (_, value) in FIELDS.items() if name != "int"}, "null": None}))
    )
    for target in TARGETS:
        for precision in PRECISIONS:
            config = {"target.type": target, "format": ISO, "unix.precision": precision}
            yield _converter(f"whole/{target} {precision}", config, sided(_forms_of_time(), "Value"))
        for name in (*FIELDS, "null", "nosuch"):
            config = {"target.type": target, "format": ISO, "field": name}
            yield _converter(f"field/{name} {target}", config, sided(rows, "Value"))
            if name in ("at", "text"):
                yield _converter(
                    f"keep/{name} {target}", {**config, "replace.null.with.default": "false"}, sided(rows, "Value")
                )
                yield _converter(f"key/{name} {target}", config, sided(rows, "Key"), "Key")
        for group, forms in GROUPS.items():
            for field in ("", "at") if group in ("nothing", "bare", "plain", "loose") else ("at",):
                config = {"target.type": target, "format": ISO, "field": field}
                yield _converter(f"group/{group} {target} {field}", config, sided(forms, "Value"))
        without = [data(TEXT, "2020"), data(None, "2020"), data(None, i64(1)), data(schema("int64"), i64(2**62))]
        if target != "string":
            yield _converter(f"no format/{target}", {"target.type": target}, sided(without[:3], "Value"))
            for precision in PRECISIONS[:2]:
                config = {"target.type": target, "unix.precision": precision}
                yield _converter(
                    f"{'far' if target in ('Date', 'Timestamp') else 'near'}/{target} {precision}",
                    config,
                    sided(without[3:], "Value"),
                )
    far = [data(schema("int64"), i64(ms)) for ms in (*MILLIS, 10**15, -(10**15))]
    for pattern in FORMATS:
        config = {"target.type": "string", "format": pattern}
        yield _converter(f"format/{pattern}", config, sided(far, "Value"))
        texts = [data(TEXT, text) for text in TEXTS]
        yield _converter(f"parse/{pattern}", {"target.type": "unix", "format": pattern}, sided(texts, "Value"))
        route = {"topic.format": "${topic}/${timestamp}$1\\", "timestamp.format": pattern}
        records = [record("a.b", data(TEXT, "v"), timestamp=ms) for ms in (0, MOMENT, 253_402_300_800_000, None)]
        yield {"id": f"router/{pattern}", "op": "transform", "class": ROUTER, "config": route, "records": records}
    for name, config in BAD.items():
        yield _converter(f"bad/{name}", config, sided([data(schema("int64"), i64(1))], "Value"))
    records = [
        record("a$b\\c", data(TEXT, "v"), timestamp=MOMENT),
        record("${timestamp}", data(TEXT, "v"), timestamp=0),
    ]
    for name, config in {
        "default": {}, "fixed": {"topic.format": "x"}, "twice": {"topic.format": "${topic}${topic}-${timestamp}${timestamp}"}, "empty": {"timestamp.format": ""},
        "bad letters": {"timestamp.format": "bb"}, "bad quote": {"timestamp.format": "'"},
    }.items():  # fmt: skip
        yield {"id": f"router/{name}", "op": "transform", "class": ROUTER, "config": config, "records": records}
