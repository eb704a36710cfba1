"""How signals come beside the source's own table: from a file, from a topic, from the worker's REST interface.

Source: Debezium's io.debezium.pipeline.signal.channels; its JMX channel is REST here.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from headrace.cdc.signals.payload import Signal
from headrace.spi.context import TopicReader

logger = logging.getLogger(__name__)

CHANNELS = ("source", "kafka", "file", "jmx", "in-process")
"""What signal.enabled.channels takes; jmx and in-process are the worker's REST interface here."""


class Channel(Protocol):
    def read(self) -> list[Signal]:
        """What has come since the last call; returns at once."""

    def acknowledge(self) -> None:
        """What was read is stored with the offsets: it need not be read again."""

    def close(self) -> None: ...


class FileChannel:
    """A file with one JSON object a line, which is emptied as it is read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Signal]:
        if not self._path.is_file():
            return []
        try:
            with self._path.open("r+b") as file:
                text = file.read()
                if text:
                    file.truncate(0)
        except OSError as error:
            logger.warning("The signal file %s cannot be read: %s", self._path, error)
            return []
        lines = text.decode(errors="replace").splitlines()
        return [signal for line in lines if line.strip() and (signal := parsed(line, "file", data_required=True))]

    def acknowledge(self) -> None:
        pass

    def close(self) -> None:
        pass


class TopicChannel:
    """A topic of the worker's log; only records whose key is the server's logical name count."""

    def __init__(self, reader: TopicReader, server: str) -> None:
        self._reader = reader
        self._server = server

    def read(self) -> list[Signal]:
        found = []
        for key, value in self._reader.read():
            name = None if key is None else key.decode(errors="replace")
            if name != self._server:
                logger.info("A signal with key %r is not for %r.", name, self._server)
            elif value:
                signal = parsed(value.decode(errors="replace"), "kafka")
                if signal is not None:
                    found.append(signal)
        return found

    def acknowledge(self) -> None:
        self._reader.commit()

    def close(self) -> None:
        self._reader.close()


class QueueChannel:
    """Signals another thread puts in."""

    def __init__(self) -> None:
        self._waiting: deque[Signal] = deque()
        self.arrived = threading.Event()

    def put(self, signal: Signal) -> None:
        """Thread-safe."""
        self._waiting.append(signal)
        self.arrived.set()

    def put_back(self, signals: Sequence[Signal]) -> None:
        """Those that were read and have come to nothing, to be read again before all others."""
        if signals:
            self._waiting.extendleft(reversed(signals))
            self.arrived.set()

    def read(self) -> list[Signal]:
        self.arrived.clear()
        found = []
        while self._waiting:
            found.append(self._waiting.popleft())
        return found

    def acknowledge(self) -> None:
        pass

    def close(self) -> None:
        pass


def parsed(text: str, channel: str, *, data_required: bool = False) -> Signal | None:
    """A signal of JSON `{"id", "type", "data"}`; None, and a warning, for anything else."""
    try:
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
        if data_required and not {"id", "type", "data"} <= set(found):
            raise ValueError("id, type or data is missing")
    except ValueError as error:
        logger.warning("A signal from the %s channel is passed over: %s", channel, error)
        return None
    data = found.get("data")
    shown = data if isinstance(data, str) else None if data is None else json.dumps(data)
    return Signal(_text(found.get("id")), _text(found.get("type")), shown, channel)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
