"""Generates, per table and set of columns, the function that encodes rows as binary COPY data.

A row comes as (key, row): the tuple of primary key values and the list of the value struct's fields. Neighbouring required
fields of fixed width are packed by one call; everything else is one expression per field.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from headrace.sinks.postgres.pieces import NAMESPACE, Piece

Encoder = Callable[[Iterable[tuple[Any, Any]]], bytes]
COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!ii", 0, 0)
COPY_TRAILER = struct.pack("!h", -1)


class Source(NamedTuple):
    """Where a column's value comes from: the key tuple ("k") or the row ("r"), at an index.

    `default`: taken instead of None unless it is None itself. `required`: None is an error of the record."""

    name: str
    place: str
    at: int
    piece: Piece
    required: bool
    default: Any = None


def compile_encoder(sources: Sequence[Source]) -> Encoder:
    """The function from rows to COPY data, header and trailer included. It raises whatever a wrong value provokes."""
    namespace: dict[str, Any] = dict(NAMESPACE)
    lines = ["def encode(rows):", "  out=[HEAD]", "  add=out.extend", "  for k,r in rows:"]
    fields: list[str] = []
    fixed_format, fixed_arguments = "!h", [str(len(sources))]

    def flush() -> None:
        nonlocal fixed_format, fixed_arguments
        if fixed_arguments:
            name = f"F{len(namespace)}"
            if fixed_format == "!h":
                namespace[name] = struct.pack("!h", len(sources))
                fields.append(name)
            else:
                namespace[name] = struct.Struct(fixed_format).pack
                fields.append(f"{name}({','.join(fixed_arguments)})")
        fixed_format, fixed_arguments = "!", []

    for position, source in enumerate(sources):
        variable = f"v{position}"
        lines.append(f"    {variable}={source.place}[{source.at}]")
        if source.default is not None:
            namespace[f"d{position}"] = source.default
            lines.append(f"    if {variable} is None: {variable}=d{position}")
        piece = source.piece
        sure = source.required or source.default is not None
        if piece.code or not sure:
            flush()
            code = piece.expression().replace("{v}", variable)
            fields.append(code if sure else f"(N if {variable} is None else {code})")
        else:
            fixed_format += "i" + piece.format
            fixed_arguments += [str(piece.width), piece.argument.replace("{v}", variable)]
    flush()
    lines += [f"    add(({','.join(fields)},))", "  out.append(TAIL)", "  return b''.join(out)"]
    namespace |= {"HEAD": COPY_HEADER, "TAIL": COPY_TRAILER}
    exec("\n".join(lines), namespace)
    return namespace["encode"]  # type: ignore[no-any-return]


def first_wrong_column(sources: Sequence[Source], row: tuple[Any, Any]) -> tuple[str, Exception] | None:
    """The first column whose value cannot be encoded, with the reason; None if all can."""
    for source in sources:
        try:
            compile_encoder([source])([row])
        except Exception as error:
            return source.name, error
    return None
