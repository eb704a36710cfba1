"""Builds what a client says and reads what a server answers; pure bytes in and out.

Source: PostgreSQL manual, "Message Formats" (protocol 3.0) and "Streaming Replication Protocol".
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

SSL_REQUEST = struct.pack("!II", 8, 80877103)
TERMINATE = b"X\x00\x00\x00\x04"


def startup(parameters: Mapping[str, str]) -> bytes:
    """StartupMessage of protocol 3.0 with those parameters."""
    body = b"".join(text.encode() + b"\x00" for item in parameters.items() for text in item) + b"\x00"
    return struct.pack("!II", len(body) + 8, 196608) + body


def message(type: bytes, body: bytes) -> bytes:
    """A typed message."""
    return type + struct.pack("!I", len(body) + 4) + body


def query(sql: str) -> bytes:
    return message(b"Q", sql.encode() + b"\x00")


def password(secret: bytes) -> bytes:
    """PasswordMessage: the clear text or md5 answer."""
    return message(b"p", secret + b"\x00")


def sasl_initial(mechanism: str, data: bytes) -> bytes:
    return message(b"p", mechanism.encode() + b"\x00" + struct.pack("!I", len(data)) + data)


def sasl_response(data: bytes) -> bytes:
    return message(b"p", data)


def standby_status(written: int, flushed: int, applied: int, clock_us: int, reply: bool) -> bytes:
    """CopyData with a standby status update; positions are LSNs, `clock_us` microseconds since 2000-01-01 UTC."""
    return b"d" + struct.pack("!IcQQQqB", 38, b"r", written, flushed, applied, clock_us, reply)


def error_fields(body: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse or NoticeResponse by their one-letter codes."""
    fields: dict[str, str] = {}
    for part in body.split(b"\x00"):
        if part:
            fields[chr(part[0])] = part[1:].decode("utf-8", "replace")
    return fields


def data_row(body: bytes) -> tuple[str | None, ...]:
    """The values of a DataRow in text format."""
    (count,) = struct.unpack_from("!H", body)
    pos = 2
    values: list[str | None] = []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, pos)
        pos += 4
        if length < 0:
            values.append(None)
        else:
            values.append(body[pos : pos + length].decode())
            pos += length
    return tuple(values)
