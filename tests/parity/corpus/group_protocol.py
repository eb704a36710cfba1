"""What workers say when they join their group, and what their leader answers: written by either side, read by either side."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

Form = dict[str, Any]
URL = "http://10.0.0.1:8083/"
# Whole and cut, with more behind it, and with lengths that promise more than there is.
WHOLE = bytes.fromhex(
    "0001 0000 0002 6d31 0005 687474703a 0000000000000007"
    "00000002 0001 61 00000003 ffffffff 00000000 00000001 0001 62 00000001 00000005"
    "00000001 0001 63 00000001 ffffffff 000493e0"
)
STATE = bytes.fromhex("0002 0003 75726c 0000000000000007")


def _assignment(version: int, **fields: Any) -> Form:
    return {
        "what": "assignment",
        "version": version,
        "error": 0,
        "leader": "worker-1-8d2c",
        "leader_url": URL,
        "offset": 12,
        "connectors": [],
        "tasks": [],
        "revoked_connectors": [],
        "revoked_tasks": [],
        "delay": 0,
        **fields,
    }


def _assignments(version: int) -> Iterator[Form]:
    tasks = [["orders", 1], ["orders", 0], ["a-b-", 7], ["ünï", 2147483647]]
    yield _assignment(version)
    yield _assignment(version, error=1, offset=-1, leader="", leader_url="")
    # The JVM writes assigned connectors in the order of a hash table; these come in it.
    yield _assignment(version, connectors=["a", "b"])
    yield _assignment(version, connectors=["idle", "orders"], tasks=tasks, offset=9223372036854775807)
    if version:
        yield _assignment(version, revoked_connectors=["orders", "idle"], revoked_tasks=tasks)
        yield _assignment(version, connectors=["x"], revoked_connectors=["y"], tasks=tasks[:2], delay=300000)


def _metadata(version: int) -> Iterator[Form]:
    common = {"what": "metadata", "version": version, "url": URL, "offset": 12}
    yield {**common, "allocation": None}
    yield {**common, "url": "", "offset": -1, "allocation": None}
    if version:
        for held in _assignments(version):
            yield {**common, "allocation": held}


def cases() -> Iterator[Form]:
    for version in (0, 1, 2):
        items = [*_assignments(version), *_metadata(version)]
        yield {"id": f"encode/v{version}", "op": "group_encode", "items": items}
    read = [WHOLE, WHOLE + b"later", b"\x00\x00" + WHOLE[2:], b"\x00\x09" + WHOLE[2:], b"\x80\x00" + WHOLE[2:]]
    read += [WHOLE[:size] for size in range(len(WHOLE))]
    read += [WHOLE[:21] + bytes.fromhex(length) + WHOLE[25:] for length in ("ffffffff", "fffffffe", "7fffffff")]
    yield {"id": "decode/assignment", "op": "group_decode", "items": _data("assignment", read)}
    nested = len(WHOLE).to_bytes(4, "big") + WHOLE
    told = [STATE, STATE + b"\xff\xff\xff\xff", STATE + nested, STATE + nested + b"later", STATE[:2] + b"\xff\xff"]
    told += [STATE + nested[:size] for size in range(len(nested))]
    yield {"id": "decode/metadata", "op": "group_decode", "items": _data("metadata", told)}


def _data(what: str, items: list[bytes]) -> list[Form]:
    return [{"what": what, "data": base64.b64encode(item).decode()} for item in items]
