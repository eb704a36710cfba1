"""Records that the corpora of transforms share, in groups by what is special about them."""

from __future__ import annotations

from typing import Any

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
    record,
    row,
    schema,
    struct_schema,
)

MOMENT = 1_600_000_000_123
TYPES: dict[str, Form] = {
    "i8": schema("int8"), "i16": schema("int16"), "i32": schema("int32"), "i64": schema("int64"),
    "f32": schema("float32"), "f64": schema("float64"), "flag": schema("boolean"), "text": schema("string"),
    "raw": schema("bytes"), "dec": logical("Decimal", 2), "day": logical("Date"), "clock": logical("Time"),
    "at": logical("Timestamp"), "list": array_schema(schema("int32")),
    "pairs": map_schema(schema("string"), schema("int32")),
    "inner": struct_schema({"a": schema("int32"), "b": schema("string", optional=True)}, name="shop.Inner"),
}  # fmt: skip
VALUES: list[Any] = [
    i8(-7), i16(300), i32(70_000), i64(5_000_000_000), f32(1.5), f64(2.25), True, "12", binary(b"\0\1\xff"),
    decimal("12.34"), date(18_000 * 86_400_000), date(3_723_004), date(MOMENT), array(i32(1), i32(2)),
    mapping({"a": i32(1)}), row(i32(9), "in"),
]  # fmt: skip
OTHERS: list[Any] = [
    i8(127), i16(-1), i32(-(2**31)), i64(2**63 - 1), f32(3.3), f64("NaN"), False, "Grüße 😀", binary(b""),
    decimal("-0.01"), date(0), date(0), date(-1), array(), mapping([]), row(i32(0), None),
]  # fmt: skip
META: Form = {"version": 3, "doc": "all types", "parameters": {"p": "q"}}


def optional(form: Form) -> Form:
    return {**form, "optional": True}


FULL = struct_schema(TYPES, name="shop.Full", **META)
OPTIONAL = struct_schema({name: optional(form) for name, form in TYPES.items()}, name="shop.Optional", optional=True)
DEFAULTS = struct_schema(
    {
        # A struct that is a default cannot be of its field's schema, which has that default.
        name: optional(form)
        if name == "inner"
        else {**form, "default": value, **({"optional": True} if at % 2 else {})}
        for at, ((name, form), value) in enumerate(zip(TYPES.items(), VALUES, strict=True))
    }
)
NONE: list[Any] = [None] * len(TYPES)
NESTED = struct_schema(
    {
        "id": schema("int32"),
        "in": struct_schema(
            {
                "x": schema("int64", default=i64(5)),
                "deep": struct_schema({"y": schema("string"), "z.z": schema("int8", optional=True)}, optional=True),
            },
            optional=True,
        ),
        "must": struct_schema({"m": schema("int32"), "n": schema("string", optional=True, default="dflt")}),
        "tail": schema("boolean", optional=True),
    },
    name="shop.Nested",
)
WITH_DEFAULT = struct_schema(
    {"a": schema("int32"), "s": struct_schema({"b": schema("string"), "c": schema("int32", optional=True)})},
    default=row(i32(1), row("d", None)),
    optional=True,
)
LOOSE = mapping(
    {
        "i64": i64(70_000), "f64": f64(2.5), "flag": True, "text": "12", "none": None, "list": array(i64(1), "x"),
        "inner": mapping({"a": i64(1), "b": mapping({"c": "deep"}), "e": mapping([])}), "": "empty name",
    }
)  # fmt: skip
UNICODE = struct_schema({"größe": schema("int32"), "名 前": schema("string"), "a.b": schema("string", optional=True)})
GROUPS: dict[str, list[Form]] = {
    "full": [data(FULL, row(*VALUES)), data(FULL, row(*OTHERS))],
    "nulls": [data(OPTIONAL, row(*NONE)), data(OPTIONAL, row(*VALUES)), data(OPTIONAL, None)],
    "defaults": [data(DEFAULTS, row(*NONE)), data(DEFAULTS, row(*OTHERS))],
    "unset": [data(FULL, row(*VALUES[:7], None, *VALUES[8:])), data(FULL, row(*NONE))],
    "nested": [
        data(NESTED, row(i32(1), row(i64(2), row("why", i8(3))), row(i32(4), None), True)),
        data(NESTED, row(i32(1), row(None, None), row(i32(4), "n"), None)),
        data(NESTED, row(i32(1), None, row(i32(4), "n"), None)),
    ],
    "default": [
        data(WITH_DEFAULT, row(i32(5), row("x", i32(6)))),
        data(WITH_DEFAULT, row(i32(5), row("x", None))),
        data(WITH_DEFAULT, None),
    ],
    "loose": [data(None, LOOSE), data(None, mapping([]))],
    "nothing": [data(None, None), data(schema("string", optional=True), None), data(schema("string"), None)],
    "plain": [
        data(schema("string", name="n", version=2), "text"),
        data(schema("int64", optional=True, default=i64(4)), i64(1)),
        data(array_schema(schema("string", optional=True)), array("a", None)),
        data(map_schema(schema("string"), schema("int32")), mapping({"k": i32(1)})),
        data(logical("Decimal", 3), decimal("1.500")),
    ],
    "bare": [data(None, "text"), data(None, i64(5)), data(None, array("x")), data(None, True), data(None, f64(0.5))],
    "unicode": [data(UNICODE, row(i32(1), "ü", "dot")), data(struct_schema({}, name="Empty"), row())],
}
"""Keys or values by what is special about them."""
HEADERS = [["h", data(schema("string"), "one")], ["x", data(None, i64(1))], ["h", data(schema("int32"), i32(2))]]


def sided(group: list[Form], side: str, **rest: Any) -> list[Form]:
    """Records with these on the side that a transform works on, something plain on the other."""
    other = data(schema("string"), "other")
    if side == "Key":
        return [record("topic", other, form, timestamp=MOMENT, **rest) for form in group]
    return [record("topic", form, other, timestamp=MOMENT, **rest) for form in group]
