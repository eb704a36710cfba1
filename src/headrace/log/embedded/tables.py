"""The tables of the log file, how a batch's row id is made, and how a file of an earlier format becomes one of this.

`batches.id` = partition id and the offset of the last record the row covers, so that one look-up in the clustered key finds
the batch that holds an offset, and no second index has to be written.
"""

from __future__ import annotations

import sqlite3
from typing import Final

FORMAT: Final = 3
"""1: all blobs inline. 2: large ones in segment files. 3: blobs may be compressed."""
PAGE_SIZE: Final = 16_384
OFFSET_BITS: Final = 43

_SEGMENT_DDL: Final = """
CREATE TABLE segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
    sealed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE places (
    batch_id INTEGER PRIMARY KEY, segment_id INTEGER NOT NULL, position INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE INDEX places_segment ON places (segment_id, bytes);
CREATE TRIGGER batch_removed AFTER DELETE ON batches BEGIN DELETE FROM places WHERE batch_id = OLD.id; END;
"""
_DDL: Final = (
    """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('topics_version', 1);
CREATE TABLE topics (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL,
    configs TEXT NOT NULL, created_ms INTEGER NOT NULL);
CREATE TABLE parts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, topic_id INTEGER NOT NULL, number INTEGER NOT NULL,
    begin_offset INTEGER NOT NULL DEFAULT 0, next_offset INTEGER NOT NULL DEFAULT 0,
    cleaned_to INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, UNIQUE (topic_id, number));
CREATE TABLE batches (
    id INTEGER PRIMARY KEY, first_offset INTEGER NOT NULL, count INTEGER NOT NULL,
    appended_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, tombstones INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE garbage (part_id INTEGER PRIMARY KEY);
CREATE TABLE producers (transactional_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE source_offsets (
    id INTEGER PRIMARY KEY AUTOINCREMENT, canonical BLOB NOT NULL UNIQUE, connector TEXT NOT NULL,
    key BLOB NOT NULL, value BLOB NOT NULL);
CREATE INDEX source_offsets_connector ON source_offsets (connector);
CREATE TABLE states (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
    UNIQUE (kind, name));
CREATE TABLE groups (name TEXT PRIMARY KEY, version INTEGER NOT NULL, generation INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE members (
    id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, grp TEXT NOT NULL, client_id TEXT NOT NULL,
    session_ms INTEGER NOT NULL, topics TEXT, pattern TEXT);
CREATE INDEX members_group ON members (grp);
CREATE TABLE owners (
    grp TEXT NOT NULL, part_id INTEGER NOT NULL, target INTEGER, owner INTEGER, PRIMARY KEY (grp, part_id)) WITHOUT ROWID;
CREATE TABLE group_offsets (
    grp TEXT NOT NULL, part_id INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (grp, part_id)) WITHOUT ROWID;
"""
    + _SEGMENT_DDL
)


def row_id(part_id: int, offset: int) -> int:
    """The id of the batch row of a partition whose last covered offset is `offset`."""
    return (part_id << OFFSET_BITS) + offset


def create_tables(connection: sqlite3.Connection) -> None:
    """Make all tables inside the open transaction and mark the file's format."""
    _run(connection, _DDL)
    add_log_id(connection)
    _mark(connection)


def upgrade_tables(connection: sqlite3.Connection, found: int) -> None:
    """From an earlier format, inside the open transaction; takes as long for a large log as for a small one."""
    add_log_id(connection)
    if found < 2:
        _run(connection, _SEGMENT_DDL)
    _mark(connection)


def _mark(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _run(connection: sqlite3.Connection, script: str) -> None:
    """Statement by statement: `executescript` would commit."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


def add_log_id(connection: sqlite3.Connection) -> None:
    """Give the log its random identity unless it has one: files of the first releases have none."""
    if connection.execute("SELECT 1 FROM meta WHERE name = 'log_id'").fetchone() is None:
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('log_id', randomblob(16))")
