"""The form in which two runs on two databases can be compared: positions and transaction ids by their order, no clock.

A position of a change becomes `E<n>`, of a commit `C<n>`, a transaction `X<n>`: the n-th of its kind in the run. A schema is a digest into
`schemas`; the parts that all envelopes share are told once.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from tests.parity.workload.sides import Datum, Event

Form = dict[str, Any]
_LONG = 300
_CLOCK = ("ts_ms", "ts_us", "ts_ns")
_ID = re.compile(r"(\d+):(\d+)")
_OBJECT = re.compile(r"\$LogicalDecodingMessageId@[0-9a-f]+")


class Normal:
    """Of one run's events."""

    def __init__(self, events: list[Event]) -> None:
        self.schemas: dict[str, Any] = {}
        self._changes: dict[int, str] = {}
        self._commits: dict[int, str] = {}
        self._transactions: dict[int, str] = {}
        self._number(events)
        self.events = [self._event(event) for event in events]

    def form(self, failure: str | None) -> Form:
        """What a golden holds."""
        return {"failed": failure is not None, "events": self.events, "schemas": self.schemas}

    def _number(self, events: list[Event]) -> None:
        changes, commits, transactions = set(), set(), set()
        for event in events:
            payload = event.value.payload or {}
            source = payload.get("source") or {}
            if source.get("snapshot") in ("false", None) and source.get("lsn") is not None:
                changes.add(source["lsn"])
                last = json.loads(source["sequence"])[0]
                commits |= {int(last)} if last is not None else set()
                transactions |= {source["txId"]} if source["txId"] is not None else set()
            if "status" in payload:
                xid, lsn = map(int, payload["id"].split(":"))
                transactions.add(xid)
                (commits if payload["status"] == "END" else changes).add(lsn)
        for found, names, letter in (
            (changes, self._changes, "E"),
            (commits, self._commits, "C"),
            (transactions, self._transactions, "X"),
        ):
            names.update({value: f"{letter}{at}" for at, value in enumerate(sorted(found))})

    def _event(self, event: Event) -> Form:
        value = event.value.payload
        if isinstance(value, dict):
            value = self._envelope(dict(value))
        key = event.key.payload
        if value and "status" in value:
            key = {"id": value["id"]}
            assert event.key.payload["id"] == event.value.payload["id"]
        return {
            "topic": event.topic,
            "partition": event.partition,
            "key": [self._schema(event.key), _short(key)],
            "value": [self._schema(event.value), _short(value)],
            "headers": [[name, self._schema(d), _header(name, d.payload)] for name, d in event.headers],
        }

    def _envelope(self, value: dict[str, Any]) -> dict[str, Any]:
        for name in _CLOCK:
            value.pop(name, None)
        if "status" in value:
            names = self._commits if value["status"] == "END" else self._changes
            value["id"] = self._id(value["id"], names)
            for one in value["data_collections"] or []:
                one["data_collection"] = _OBJECT.sub("@", one["data_collection"])
        if value.get("transaction"):
            value["transaction"] = {
                **value["transaction"],
                "id": self._id(value["transaction"]["id"], self._changes),
            }
        if "source" in value:
            value["source"] = self._source(dict(value["source"]))
        return value

    def _id(self, text: str, names: dict[int, str]) -> str:
        found = _ID.fullmatch(text)
        assert found
        return f"{self._transactions[int(found[1])]}:{names[int(found[2])]}"

    def _source(self, source: dict[str, Any]) -> dict[str, Any]:
        assert source["ts_us"] * 1000 == source["ts_ns"]
        assert source["ts_us"] // 1000 == source["ts_ms"]
        source["db"] = "db"
        source["xmin"] = source["xmin"] and "set"
        for name in (*_CLOCK, "version"):
            source.pop(name)
        if source["snapshot"] not in ("false", None):
            for name in ("lsn", "txId", "sequence"):
                source.pop(name)
        else:
            last, own = json.loads(source["sequence"])
            assert int(own) == source["lsn"]
            source["lsn"] = self._changes[source["lsn"]]
            source["txId"] = source["txId"] and self._transactions[source["txId"]]
            source["sequence"] = last and self._commits[int(last)]
        return source

    def _schema(self, datum: Datum) -> str | None:
        return None if datum.schema is None else self._digest(self._shared(datum.schema))

    def _shared(self, schema: Any) -> Any:
        """Structs within a struct as digests."""
        if not isinstance(schema, dict) or "fields" not in schema:
            return schema
        fields = []
        for one in schema["fields"]:
            inner = self._shared(one["schema"])
            fields.append({**one, "schema": self._digest(inner) if "fields" in inner else inner})
        return {**schema, "fields": fields}

    def _digest(self, schema: Any) -> str:
        text = json.dumps(schema, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:12]
        self.schemas[name] = schema
        return name


def _header(name: str, payload: Any) -> Any:
    return "set" if name in ("__debezium.context.runId", "__debezium.context.taskId") else payload


def _short(content: Any) -> Any:
    """Long values in it as their beginning and digest."""
    if isinstance(content, dict):
        return {name: _short(value) for name, value in content.items()}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if len(text) < _LONG:
        return content
    return f"{text[:40]}… {len(text)} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def differences(theirs: Form, ours: Form) -> Iterator[tuple[str, str]]:
    """(`place`, what differs) for all that differs; a place begins with the event's number."""
    if theirs["failed"] != ours["failed"]:
        yield "failed", f"theirs {theirs['failed']}, ours {ours['failed']}"
    if len(theirs["events"]) != len(ours["events"]):
        yield "count", f"theirs {len(theirs['events'])}, ours {len(ours['events'])}"
    for number, (one, other) in enumerate(zip(theirs["events"], ours["events"], strict=False)):
        yield from _walk(f"{number}", one, other, theirs["schemas"], ours["schemas"])


def _walk(place: str, one: Any, other: Any, theirs: Form, ours: Form) -> Iterator[tuple[str, str]]:
    if isinstance(one, str) and isinstance(other, str) and one != other and one in theirs and other in ours:
        yield from _walk(place, theirs[one], ours[other], theirs, ours)
    elif isinstance(one, dict) and isinstance(other, dict):
        for name in [*one, *(name for name in other if name not in one)]:
            yield from _walk(f"{place}.{name}", one.get(name, "absent"), other.get(name, "absent"), theirs, ours)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for at, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from _walk(f"{place}{_part(place, at, a)}", a, b, theirs, ours)
    elif one != other:
        yield place, f"theirs {json.dumps(one)[:300]} | ours {json.dumps(other)[:300]}"


def _part(place: str, at: int, item: Any) -> str:
    if isinstance(item, dict) and "name" in item and "schema" in item:
        return f"/{item['name']}"
    if place.endswith((".key", ".value")):
        return "" if at else ":schema"
    return f"[{at}]"
