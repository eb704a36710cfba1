"""Encoded records of one topic before their partitions are chosen, and how the pieces of one batch come into order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from headrace.log.spi import HeaderBytes
from headrace.spi.columns import Column


class EncodedPiece(NamedTuple):
    """Columns of as many records; `wanted`: the partitions asked for, None = by the key."""

    ordinals: Sequence[int]
    wanted: Sequence[int | None]
    timestamps: Sequence[int]
    keys: Column
    values: Column
    headers: Sequence[HeaderBytes]


def in_order(pieces: Sequence[EncodedPiece]) -> list[EncodedPiece]:
    """The same records in the order of their ordinals: pieces that do not overlap stay as they are, the others become one."""
    ordered = sorted((piece for piece in pieces if len(piece.ordinals)), key=lambda piece: piece.ordinals[0])
    if all(left.ordinals[-1] < right.ordinals[0] for left, right in pairwise(ordered)):
        return ordered
    places = sorted(
        (ordinal, which, row) for which, piece in enumerate(ordered) for row, ordinal in enumerate(piece.ordinals)
    )
    keys, values = (
        [list(column) for column in columns] for columns in zip(*((p[3], p[4]) for p in ordered), strict=True)
    )
    return [
        EncodedPiece(
            [ordinal for ordinal, _, _ in places],
            [ordered[which].wanted[row] for _, which, row in places],
            [ordered[which].timestamps[row] for _, which, row in places],
            Column([keys[which][row] for _, which, row in places]),
            Column([values[which][row] for _, which, row in places]),
            [ordered[which].headers[row] for _, which, row in places],
        )
    ]
