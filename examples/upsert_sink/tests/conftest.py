"""A real PostgreSQL server for the tests."""

from headrace.testing.fixtures import make_database, postgres

__all__ = ["make_database", "postgres"]
