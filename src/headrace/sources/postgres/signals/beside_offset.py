"""Offsets that carry, beside the stream's position, how far a snapshot is that runs beside the stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headrace.sources.postgres.offsets import BLOCKING_KEY, INCREMENTAL_KEYS, SIGNALS_KEY

_OURS = (*INCREMENTAL_KEYS, BLOCKING_KEY, SIGNALS_KEY, "snapshot", "last_snapshot_record", "snapshot_completed")


class BesideOffset(Mapping[str, Any]):
    """The position of `base` with the keys `extra`, and those that `more` gives when somebody reads it: few records' offsets are."""

    __slots__ = ("_base", "_extra", "_more")

    def __init__(
        self, base: Mapping[str, Any], extra: Mapping[str, Any], more: Callable[[], Mapping[str, Any]] | None = None
    ) -> None:
        self._base = base
        self._extra = extra
        self._more = more

    def as_dict(self) -> dict[str, Any]:
        made = {key: value for key, value in self._base.items() if key not in _OURS}
        made.update(self._extra)
        if self._more is not None:
            made.update(self._more())
        return made

    def __getitem__(self, key: str) -> Any:
        return self.as_dict()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    def __len__(self) -> int:
        return len(self.as_dict())

    def __repr__(self) -> str:
        return repr(self.as_dict())
