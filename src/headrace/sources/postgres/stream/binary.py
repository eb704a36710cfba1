"""Values in binary format on the stream (`slot.stream.binary`): when they are asked for, and what their forms are.

Only the Rust core reads them. What it does not take of a row, the Python decoder gets as the texts that the server would have sent, so all
values of all captured tables have to be of types whose binary form is known; where one is not, the stream is taken up again in texts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from headrace.errors import DataException, HeadraceError, RetryClass
from headrace.native import core
from headrace.sources.postgres.codecs import Codecs
from headrace.sources.postgres.tables import TableCodec
from headrace.sources.postgres.types.wires import wires_of

if TYPE_CHECKING:
    from headrace.sources.postgres.session import PgSession

_SINCE: Final = 140_000
Wires = Callable[[TableCodec], list[str]]
"""The binary forms of the values of a table's rows, those of columns that are left out too; raises BinaryRefusedError."""


class BinaryRefusedError(HeadraceError):
    """The stream has values whose binary form is not known: it is to be taken up again in texts."""

    default_code = "PG_BINARY_UNKNOWN"
    default_retry = RetryClass.RETRY


def wires_reader(session: PgSession, server_version: int, *, by_core: bool) -> Wires | None:
    """What tells the forms of a stream's values; None for a stream of texts. `by_core`: the core may decode the stream."""
    wanted = session.config["slot.stream.binary"] and not session.texts_only
    if not wanted or not by_core or core is None or server_version < _SINCE:
        return None
    return lambda codec: _wires(session.codecs, codec, server_version)


def _wires(codecs: Codecs, codec: TableCodec, server_version: int) -> list[str]:
    try:
        types = [codecs.types.resolve(column.type_oid, column.typmod) for column in codec.shape.columns]
    except DataException as error:
        raise BinaryRefusedError(f"{codec.shape.name}: {error.message}") from error
    wires = wires_of(types, server_version)
    if wires is None:
        raise BinaryRefusedError(f"Not all types of {codec.shape.name} have a binary form that is known.")
    return wires
