"""Decodes the rows of chunks, with the second chances the stream's rows have too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from headrace.errors import DataException
from headrace.sources.postgres.shapes import TableShape
from headrace.sources.postgres.snapshot.counts import SnapshotCounts
from headrace.sources.postgres.tables import TableCodec
from headrace.sources.postgres.types.type_plan import StaleEnum

logger = logging.getLogger(__name__)


class RowDecoder:
    """`open_table` compiles a shape; `refresh_enum(oid, open_ended)` reads an enum's labels anew or takes any; `on_failure`:
    event.processing.failure.handling.mode."""

    def __init__(
        self,
        open_table: Callable[[TableShape], TableCodec],
        refresh_enum: Callable[[int, bool], None],
        counts: SnapshotCounts,
        on_failure: str,
    ) -> None:
        self.open_table = open_table
        self._refresh_enum = refresh_enum
        self._counts = counts
        self._on_failure = on_failure

    def rows(self, codec: TableCodec, lines: Sequence[bytes]) -> Iterator[tuple[TableCodec, list[list[Any]]]]:
        """The rows of COPY lines in lumps, with the codec that decoded them, which is the one to go on with. DataException for a row that
        cannot be carried, where the setting is fail."""
        decode, rows = codec.decode_copy, []
        for line in lines:
            try:
                rows.append(decode(line))
            except (DataException, StaleEnum) as error:
                if rows:
                    yield codec, rows
                    rows = []
                codec, row = self._once_more(codec, line, error)
                decode = codec.decode_copy
                if row is not None:
                    rows.append(row)
        if rows:
            yield codec, rows

    def _once_more(self, codec: TableCodec, line: bytes, error: Exception) -> tuple[TableCodec, list[Any] | None]:
        """As the stream does: fresh enum labels, then value by value, then as the setting says."""
        shape = codec.shape
        for open_ended in (False, True):
            if not isinstance(error, StaleEnum):
                break
            self._refresh_enum(error.oid, open_ended)
            codec = self.open_table(shape)
            try:
                return codec, codec.decode_copy(line)
            except (DataException, StaleEnum) as later:
                error = later
        try:
            return codec, codec.slow().decode_copy(line)
        except DataException as failure:
            self._counts.erroneous += 1
            if self._on_failure == "fail":
                raise
            if self._on_failure == "warn":
                logger.error("A row of %s is left out of the snapshot: %s", shape.name, failure)
            return codec, None
