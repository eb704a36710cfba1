"""Signals of channels that give each signal once: kept until an offset tells of them, acknowledged when that offset is durable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.cdc.signals.channels import Channel
from headrace.cdc.signals.payload import Signal


class TakenSignals:
    """Calls: `took` while a poll runs, `handed` at its end; `again` when it failed."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = channels
        self._taken: list[Signal] = []
        self._read = False
        self._told_at: dict[str, Any] | None = None

    def took(self, signals: Sequence[Signal]) -> None:
        """These have been read, and nothing else knows of them yet."""
        self._taken += signals
        self._read = self._read or bool(signals)

    def again(self) -> list[Signal]:
        """Those to be processed again: the offsets that the source goes on from do not tell of them."""
        taken, self._taken = self._taken, []
        return taken

    def handed(self, offset: Mapping[str, Any] | None) -> None:
        """The poll has ended; `offset` was handed over last and tells of all that was taken."""
        self._taken.clear()
        if self._read and offset is not None:
            self._read, self._told_at = False, dict(offset)

    def committed(self, offset: Mapping[str, Any]) -> None:
        """Everything up to `offset` is durable."""
        told = self._told_at
        if told is not None and (_place(offset) > _place(told) or dict(offset) == told):
            self._told_at = None
            for channel in self._channels:
                channel.acknowledge()


def _place(offset: Mapping[str, Any]) -> tuple[int, int, int]:
    lsn = offset.get("lsn") or 0
    return offset.get("lsn_commit") or lsn, lsn, offset.get("lsn_events_processed") or 0
