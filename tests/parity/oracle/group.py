"""The bytes that workers exchange through their group, by Kafka Connect's own classes."""

from __future__ import annotations

import base64
from typing import Any

from codec import ArrayList, ByteBuffer, String
from jpype import JArray, JByte, JClass, JInt, JLong, JShort

_PACKAGE = "org.apache.kafka.connect.runtime.distributed."
Eager = JClass(_PACKAGE + "ConnectProtocol")
Cooperative = JClass(_PACKAGE + "IncrementalCooperativeConnectProtocol")
EagerAssignment = JClass(_PACKAGE + "ConnectProtocol$Assignment")
EagerState = JClass(_PACKAGE + "ConnectProtocol$WorkerState")
ExtendedAssignment = JClass(_PACKAGE + "ExtendedAssignment")
WorkerState = JClass(_PACKAGE + "ExtendedWorkerState")
TaskId = JClass("org.apache.kafka.connect.util.ConnectorTaskId")

Form = dict[str, Any]


def _list(items: list[Any]) -> Any:
    result = ArrayList()
    for item in items:
        result.add(String(item) if isinstance(item, str) else TaskId(String(item[0]), JInt(item[1])))
    return result


def _assignment(form: Form) -> Any:
    common = (JShort(form["error"]), String(form["leader"]), String(form["leader_url"]), JLong(form["offset"]))
    work = (_list(form["connectors"]), _list(form["tasks"]))
    if form["version"] == 0:
        return EagerAssignment(*common, *work)
    revoked = (_list(form["revoked_connectors"]), _list(form["revoked_tasks"]))
    return ExtendedAssignment(JShort(form["version"]), *common, *work, *revoked, JInt(form["delay"]))


def encode(form: Form) -> str:
    """The base64 of what a worker sends: `what` is metadata or assignment."""
    version = form["version"]
    if form["what"] == "assignment":
        made = _assignment(form)
        buffer = Cooperative.serializeAssignment(made, version == 2) if version else Eager.serializeAssignment(made)
    elif version == 0:
        buffer = Eager.serializeMetadata(EagerState(String(form["url"]), JLong(form["offset"])))
    else:
        allocation = None if form["allocation"] is None else _assignment(form["allocation"])
        state = WorkerState(String(form["url"]), JLong(form["offset"]), allocation)
        buffer = Cooperative.serializeMetadata(state, version == 2)
    return base64.b64encode(bytes(buffer.array())).decode()


def _form(assignment: Any) -> Form:
    return {
        "version": int(assignment.version()),
        "error": int(assignment.error()),
        "leader": str(assignment.leader()),
        "leader_url": str(assignment.leaderUrl()),
        "offset": int(assignment.offset()),
        "connectors": [str(name) for name in assignment.connectors()],
        "tasks": [[str(task.connector()), int(task.task())] for task in assignment.tasks()],
        "revoked_connectors": [str(name) for name in assignment.revokedConnectors()],
        "revoked_tasks": [[str(task.connector()), int(task.task())] for task in assignment.revokedTasks()],
        "delay": int(assignment.delay()),
    }


def decode(form: Form) -> Form:
    """What a worker reads in `data` (base64)."""
    buffer = ByteBuffer.wrap(JArray(JByte)(base64.b64decode(form["data"])))
    if form["what"] == "assignment":
        return _form(Cooperative.deserializeAssignment(buffer))
    state = Cooperative.deserializeMetadata(buffer)
    active = state.assignment()
    return {
        "url": str(state.url()),
        "offset": int(state.offset()),
        "connectors": [str(name) for name in active.connectors()],
        "tasks": [[str(task.connector()), int(task.task())] for task in active.tasks()],
    }
