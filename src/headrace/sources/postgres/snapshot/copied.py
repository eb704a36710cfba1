"""What a chunk is read by: COPY's text format, row by row as lines, or columns by way of the Rust core.

The core reads the binary format where every column's type has a binary form that it knows; else the text format. Values that it does not
take for certain come as lines, too, for the Python decoder, whose codec may be another one afterwards: so reading stops there until that is known.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headrace.errors import ConnectException
from headrace.native import core
from headrace.sources.postgres.snapshot.chunks import Chunk
from headrace.sources.postgres.tables import TableCodec
from headrace.sources.postgres.types.wires import wires_of
from headrace.systems.postgres.copying import CopySession

if TYPE_CHECKING:
    from headrace.native._core import Column, CopyReader

_LINGER_S: Final = 0.005
"""How long a piece that is not full waits for more rows."""
_SHORT_BYTES: Final = 1 << 17
_LAZY_S: Final = 0.0005
"""After a short read of a chunk that is no small one the socket's buffer is let fill: waking for each packet costs as much again."""
_STOPS: Final = 16
_ROWS_PER_STOP: Final = 8
"""A stop costs about as much as decoding so many rows in Python."""


class Piece(NamedTuple):
    """Rows that arrived: as `columns`, one for each output of the codec, or as `lines` of the text format. `size`: their bytes.
    `stops`: nothing more is read until it is told by which codec to go on. `ends`: the chunk is known to end with it."""

    total: int
    columns: list[Column] | None
    lines: list[bytes] | None
    size: int
    stops: bool = False
    ends: bool = False


class Copy:
    """One COPY, read as lines."""

    def __init__(self, statement: str) -> None:
        self.statement = statement

    def read(self, session: CopySession, max_bytes: int, timeout_s: float) -> Piece | None:
        """The next rows; None when none came within `timeout_s`, or at the end. Raises the product's errors."""
        lines = session.read(max_bytes, timeout_s)
        return Piece(len(lines), None, lines, sum(map(len, lines)), ends=not session.copying) if lines else None

    def go_on(self, codec: TableCodec | None) -> None:
        """The rows from here on are those of `codec`."""


class NativeCopy(Copy):
    """Read by the Rust core. `rows`: the most of one piece."""

    def __init__(self, statement: str, reader: CopyReader, rows: int) -> None:
        super().__init__(statement)
        self._reader = reader
        self._rows = rows
        self._native = True
        self._made = self._stops = self._received = 0
        self._lazy = False

    def read(self, session: CopySession, max_bytes: int, timeout_s: float) -> Piece | None:
        try:
            return self._read(session, max_bytes, timeout_s)
        except core.DeclinedError as error:
            raise ConnectException(
                f"The server's COPY data cannot be read: {error}.",
                code="PG_COPY_UNREADABLE",
                remedy="Set HEADRACE_IMPL=python, and report it with the types of the table's columns.",
            ) from error

    def _read(self, session: CopySession, max_bytes: int, timeout_s: float) -> Piece | None:
        reader = self._reader
        while True:
            while True:
                found = reader.decode(self._rows, max_bytes, False)
                if found is not None:
                    return self._piece(*found)
                message = reader.message()
                if message is None:
                    break
                session.message(*message)
                if not session.copying:
                    return None
            kept = reader.kept
            if self._lazy:
                time.sleep(_LAZY_S)
            received = session.receive(max_bytes, _LINGER_S if kept else timeout_s)
            self._received += len(received)
            self._lazy = 0 < len(received) < _SHORT_BYTES < self._received
            if received:
                reader.feed(received)
            else:
                found = reader.decode(self._rows, max_bytes, True)
                return None if found is None else self._piece(*found)

    def _piece(self, count: int, columns: Any, lines: Any, size: int) -> Piece:
        if lines is None:
            self._made += count
            return Piece(count, columns, None, size)
        self._stops += 1
        return Piece(count, None, lines, size, self._native)

    def go_on(self, codec: TableCodec | None) -> None:
        # Where rows are refused all the time, they all go the other way.
        in_vain = self._stops >= _STOPS and self._made < self._stops * _ROWS_PER_STOP
        plan = None if codec is None or in_vain else codec.native
        self._native = plan is not None
        self._reader.go_on(plan)


class Copies:
    """Chooses how chunks are read. `server_version` as server_version_num. `plain`: sessions have settings of the user's, so that values
    have to be taken as the server shows them."""

    def __init__(self, server_version: int, *, plain: bool = False) -> None:
        self._server_version = server_version
        self._plain = plain

    def copy(self, chunk: Chunk, codec: TableCodec, rows: int) -> Copy:
        """A new COPY of the chunk. `rows`: the most of one piece."""
        statement = chunk.copy_statement(codec.copy_columns)
        plan = None if core is None else codec.native
        if plan is None:
            return Copy(statement)
        # A SELECT of the user's may give other types than the table has; their texts are what counts then.
        texts = self._plain or chunk.table.query is not None
        wires = None if texts else wires_of(codec.copy_types, self._server_version)
        reader = core.CopyReader(plan, codec.copy_sources, wires)
        return NativeCopy(statement if wires is None else f"{statement} (FORMAT binary)", reader, rows)
