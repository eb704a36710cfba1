"""The bytes that workers exchange through their group, by headrace."""

from __future__ import annotations

import base64
from typing import Any

from headrace.runtime.distributed import protocol
from headrace.runtime.distributed.protocol import Assignment, Metadata
from headrace.runtime.distributed.work import Work

Form = dict[str, Any]


def _assignment(form: Form) -> Assignment:
    return Assignment(
        form["version"],
        form["error"],
        form["leader"],
        form["leader_url"],
        form["offset"],
        Work.of(form["connectors"], form["tasks"]),
        Work.of(form["revoked_connectors"], form["revoked_tasks"]),
        form["delay"],
    )


def encode(form: Form) -> str:
    """As the oracle's."""
    if form["what"] == "assignment":
        data = protocol.encode_assignment(_assignment(form))
    else:
        allocation = None if form["allocation"] is None else _assignment(form["allocation"])
        data = protocol.encode_metadata(Metadata(form["version"], form["url"], form["offset"], allocation))
    return base64.b64encode(data).decode()


def decode(form: Form) -> Form:
    """As the oracle's."""
    data = base64.b64decode(form["data"])
    if form["what"] == "metadata":
        told = protocol.decode_metadata(data)
        return {"url": told.url, "offset": told.config_offset, **_work(told.active)}
    read = protocol.decode_assignment(data)
    return {
        "version": read.version,
        "error": read.error,
        "leader": read.leader,
        "leader_url": read.leader_url,
        "offset": read.config_offset,
        **_work(read.assigned),
        **{f"revoked_{name}": items for name, items in _work(read.revoked).items()},
        "delay": read.delay_ms,
    }


def _work(work: Work) -> Form:
    return {"connectors": list(work.connectors), "tasks": [list(task) for task in work.tasks]}
