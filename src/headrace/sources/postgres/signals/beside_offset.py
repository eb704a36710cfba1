"""Offsets that carry, beside the stream's position, how far a snapshot is that runs beside the stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.sources.postgres.offsets import BLOCKING_KEY, INCREMENTAL_KEYS, SIGNALS_KEY, LazyOffset

_OURS = (*INCREMENTAL_KEYS, BLOCKING_KEY, SIGNALS_KEY, "snapshot", "last_snapshot_record", "snapshot_completed")


class BesideOffset(LazyOffset):
    """The position of `base` with the keys `extra`, and those that `more` gives when somebody reads it."""

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
