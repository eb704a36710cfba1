"""Answers a request as the oracle does, with headrace's plugins, found by the same class names in the registry."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from headrace.errors import HeadraceError
from headrace.spi.converter import Column
from headrace.spi.plugins import PluginKind, PluginRegistry
from tests.parity import neutral
from tests.parity.frame import columns, group

Form = dict[str, Any]


@cache
def _registry() -> PluginRegistry:
    return PluginRegistry.discover()


def _error(stage: str, error: Exception) -> Form:
    own = isinstance(error, HeadraceError)
    kinds = [c.__name__ for c in type(error).__mro__] if own else []
    return {"error": {"stage": stage, "class": type(error).__name__, "kinds": kinds, "message": str(error)}}


def _each(items: Sequence[Any], call: Callable[[Any], Any]) -> Form:
    answers: list[Form] = []
    for item in items:
        try:
            answers.append({"ok": call(item)})
        except Exception as error:
            answers.append(_error("apply", error))
    return {"ok": answers}


def _make(kind: PluginKind, request: Form, **extra: str) -> Any:
    instance = _registry().load(kind, request["class"])()
    instance.configure({**extra, **request.get("config", {})})
    return instance


def _records(request: Form) -> list[Any]:
    reader = neutral.Reader()
    return [reader.record(form, request.get("record_class", "source")) for form in request["records"]]


def _transform(request: Form) -> Form:
    records = _records(request)
    try:
        transform = _make(PluginKind.TRANSFORMATION, request)
    except Exception as error:
        return _error("configure", error)
    before = [neutral.record_form(record) for record in records]
    answer = _each(records, lambda record: neutral.record_form(transform.apply(record)))
    transform.close()
    for one, given, record in zip(answer["ok"], before, records, strict=True):
        if neutral.record_form(record) != given:
            # No original's answer says so: the transform changed what another chain may still read.
            one["changed"] = True
    if all("ok" in one for one in answer["ok"]):
        _check_batch(request, answer["ok"])
    return answer


def _check_batch(request: Form, single: list[Form]) -> None:
    """The batch method must agree with the single one; what tells of a difference is an answer no original gives."""
    transform = _make(PluginKind.TRANSFORMATION, request)
    together = [neutral.record_form(record) for record in transform.apply_batch(_records(request))]
    transform.close()
    for one, batch in zip(single, together, strict=True):
        if one["ok"] != batch:
            one["batch"] = batch


def _predicate(request: Form) -> Form:
    records = _records(request)
    try:
        predicate = _make(PluginKind.PREDICATE, request)
    except Exception as error:
        return _error("configure", error)
    answer = _each(records, predicate.test)
    predicate.close()
    return answer


def _converter(request: Form) -> Any:
    kind = request.get("kind", "value")
    plugin = PluginKind.HEADER_CONVERTER if kind == "header" else PluginKind.CONVERTER
    return _make(plugin, request, **{"converter.type": kind})


def _from_connect(request: Form) -> Form:
    reader, topic = neutral.Reader(), request.get("topic", "topic")
    data = [reader.data(form) for form in request["data"]]
    try:
        converter = _converter(request)
    except Exception as error:
        return _error("configure", error)

    def one(item: tuple[Any, Any]) -> str | None:
        if request.get("kind") == "header":
            made = converter.from_connect_header(topic, "header", *item)
        else:
            made = converter.from_connect_data(topic, *item)
        return None if made is None else base64.b64encode(made).decode()

    answer = _each(data, one)
    if request.get("kind") != "header" and all("ok" in each for each in answer["ok"]):
        together = converter.encode_batch(topic, [schema for schema, _ in data], [value for _, value in data])
        for each, made in zip(answer["ok"], together, strict=True):
            batch = None if made is None else base64.b64encode(made).decode()
            if each["ok"] != batch:
                each["batch"] = batch
    if request.get("kind") != "header":
        columns.check_encoding(converter, topic, data, answer["ok"])
    return answer


def _to_connect(request: Form) -> Form:
    topic = request.get("topic", "topic")
    try:
        converter = _converter(request)
    except Exception as error:
        return _error("configure", error)

    def one(item: str | None) -> Form:
        content = None if item is None else base64.b64decode(item)
        if request.get("kind") == "header":
            return neutral.data_form(*converter.to_connect_header(topic, "header", content))
        return neutral.data_form(*converter.to_connect_data(topic, content))

    answer = _each(request["data"], one)
    if request.get("kind") != "header" and all("ok" in each for each in answer["ok"]):
        column = Column([None if item is None else base64.b64decode(item) for item in request["data"]])
        for each, made in zip(answer["ok"], converter.decode_batch(topic, column), strict=True):
            batch = neutral.data_form(*made)
            if each["ok"] != batch:
                each["batch"] = batch
    if request.get("kind") != "header":
        given = [None if item is None else base64.b64decode(item) for item in request["data"]]
        columns.check_decoding(converter, topic, given, answer["ok"])
    return answer


_CALLS: dict[str, Callable[[Form], Form]] = {
    "transform": _transform,
    "predicate": _predicate,
    "from_connect": _from_connect,
    "to_connect": _to_connect,
    "group_encode": lambda request: _each(request["items"], group.encode),
    "group_decode": lambda request: _each(request["items"], group.decode),
}


def answer(request: Form) -> Form:
    """headrace's answer, in the oracle's form; an error has `kinds` too: its class and the bases of headrace it has."""
    return _CALLS[request["op"]](request)
