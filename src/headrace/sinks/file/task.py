"""The task: a line per record, on the disk before its offset is committed. After a crash lines may come twice, never be missing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from headrace import __version__
from headrace.data import SinkRecord
from headrace.errors import ConnectException
from headrace.sinks.file.lines import line_of
from headrace.spi import SinkTask
from headrace.spi.context import TopicPartition


class FileStreamSinkTask(SinkTask):
    """Writes a batch with one call."""

    def __init__(self) -> None:
        self._file: BinaryIO | None = None

    @classmethod
    def version(cls) -> str:
        return __version__

    def start(self, props: Mapping[str, str]) -> None:
        path = props.get("file")
        if not path:
            self._file = open(os.dup(sys.stdout.fileno()), "ab", buffering=0)  # noqa: SIM115
            return
        try:
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise ConnectException(
                f"The file {path} cannot be found or made: {error.strerror}.",
                code="FILE_UNWRITABLE",
                field="file",
                remedy="Name a file in a folder that the worker's user may write to.",
            ) from error
        if _ends_within_a_line(path):
            # A full disk cut the last write short: its records come again, on lines of their own.
            self._file.write(b"\n")

    def put(self, records: Sequence[SinkRecord]) -> None:
        if not records:
            return
        assert self._file is not None
        rest = memoryview(b"".join([line_of(record.value_schema, record.value) for record in records]))
        while rest:
            rest = rest[self._file.write(rest) :]

    def flush(self, offsets: Mapping[TopicPartition, int]) -> None:
        assert self._file is not None
        try:
            os.fsync(self._file.fileno())
        except OSError:
            # A terminal or pipe has nothing to make durable.
            if os.path.isfile(self._file.name):
                raise

    def stop(self) -> None:
        if self._file is not None:
            self._file.close()


def _ends_within_a_line(path: str) -> bool:
    if not os.path.isfile(path) or not os.path.getsize(path):
        return False
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
