"""Tells the server's failures, which the door to PostgreSQL maps, from mistakes of our own, which it must not disguise."""

from __future__ import annotations

from typing import NoReturn

from headrace.systems.postgres import PgTarget, map_error


def as_ours(error: Exception, target: PgTarget) -> Exception:
    """The product's error for what driver, socket or server raised; anything else as it is."""
    if type(error).__module__.startswith("psycopg") or isinstance(error, OSError):
        return map_error(error, target)
    return error


def raise_as_ours(error: Exception, target: PgTarget) -> NoReturn:
    """Raise what `as_ours` makes of it."""
    ours = as_ours(error, target)
    if ours is error:
        raise error
    raise ours from error
