"""Writing one source offset, for the producer and the offset store alike."""

from __future__ import annotations

import sqlite3


def store_offset(
    connection: sqlite3.Connection, canonical: bytes, connector: str, key: bytes, value: bytes | None
) -> None:
    """Write, or with None remove, in the open write transaction. `canonical`: the key with its fields sorted."""
    if value is None:
        connection.execute("DELETE FROM source_offsets WHERE canonical = ?", (canonical,))
        return
    connection.execute(
        "INSERT INTO source_offsets (canonical, connector, key, value) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (canonical) DO UPDATE SET key = excluded.key, value = excluded.value",
        (canonical, connector, key, value),
    )
