"""Tells the server's failures, which the door to PostgreSQL maps, from mistakes of our own, which it must not disguise."""

from __future__ import annotations

from typing import NoReturn

from headrace.systems.postgres import PgTarget, map_error


def raise_as_ours(error: Exception, target: PgTarget) -> NoReturn:
    """Raise the product's error for what driver, socket or server raised; anything else as it is."""
    if type(error).__module__.startswith("psycopg") or isinstance(error, OSError):
        raise map_error(error, target) from error
    raise error
