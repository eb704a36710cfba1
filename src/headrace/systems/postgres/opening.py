"""Opens our own connections to the first server of a target that suits, with the product's errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from headrace.systems.postgres.auth import AuthError
from headrace.systems.postgres.errors import ConnectionLostError, ServerError, map_error
from headrace.systems.postgres.servers import ROLE_QUERY, Role, choose
from headrace.systems.postgres.target import PgTarget
from headrace.systems.postgres.wire import Wire


def open_wire(target: PgTarget, parameters: Mapping[str, str]) -> tuple[Wire, PgTarget]:
    """A connection to the first of the target's servers that suits, and which one it is. Raises the product's errors."""

    def one(target: PgTarget) -> Wire:
        with mapped_errors(target):
            return Wire(target, parameters)

    return choose(target, one, wire_role)


def wire_role(wire: Wire, target: PgTarget) -> Role:
    """What the server says of itself. Raises the product's errors."""
    told = wire.parameters
    # Told at the log-in by servers from 14, unless something in between keeps it back.
    standby, read_only = told.get("in_hot_standby"), told.get("default_transaction_read_only")
    if standby is None or read_only is None:
        with mapped_errors(target):
            standby, read_only = wire.query(ROLE_QUERY, target.connect_timeout_s)[0]
    return Role(standby in ("on", "true"), read_only == "on")


@contextlib.contextmanager
def mapped_errors(target: PgTarget) -> Iterator[None]:
    """What a wire raises inside becomes the product's errors."""
    try:
        yield
    except (ServerError, ConnectionLostError, AuthError, OSError) as error:
        raise map_error(error, target) from error
