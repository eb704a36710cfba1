"""The preparer: what of an append needs no place in the log, such as compression, is done on a thread of its own, while the appender's
waits for the disk with the units before."""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import Final, Protocol

from headrace.log.spi import EncodedBatch, Producer

PREPARED_FROM: Final = 64 << 10
"""Units of fewer bytes are not worth the hand-over."""


class Stage(Enum):
    """Of a unit in the appender's queue."""

    RAW = "raw"
    PREPARING = "preparing"
    READY = "ready"
    APPENDING = "appending"


class Unit(Protocol):
    """What is prepared: its batches are replaced."""

    batches: Sequence[EncodedBatch]
    size: int
    stage: Stage


class Preparer:
    """`queue`: the appender's, from the unit that is appended next on; `changed`: its lock, told of what is put into the queue, of
    stages that change, and of `close`."""

    def __init__(self, producer: Producer, queue: deque[Unit], changed: threading.Condition) -> None:
        self._producer = producer
        self._queue = queue
        self._changed = changed
        self._thread: threading.Thread | None = None
        self._closing = False
        self._useful = type(producer).prepare is not Producer.prepare

    def enter(self, unit: Unit) -> None:
        """Say whether the unit, which is about to be queued, waits for being prepared."""
        if not self._useful or unit.size < PREPARED_FROM:
            unit.stage = Stage.READY
            return
        if self._thread is None:
            run = contextvars.copy_context().run
            self._thread = threading.Thread(target=run, args=(self._work,), name="headrace-prepare", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread; what it is at is finished."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while (unit := self._next()) is None and not self._closing:
                    self._changed.wait()
                if unit is None or self._closing:
                    return
                unit.stage = Stage.PREPARING
            batches = unit.batches
            try:
                batches = [self._producer.prepare(batch) for batch in batches]
            except Exception:
                # The append of what was not prepared fails of the same, where it is known what to do about it.
                pass
            with self._changed:
                unit.batches, unit.stage = batches, Stage.READY
                self._changed.notify_all()

    def _next(self) -> Unit | None:
        """The next unit that nobody has begun with; the very first one is the appender's, which is free."""
        for place, unit in enumerate(self._queue):
            if unit.stage is Stage.RAW:
                return unit if place else None
        return None
