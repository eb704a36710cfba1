"""The column forms of converters beside their answers: what one gives for a value or a datum, where it gives anything, must be that answer."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from headrace.data import Schema
from headrace.data.columns import layout_of
from headrace.native import core
from headrace.spi.converter import Column
from tests.parity import neutral

Form = dict[str, Any]


def check_encoding(
    converter: Any, topic: str, data: Sequence[tuple[Schema | None, Any]], answers: Sequence[Form]
) -> int:
    """Marks the answers that a column differs from; how many of them there was a column for."""
    done = 0
    for (schema, value), answer in zip(data, answers, strict=True):
        layout = None if schema is None or value is None else layout_of(schema)
        if layout is None:
            continue
        try:
            column = core.Column.of(layout, [value])
        except core.DeclinedError:
            continue
        if column.values(layout) != [value] and "nan" not in repr(value):
            continue  # not that value: a struct of another schema
        encoded = converter.encode_column(topic, schema, column)
        if encoded is not None:
            done += 1
            (made,) = encoded
            _compare(answer, base64.b64encode(made).decode())
    return done


def check_decoding(converter: Any, topic: str, data: Sequence[bytes | None], answers: Sequence[Form]) -> int:
    """As `check_encoding`."""
    done = 0
    for datum, answer in zip(data, answers, strict=True):
        runs = converter.decode_column(topic, Column([datum]))
        if runs is None:
            continue
        done += 1
        ((_, schema, values),) = runs
        layout = None if schema is None else layout_of(schema)
        value = None if values is None or layout is None else values.values(layout)[0]
        _compare(answer, neutral.data_form(None if value is None else schema, value))
    return done


def _compare(answer: Form, made: Any) -> None:
    if "ok" not in answer or answer["ok"] != made:
        answer["column"] = made
