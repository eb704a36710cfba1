"""The one door to PostgreSQL: connections, replication, catalogs, errors."""

from headrace.systems.postgres.connect import connect
from headrace.systems.postgres.errors import DatabaseError, map_error
from headrace.systems.postgres.lsn import int_to_lsn, lsn_to_int
from headrace.systems.postgres.names import quote_identifier, quote_literal, quote_table
from headrace.systems.postgres.replication import ReplicationConnection, SlotCreated
from headrace.systems.postgres.target import PgTarget

__all__ = [
    "DatabaseError",
    "PgTarget",
    "ReplicationConnection",
    "SlotCreated",
    "connect",
    "int_to_lsn",
    "lsn_to_int",
    "map_error",
    "quote_identifier",
    "quote_literal",
    "quote_table",
]
