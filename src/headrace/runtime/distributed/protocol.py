"""The bytes that workers exchange through the group: a member's metadata and its assignment, in the protocol's three versions.

`default` is version 0 (eager), `compatible` 1 (incremental cooperative, KIP-415), `sessioned` 2 (the same bytes as 1, and signed internal
requests, KIP-507). Members offer what `connect.protocol` allows, best first; the broker picks the best that all of them offer.
Whatever version the bytes tell, they are read by the layout of version 1, whose further fields may be missing, as the JVM's workers do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from headrace.errors import ConfigException
from headrace.runtime.distributed.work import TaskId, Work
from headrace.systems.kafka.schema import Schema, malformed

PROTOCOL_TYPE: Final = "connect"
NO_ERROR: Final = 0
CONFIG_MISMATCH: Final = 1
"""The leader has read less of the config topic than some member: nothing was assigned, all read and join again."""
_NOTHING: Final = Work()
_CONNECTOR_ITSELF: Final = -1
_ITEMS: Final = "[connector:string tasks:[int32]]"
_STATE: Final = "version:int16 url:string config_offset:int64"
_HEAD: Final = "version:int16 error:int16 leader:string leader_url:string config_offset:int64"
_EAGER_METADATA: Final = Schema(_STATE)
_METADATA: Final = Schema(f"{_STATE} allocation:bytes?=null")
_EAGER_ASSIGNMENT: Final = Schema(f"{_HEAD} assigned:{_ITEMS}")
_ASSIGNMENT: Final = Schema(f"{_HEAD} assigned:{_ITEMS}?=null revoked:{_ITEMS}?=null delay:int32=0")


class SubProtocol(Enum):
    """A sub-protocol's name and version."""

    EAGER = ("default", 0)
    COMPATIBLE = ("compatible", 1)
    SESSIONED = ("sessioned", 2)

    def __init__(self, wire_name: str, version: int) -> None:
        self.wire_name = wire_name
        self.version = version

    @classmethod
    def named(cls, wire_name: str | None) -> SubProtocol:
        """The one the broker chose. DataException KAFKA_MALFORMED for a name that is none."""
        for item in cls:
            if item.wire_name == wire_name:
                return item
        raise malformed(f"unknown sub-protocol {wire_name!r:.200}")


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the leader answers to one member. In versions 1 and 2 `assigned` holds only what is new; `delay_ms`: when to join again, 0 for not."""

    version: int
    error: int
    leader: str
    leader_url: str
    config_offset: int
    assigned: Work = _NOTHING
    revoked: Work = _NOTHING
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a member says when it joins. `allocation`: its current assignment, None in version 0 and when it has none."""

    version: int
    url: str
    config_offset: int
    allocation: Assignment | None = None

    @property
    def active(self) -> Work:
        """What the member has."""
        return self.allocation.assigned if self.allocation is not None else _NOTHING


def offered(connect_protocol: str) -> tuple[SubProtocol, ...]:
    """The sub-protocols that a setting of `connect.protocol` offers, best first. ConfigException for an unknown setting."""
    offers = {
        "eager": (SubProtocol.EAGER,),
        "compatible": (SubProtocol.COMPATIBLE, SubProtocol.EAGER),
        "sessioned": (SubProtocol.SESSIONED, SubProtocol.COMPATIBLE, SubProtocol.EAGER),
    }
    found = offers.get(connect_protocol.lower())
    if found is None:
        raise ConfigException(f"connect.protocol is one of {', '.join(offers)}.", field="connect.protocol")
    return found


def encode_metadata(metadata: Metadata) -> bytes:
    """The bytes for JoinGroup; the allocation is written in the metadata's version. DataException when something does not fit."""
    values = {"version": metadata.version, "url": metadata.url, "config_offset": metadata.config_offset}
    if metadata.version == SubProtocol.EAGER.version:
        return _EAGER_METADATA.encode(values)
    allocation = metadata.allocation
    encoded = _encoded(allocation, metadata.version) if allocation is not None else None
    return _METADATA.encode({**values, "allocation": encoded})


def decode_metadata(data: bytes) -> Metadata:
    """Any version's metadata. DataException KAFKA_MALFORMED."""
    message = _METADATA.decode(data)
    allocation = message["allocation"]
    return Metadata(
        _version(message),
        message["url"],
        message["config_offset"],
        decode_assignment(allocation) if allocation is not None else None,
    )


def encode_assignment(assignment: Assignment) -> bytes:
    """The bytes for SyncGroup. DataException when something does not fit: a text of more than 32 KiB, a lone surrogate."""
    return _encoded(assignment, assignment.version)


def decode_assignment(data: bytes) -> Assignment:
    """Any version's assignment. DataException KAFKA_MALFORMED."""
    message = _ASSIGNMENT.decode(data)
    return Assignment(
        _version(message),
        message["error"],
        message["leader"],
        message["leader_url"],
        message["config_offset"],
        _work(message["assigned"]),
        _work(message["revoked"]),
        message["delay"],
    )


def _encoded(assignment: Assignment, version: int) -> bytes:
    schema = _EAGER_ASSIGNMENT if version == SubProtocol.EAGER.version else _ASSIGNMENT
    return schema.encode(
        {
            "version": version,
            "error": assignment.error,
            "leader": assignment.leader,
            "leader_url": assignment.leader_url,
            "config_offset": assignment.config_offset,
            "assigned": _items(assignment.assigned),
            "revoked": _items(assignment.revoked),
            "delay": assignment.delay_ms,
        }
    )


def _version(message: dict[str, Any]) -> int:
    version: int = message["version"]
    if version < 0:
        raise malformed(f"version {version}")
    return version  # Versions to come are read as the newest known.


def _items(work: Work) -> list[dict[str, Any]]:
    numbers: dict[str, list[int]] = {}
    for name in work.connectors:
        numbers.setdefault(name, []).append(_CONNECTOR_ITSELF)
    for task in work.tasks:
        numbers.setdefault(task.connector, []).append(task.task)
    return [{"connector": name, "tasks": tasks} for name, tasks in numbers.items()]


def _work(items: list[dict[str, Any]] | None) -> Work:
    pairs = [TaskId(item["connector"], number) for item in items or () for number in item["tasks"]]
    return Work.of(
        (pair.connector for pair in pairs if pair.task == _CONNECTOR_ITSELF),
        (pair for pair in pairs if pair.task != _CONNECTOR_ITSELF),
    )
