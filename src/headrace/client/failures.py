"""From an HTTP answer back to the error it stands for.

Connect's error body has no place for a code; our workers write `[CODE] text (setting: key) Remedy: …`, which is taken apart
again here. Otherwise the status decides.
"""

from __future__ import annotations

import json
import re
from typing import Final

from headrace.errors import (
    AlreadyExistsException,
    ConfigException,
    ConnectException,
    HeadraceError,
    IllegalStateException,
    NotFoundException,
    RetriableException,
)

UNREACHABLE: Final = "REST_UNREACHABLE"
UNAUTHORIZED: Final = "REST_UNAUTHORIZED"
NOT_CONNECT: Final = "REST_NOT_CONNECT"
REBALANCING: Final = "REST_REBALANCING"

_OURS: Final = re.compile(
    r"\[(?P<code>[A-Z][A-Z0-9_]*)\] (?P<text>.*?)(?: \(setting: (?P<field>[^\s)]+)\))?(?: Remedy: (?P<remedy>.*))?",
    re.DOTALL,
)
_KINDS: Final[dict[int, tuple[type[HeadraceError], str]]] = {
    400: (ConfigException, "CONFIG_INVALID"),
    401: (ConnectException, UNAUTHORIZED),
    403: (IllegalStateException, "REST_FORBIDDEN"),
    404: (NotFoundException, "NOT_FOUND"),
    409: (RetriableException, REBALANCING),
}
_REMEDIES: Final = {
    401: "Give the right user and password.",
    409: "Try again; the cluster was busy.",
}


def failure(status: int, body: bytes, what: str, *, offsets: bool = False, taken: bool = False) -> HeadraceError:
    """The error for a refused request.

    `what`: the request, such as `GET http://localhost:8083/connectors`. `offsets`: a 400 there is about the connector's state.
    `taken`: a 409 is known to mean that the name is in use.
    """
    message = _message(body)
    if message is None and status not in (401, 403, 413):
        return ConnectException(
            f"{what} was answered with {status} and something no Connect worker sends.",
            code=NOT_CONNECT,
            remedy="Check the address; a worker that is just starting answers like this for some seconds.",
        )
    kind, code = _KINDS.get(status, (ConnectException, "REST_FAILED"))
    if status == 400 and offsets:
        kind, code = IllegalStateException, "ILLEGAL_STATE"
    if status == 409 and taken:
        kind, code = AlreadyExistsException, "ALREADY_EXISTS"
    ours = _OURS.fullmatch(message or "")
    if ours is not None:
        return kind(ours["text"], code=ours["code"], field=ours["field"], remedy=ours["remedy"])
    return kind(
        message or f"{what} was answered with {status}.", code=code, remedy=None if taken else _REMEDIES.get(status)
    )


def unreachable(url: str, reason: object) -> ConnectException:
    return ConnectException(
        f"Cannot reach the Connect worker at {url}: {reason}",
        code=UNREACHABLE,
        field="url",
        remedy="Check the address and that the worker runs.",
    )


def _message(body: bytes) -> str | None:
    """The message of Connect's error body; None when the body is no such thing."""
    try:
        found = json.loads(body)
        return str(found["message"]) if found["message"] is not None else f"error {found['error_code']}"
    except (ValueError, KeyError, TypeError):
        return None
