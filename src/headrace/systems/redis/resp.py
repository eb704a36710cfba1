"""Commands as Redis reads them (RESP arrays of bulk strings)."""

from __future__ import annotations


def encode_command(*words: bytes) -> bytes:
    """One command, ready to be sent."""
    parts = [b"*%d\r\n" % len(words)]
    parts.extend(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    return b"".join(parts)
