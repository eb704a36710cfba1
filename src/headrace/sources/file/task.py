"""The task: reads the file in large pieces, splits them into lines, waits at the end.

A line ends with a line feed, a carriage return or both. Its offset is the number of bytes before the next line, so that a restart
goes on there; what has no line end yet waits. A file that became shorter than the position is an error: the lines before it are
not those that were read.
"""

from __future__ import annotations

import itertools
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Final

from headrace import __version__
from headrace.data import STRING_SCHEMA, SourceRecord
from headrace.errors import ConnectException
from headrace.spi import SourceTask

FILENAME: Final = "filename"
POSITION: Final = "position"
_PIECE: Final = 1 << 20
_WAIT_S: Final = 0.25
_LINE_END: Final = re.compile(rb"\r\n|\n|\r(?=[\s\S])").finditer
"""A carriage return that is the last byte waits: a line feed may follow."""


class FileStreamSourceTask(SourceTask):
    """Hands over each line as a string without key."""

    def __init__(self) -> None:
        self._file: BinaryIO | None = None
        self._stop = threading.Event()
        self._rest = b""
        """What was read behind the last complete line."""
        self._position = 0
        """Where `_rest` begins in the file."""

    @classmethod
    def version(cls) -> str:
        return __version__

    def start(self, props: Mapping[str, str]) -> None:
        self._path = props["file"]
        self._topic = props["topic"]
        # As in Kafka, at least one line is handed over, whatever the setting is.
        self._limit = max(1, int(props.get("batch.size", "2000")))
        self._partition = {FILENAME: self._path}

    def poll(self) -> Sequence[SourceRecord] | None:
        records = self._lines()
        if not records:
            self._stop.wait(_WAIT_S)
        return records

    def _lines(self) -> list[SourceRecord]:
        if self._file is None and not self._open():
            return []
        assert self._file is not None
        records: list[SourceRecord] = []
        while len(records) < self._limit and not self._stop.is_set():
            if not self._take(records):
                piece = self._file.read(_PIECE)
                if not piece:
                    self._check_length()
                    break
                self._rest += piece
        return records

    def _open(self) -> bool:
        try:
            self._file = open(self._path, "rb", buffering=0)  # noqa: SIM115
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ConnectException(
                f"The file {self._path} cannot be read: {error.strerror}.",
                code="FILE_UNREADABLE",
                field="file",
                remedy="Let the worker's user read it.",
            ) from error
        stored = self.context.offset_reader.offset(self._partition)
        position: Any = (stored or {}).get(POSITION) or 0
        if not isinstance(position, int):
            raise ConnectException(f"The stored {POSITION} {position!r} is no number.", code="OFFSET_INVALID")
        self._position, self._rest = position, b""
        self._check_length()
        self._file.seek(position)
        return True

    def _check_length(self) -> None:
        assert self._file is not None
        length = os.fstat(self._file.fileno()).st_size
        if length < self._position:
            raise ConnectException(
                f"The file {self._path} has {length} bytes, but {self._position} were read: it was cut or replaced.",
                code="FILE_CUT",
                field="file",
                remedy="Reset the connector's offsets to read it from the start.",
            )

    def _take(self, records: list[SourceRecord]) -> bool:
        """Move complete lines out of `_rest`, up to the limit; False when there is none."""
        rest, at, now = self._rest, 0, time.time_ns() // 1_000_000
        for end in itertools.islice(_LINE_END(rest), self._limit - len(records)):
            offset = {POSITION: self._position + end.end()}
            line = rest[at : end.start()].decode("utf-8", "replace")
            records.append(
                SourceRecord(self._partition, offset, self._topic, None, None, None, STRING_SCHEMA, line, now)
            )
            at = end.end()
        self._rest = rest[at:]
        self._position += at
        return at > 0

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
