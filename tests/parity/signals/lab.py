"""Runs a scenario of signals, and takes out of its events what is by chance."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tests.parity.stream.lab import Lab
from tests.parity.stream.normal import Form, Normal
from tests.parity.workload.sides import Datum, Event

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


class SignalsLab(Lab):
    """Knows the steps that wait for notifications."""

    def _execute(self, statements: Iterable[str]) -> None:
        first = next(iter(statements), "")
        word, _, rest = first.partition(" ")
        if word == "COMPLETED":
            self._until(lambda: self._told_of("COMPLETED") >= int(rest))
        elif word == "TOLD":
            type, _, count = rest.partition(" ")
            self._until(lambda: self._told_of(type) >= int(count))
        else:
            super()._execute(statements)

    def _streaming(self) -> bool:
        # Debezium takes signals only once it has told that it streams.
        return super()._streaming() and self._told_of("SKIPPED") + self._told_of("COMPLETED") > 0

    def _told_of(self, type: str) -> int:
        return sum(1 for event in self._events if event.topic == "notes" and event.value.payload["type"] == type)


def form(events: list[Event], failure: str | None) -> Form:
    """What a golden holds."""
    return Normal([_plain(event) for event in events]).form(failure)


def _plain(event: Event) -> Event:
    value = event.value.payload
    if event.topic == "notes":
        value = {**value, "timestamp": 0}
    elif value and (value.get("source") or {}).get("snapshot") == "incremental":
        # The moment the row is handed out, in nanoseconds where Java's clock has them.
        micros = value["source"]["ts_us"]
        value = {**value, "source": {**value["source"], "ts_ns": micros * 1000, "ts_ms": micros // 1000}}
    return event._replace(
        key=Datum(event.key.schema, _without_chance(event.key.payload)),
        value=Datum(event.value.schema, _without_chance(value)),
    )


def _without_chance(content: Any) -> Any:
    if isinstance(content, str):
        return _MOMENT.sub("<moment>", _UUID.sub("<uuid>", content))
    if isinstance(content, dict):
        return {name: _without_chance(one) for name, one in content.items()}
    if isinstance(content, list):
        return [_without_chance(one) for one in content]
    return content
