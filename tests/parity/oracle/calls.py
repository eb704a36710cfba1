"""What the oracle can be asked. Each call takes a request and gives `{"ok": …}` or `{"error": {"stage", "class", "message"}}`."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import jpype
from codec import HashMap, Reader, String, data_form, record_form
from definitions import configdef, validate
from engine import engine_start, engine_stop, engine_take
from group import decode, encode
from jpype import JArray, JByte, JClass

Answer = dict[str, Any]
_IDENTITY = re.compile(r"@[0-9a-f]{4,8}\b")


def describe(error: BaseException) -> dict[str, str]:
    """Class and message of an exception; what differs from run to run (the addresses of objects) is left out."""
    if isinstance(error, jpype.JException):
        name, message = str(error.getClass().getName()), str(error.getMessage())
    else:
        name, message = type(error).__name__, str(error)
    return {"class": name, "message": _IDENTITY.sub("@…", message)}


def java_map(config: dict[str, Any]) -> Any:
    result = HashMap()
    for name, value in config.items():
        result.put(name, None if value is None else String(str(value)))
    return result


def configured(request: Answer, *arguments: Any) -> Any:
    instance = JClass(request["class"])()
    instance.configure(java_map(request.get("config", {})), *arguments)
    return instance


def _each(items: list[Any], call: Callable[[Any], Any]) -> Answer:
    answers: list[Answer] = []
    for item in items:
        try:
            answers.append({"ok": call(item)})
        except jpype.JException as error:
            answers.append({"error": {"stage": "apply", **describe(error)}})
    return {"ok": answers}


def _with(request: Answer, make: Callable[[], Any], use: Callable[[Any], Answer]) -> Answer:
    try:
        instance = make()
    except jpype.JException as error:
        return {"error": {"stage": "configure", **describe(error)}}
    try:
        return use(instance)
    finally:
        if hasattr(instance, "close"):
            instance.close()


def _records(request: Answer) -> list[Any]:
    reader = Reader()
    return [reader.record(form, request.get("record_class", "source")) for form in request["records"]]


def transform(request: Answer) -> Answer:
    """`records` through one instance of `class`, in order."""
    records = _records(request)
    return _with(
        request, lambda: configured(request), lambda t: _each(records, lambda record: record_form(t.apply(record)))
    )


def predicate(request: Answer) -> Answer:
    """One truth value for each of `records`."""
    records = _records(request)
    return _with(request, lambda: configured(request), lambda p: _each(records, lambda record: bool(p.test(record))))


def _converter(request: Answer) -> Any:
    kind = request.get("kind", "value")
    if kind == "header":
        return configured({**request, "config": {"converter.type": "header", **request.get("config", {})}})
    return configured(request, kind == "key")


def from_connect(request: Answer) -> Answer:
    """Each of `data` to bytes (base64, null for null). `kind`: key, value (as when absent) or header."""
    reader, topic = Reader(), request.get("topic", "topic")
    data = [reader.data(form) for form in request["data"]]

    def use(converter: Any) -> Answer:
        def one(item: tuple[Any, Any]) -> str | None:
            if request.get("kind") == "header":
                made = converter.fromConnectHeader(topic, "header", *item)
            else:
                made = converter.fromConnectData(topic, *item)
            return None if made is None else base64.b64encode(bytes(made)).decode()

        return _each(data, one)

    return _with(request, lambda: _converter(request), use)


def to_connect(request: Answer) -> Answer:
    """Each of `data` (base64 or null) to schema and value."""
    topic = request.get("topic", "topic")

    def use(converter: Any) -> Answer:
        def one(item: str | None) -> Any:
            content = None if item is None else JArray(JByte)(base64.b64decode(item))
            if request.get("kind") == "header":
                made = converter.toConnectHeader(topic, "header", content)
            else:
                made = converter.toConnectData(topic, content)
            # SimpleHeaderConverter answers null for the text null; ConnectHeaders takes that for no schema and no value.
            return data_form(None, None) if made is None else data_form(made.schema(), made.value())

        return _each(request["data"], one)

    return _with(request, lambda: _converter(request), use)


CALLS: dict[str, Callable[[Answer], Answer | str]] = {
    "transform": transform,
    "predicate": predicate,
    "from_connect": from_connect,
    "to_connect": to_connect,
    "configdef": configdef,
    "validate": validate,
    "group_encode": lambda request: _each(request["items"], encode),
    "group_decode": lambda request: _each(request["items"], decode),
    "engine_start": engine_start,
    "engine_take": engine_take,
    "engine_stop": engine_stop,
}
