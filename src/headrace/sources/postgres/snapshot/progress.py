"""How far a snapshot is, kept in its records' offsets. Pure.

One key beside Debezium's, `snapshot_progress`, holds JSON: what of which table has been read, and how far the stream has been
followed for it. Debezium passes the key over and takes an unfinished snapshot anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from headrace.errors import ConfigException
from headrace.sources.postgres.offsets import LazyOffset
from headrace.sources.postgres.snapshot.spans import Spans

PROGRESS_KEY: Final = "snapshot_progress"
_VERSION: Final = 1


class PartialTable:
    """A table of which some is read. `parts`: done spans of blocks by relation (`oid/filenode`); for a table read by its key, the one
    part "" with the numbers of the ranges between `bounds` of the columns `key`; `source`: a digest of the SELECT that was read."""

    __slots__ = ("bounds", "key", "parts", "source")

    def __init__(
        self,
        parts: dict[str, Spans] | None = None,
        key: Sequence[str] = (),
        bounds: Sequence[Sequence[str]] = (),
        source: str = "",
    ) -> None:
        self.parts = parts or {}
        self.key = tuple(key)
        self.bounds = [list(bound) for bound in bounds]
        self.source = source

    def frozen(self) -> PartialTable:
        """A copy that later progress does not change."""
        return PartialTable(
            {name: spans.copy() for name, spans in self.parts.items()}, self.key, self.bounds, self.source
        )

    def as_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"parts": {name: spans.as_lists() for name, spans in self.parts.items() if spans}}
        if self.key:
            out["key"], out["bounds"] = list(self.key), self.bounds
        if self.source:
            out["source"] = self.source
        return out

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> PartialTable:
        parts = {str(name): Spans(spans) for name, spans in data["parts"].items()}
        bounds = [[str(text) for text in bound] for bound in data.get("bounds", [])]
        return cls(parts, [str(name) for name in data.get("key", [])], bounds, str(data.get("source", "")))


class Progress:
    """What of which table is done, by `table_id`. `stream`: the offset up to which changes of what is done have been handed out; empty
    when none of it is known. `shape`: a digest of the settings that shape records: under others nothing counts as done."""

    def __init__(self, stream: Mapping[str, Any], shape: str = "") -> None:
        self.stream = stream
        self.shape = shape
        self.done: list[str] = []
        self.oids: list[int] = []
        """Of the tables in `done`: one that was dropped and made again under its name is another table. 0 for not known."""
        self.partial: dict[str, PartialTable] = {}

    def finish_table(self, table: str, oid: int = 0) -> None:
        """All of the table is read."""
        self.partial.pop(table, None)
        self.done.append(table)
        self.oids.append(oid)

    def forget_replaced(self, present: Mapping[str, int]) -> list[str]:
        """Count tables that are done as not read where `present` (oid by table) has another oid; their names."""
        known = list(zip(self.done, self.oids, strict=True))
        kept = [(table, oid) for table, oid in known if not oid or present.get(table, oid) == oid]
        self.done, self.oids = [table for table, _ in kept], [oid for _, oid in kept]
        return [table for table, oid in known if (table, oid) not in kept]

    def mark(self) -> ProgressMark:
        """The present state, for offsets."""
        frozen = {name: part.frozen() for name, part in self.partial.items()}
        return ProgressMark(self.stream, self.shape, self.done, self.oids, len(self.done), frozen)

    @classmethod
    def of(cls, offset: Mapping[str, Any]) -> Progress | None:
        """From a stored offset; None when it has none. ConfigException OFFSET_INVALID for one that cannot be read."""
        text = offset.get(PROGRESS_KEY)
        if text is None:
            return None
        try:
            data = json.loads(text)
            if data["v"] != _VERSION:
                raise ValueError(f"version {data['v']}")
            progress = cls({str(key): value for key, value in data["stream"].items()}, str(data["shape"]))
            progress.done = [str(name) for name in data["done"]]
            progress.oids = [int(oid) for oid in data.get("oids", [0] * len(progress.done))]
            if len(progress.oids) != len(progress.done):
                raise ValueError("oids and done are of different lengths")
            progress.partial = {str(n): PartialTable.of_json(part) for n, part in data["partial"].items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigException(
                f"Offset key {PROGRESS_KEY} cannot be read: {error}",
                code="OFFSET_INVALID",
                field=f"offsets.{PROGRESS_KEY}",
                remedy="Leave the key out: then the snapshot is taken anew.",
            ) from error
        return progress


class ProgressMark:
    """The progress at one moment; written as text when somebody reads it."""

    __slots__ = ("_count", "_done", "_oids", "_partial", "_shape", "_stream", "_text")

    def __init__(
        self,
        stream: Mapping[str, Any],
        shape: str,
        done: list[str],
        oids: list[int],
        count: int,
        partial: dict[str, PartialTable],
    ) -> None:
        # The lists only grow, so their first `count` items stay what they are.
        self._stream, self._shape, self._done, self._oids, self._count = stream, shape, done, oids, count
        self._partial = partial
        self._text: str | None = None

    def text(self, stream: Mapping[str, Any] | None = None) -> str:
        """As JSON; `stream` in place of the progress's own."""
        if stream is None and self._text is not None:
            return self._text
        data = {
            "v": _VERSION,
            "stream": dict(self._stream if stream is None else stream),
            "shape": self._shape,
            "done": self._done[: self._count],
            "oids": self._oids[: self._count],
            "partial": {name: part.as_json() for name, part in self._partial.items()},
        }
        text = json.dumps(data, separators=(",", ":"))
        if stream is None:
            self._text = text
        return text


class SnapshotOffset(LazyOffset):
    """The offset of a row of an unfinished snapshot: `base` and the progress. `stream`: of a change that was handed out while the snapshot catches up."""

    __slots__ = ("_base", "_mark", "_stream")

    def __init__(self, base: Mapping[str, Any], mark: ProgressMark, stream: Mapping[str, Any] | None = None) -> None:
        self._base = base
        self._mark = mark
        self._stream = stream

    def as_dict(self) -> dict[str, Any]:
        return {**self._base, PROGRESS_KEY: self._mark.text(self._stream)}

    def __iter__(self) -> Iterator[str]:
        return iter((*self._base, PROGRESS_KEY))

    def __len__(self) -> int:
        return len(self._base) + 1


def table_id(schema: str, table: str) -> str:
    """A table's name in progress; unlike `schema.table` never the same for two tables."""
    plain = f"{schema}.{table}"
    return plain if "." not in schema and "." not in table else json.dumps([schema, table])
