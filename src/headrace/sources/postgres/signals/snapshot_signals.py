"""Signals that the stream brings while a broken snapshot catches up: they are heard when the snapshot is complete, and the offsets hold
them until then."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Mapping
from typing import Any

from headrace.cdc.signals.payload import Signal
from headrace.native import pgoutput
from headrace.sources.postgres.offsets import SIGNALS_KEY
from headrace.sources.postgres.tables import TableCodec

logger = logging.getLogger(__name__)


def pending_signals(offset: Mapping[str, Any]) -> list[Signal]:
    """Those that an offset holds."""
    text = offset.get(SIGNALS_KEY)
    if not text:
        return []
    try:
        return [Signal(id, type, data) for id, type, data in json.loads(text)]
    except (ValueError, TypeError) as error:
        logger.warning("The signals in the offset cannot be read and are given up: %s", error)
        return []


class HeldSignals:
    """`stored`: the offset that the snapshot goes on from."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self._signals = pending_signals(stored)

    def keys(self) -> dict[str, str]:
        """For the offsets."""
        if not self._signals:
            return {}
        return {SIGNALS_KEY: json.dumps([one[:3] for one in self._signals], ensure_ascii=False)}

    def watched(self, codec: TableCodec) -> TableCodec:
        """A codec of a signalling table that takes note of its inserted rows."""
        twin, decode_new = copy.copy(codec), codec.decode_new

        def decode(payload: bytes, pos: int) -> tuple[list[Any], int]:
            row, end = decode_new(payload, pos)
            if payload[25] == pgoutput.INSERT:
                self._take(row[: codec.value_count])
            return row, end

        twin.decode_new = decode
        return twin

    def _take(self, values: list[Any]) -> None:
        if len(values) != 3:
            return
        id, type, data = (value if value is None or isinstance(value, str) else str(value) for value in values)
        signal = Signal(id, type, data)
        # What was handed out without becoming durable comes again.
        if signal not in self._signals:
            self._signals.append(signal)
