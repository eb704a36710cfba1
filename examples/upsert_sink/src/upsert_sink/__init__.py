"""A sink that upserts into and deletes from tables."""

from upsert_sink.connector import UpsertSinkConnector
from upsert_sink.task import UpsertSinkTask

__version__ = "1.0.0"
__all__ = ["UpsertSinkConnector", "UpsertSinkTask"]
