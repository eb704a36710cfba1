"""Compares two events of the same place in the streams.

Left out is what tells of the connector itself and its clock: source.version, the envelope's ts_ms, ts_us, ts_ns, the run id header; in a
snapshot also its position and time, since each connector takes its own.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from tests.parity.frame.compare import differences_of
from tests.parity.workload.sides import Datum, Event

_CLOCK = ("ts_ms", "ts_us", "ts_ns")
_SNAPSHOT = (*_CLOCK, "lsn", "txId", "sequence", "xmin")
_RUN_ID = "__debezium.context.runId"
_OLD_KEY = "__debezium.oldkey"
_PLACEHOLDER = "__debezium_unavailable_value"
_HIGH_SURROGATES = [chr(code) for code in range(0xD800, 0xDC00)]
_HIDDEN = re.compile(r"\*+|[0-9a-f]{64}")


class Differ:
    """Remembers which schemas are equal, so that each pair is looked at once.

    `settings`: the connectors'. `explained` counts the events in which values differ on purpose, all of them long ones that an update left
    alone: in a row with a new key ours has them, as no earlier record of that key does; where binary.handling.mode makes text of bytea,
    Debezium has null, as if the value had been deleted; and a mask makes of its placeholder what no sink can tell from a value. Also ours masks
    texts that Debezium leaves open (citext), and cuts no character in halves."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._placeholders = _placeholders(settings.get("unavailable.value.placeholder", _PLACEHOLDER))
        self._masked = any(key.startswith(("column.mask.", "column.truncate.")) for key in settings)
        self.explained = 0
        self._equal: dict[tuple[int, int], tuple[Any, Any]] = {}

    def differences(self, theirs: Event, ours: Event) -> list[str]:
        """Where they differ; empty when nowhere."""
        found: list[str] = []
        for name in ("topic", "partition", "timestamp", "source"):
            found += differences_of(name, getattr(theirs, name), getattr(ours, name))
        found += self._datum("key", theirs.key, ours.key)
        found += self._datum("value", _settled(theirs.value), self._explained(theirs, _settled(ours.value)))
        found += differences_of("headers", [name for name, _ in theirs.headers], [name for name, _ in ours.headers])
        if not found:
            for (name, one), (_, other) in zip(theirs.headers, ours.headers, strict=True):
                if name == _RUN_ID:
                    one, other = one._replace(payload=None), other._replace(payload=None)
                found += self._datum(f"headers.{name}", one, other)
        return found + _offsets(theirs.offset, ours.offset)

    def _explained(self, theirs: Event, ours: Datum) -> Datum:
        """Ours with theirs where it is meant to differ."""
        one, other = theirs.value.payload, ours.payload
        if not isinstance(one, dict) or not isinstance(other, dict):
            return ours
        moved = any(name == _OLD_KEY for name, _ in theirs.headers)
        changed: dict[str, Any] = {}
        for side in ("before", "after"):
            rows = one.get(side), other.get(side)
            if rows[0] and rows[1] and rows[0] != rows[1]:
                meant = {name: value for name, value in rows[0].items() if self._meant(value, rows[1].get(name), moved)}
                if meant:
                    changed[side] = {**rows[1], **meant}
        self.explained += bool(changed)
        return ours._replace(payload={**other, **changed}) if changed else ours

    def _meant(self, theirs: Any, ours: Any, moved: bool) -> bool:
        """Whether these values of a field differ on purpose."""
        if theirs == ours:
            return False
        if (moved or ours in self._placeholders) and (theirs is None or theirs in self._placeholders):
            return True
        if not self._masked or not isinstance(ours, str):
            return False
        if theirs is not None and theirs[-1:] in _HIGH_SURROGATES:
            return bool(ours == theirs[:-1])
        return moved or ours in self._placeholders or _HIDDEN.fullmatch(ours) is not None

    def _datum(self, place: str, theirs: Datum, ours: Datum) -> list[str]:
        found: list[str] = []
        if theirs.payload != ours.payload:
            found = differences_of(place, theirs.payload, ours.payload)
        pair = (id(theirs.schema), id(ours.schema))
        if pair not in self._equal:
            wrong = differences_of(f"{place} schema", _open_scale(theirs.schema), ours.schema)
            if wrong:
                return found + wrong
            # Holding both keeps their ids from being given away.
            self._equal[pair] = (theirs.schema, ours.schema)
        return found


def _open_scale(schema: Any) -> Any:
    """Without the length of a numeric column that has none: Debezium gives it one in the stream, not in the snapshot."""
    if not isinstance(schema, dict) or "fields" not in schema:
        return schema
    if schema.get("name") == "io.debezium.data.VariableScaleDecimal" and "parameters" in schema:
        kept = {name: value for name, value in schema["parameters"].items() if name != "truncateLength"}
        bare = {name: value for name, value in schema.items() if name != "parameters"}
        return {**bare, "parameters": kept} if kept else bare
    return {**schema, "fields": [{**field, "schema": _open_scale(field["schema"])} for field in schema["fields"]]}


def _settled(datum: Datum) -> Datum:
    payload = datum.payload
    if isinstance(payload, dict) and payload.get("data_collections"):
        return datum._replace(payload=_named_collections(payload))
    if not isinstance(payload, dict) or "source" not in payload:
        return datum
    source = {name: value for name, value in payload["source"].items() if name != "version"}
    if source.get("snapshot") not in ("false", None):
        source = {name: value for name, value in source.items() if name not in _SNAPSHOT}
    return datum._replace(
        payload={**{name: value for name, value in payload.items() if name not in _CLOCK}, "source": source}
    )


def _named_collections(payload: dict[str, Any]) -> dict[str, Any]:
    # Debezium counts logical messages under the address of an object, which no two runs share.
    tables = [one for one in payload["data_collections"] if "LogicalDecodingMessageId@" not in one["data_collection"]]
    tables = [one for one in tables if one["data_collection"] != "LOGICAL_DECODING_MESSAGE"]
    return {**payload, "data_collections": tables}


def _offsets(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """Ours may stand behind theirs, so that the records of one change come again together; or at the end of the transaction, with its last
    record. Where both stand at one place they must say the same of it."""
    if "snapshot" in theirs or "snapshot" in ours:
        return differences_of("offset.snapshot", theirs.get("snapshot"), ours.get("snapshot"))
    commit, own = theirs.get("lsn_commit", 0), ours.get("lsn_commit", 0)
    if ours.get("messageType") == "COMMIT":
        return []
    # Before the first commit behind a snapshot Debezium has none to tell, ours has the snapshot's position.
    if own > commit and "lsn_commit" in theirs:
        return [f"offset.lsn_commit: theirs {commit}, ours beyond it at {own}"]
    same = ours["lsn"] == theirs["lsn"] and ours["messageType"] == theirs["messageType"]
    names = ("txId", "ts_usec") if same else ()
    return [line for name in names for line in differences_of(f"offset.{name}", theirs.get(name), ours.get(name))]


def _placeholders(text: str) -> list[Any]:
    """The placeholder in the forms it takes: text, bytes in each handling mode, arrays of numbers."""
    raw = text.encode()
    encoded = (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex())
    return [text, *encoded, list(raw), [text]]
