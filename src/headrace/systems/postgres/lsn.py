"""Log sequence numbers: PostgreSQL's `X/X` text and the 64-bit integer behind it."""

from __future__ import annotations

import re
from typing import Final

from headrace.errors import DataException

_LSN: Final = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")


def lsn_to_int(text: str) -> int:
    """The 64-bit position of `X/X`. DataException for any other text."""
    match = _LSN.fullmatch(text)
    if match is None:
        raise DataException(f"Not a log sequence number: {text!r}.", code="PG_LSN_INVALID")
    return int(match[1], 16) << 32 | int(match[2], 16)


def int_to_lsn(position: int) -> str:
    """`X/X` as PostgreSQL prints it. DataException outside 0 … 2^64-1."""
    if not 0 <= position < 1 << 64:
        raise DataException(f"Not a log sequence number: {position}.", code="PG_LSN_INVALID")
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
