"""The requests that a member of a group sends, each in an older version and in a flexible one. Source: Kafka's message definitions, 4.3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headrace.systems.kafka.schema import Schema


@dataclass(frozen=True, slots=True)
class Layout:
    """One version of a request and of its response."""

    request: Schema
    response: Schema
    flexible: bool = False

    @classmethod
    def of(cls, request: str, response: str, *, flexible: bool = False) -> Layout:
        return cls(Schema(request, flexible=flexible), Schema(response, flexible=flexible), flexible)


@dataclass(frozen=True, slots=True)
class Api:
    """A kind of request. `versions`: those that are known here; a body is the same dict for all of them."""

    name: str
    key: int
    versions: dict[int, Layout]


_MEMBER: Final = "group:string generation:int32 member:string instance:string?"
_BROKER: Final = "node:int32 host:string port:int32"
_DONE: Final = "throttle:int32 error:int16"
_MEMBERS: Final = "member:string members:[member:string instance:string? metadata:bytes]"
_JOIN: Final = (
    "group:string session_timeout:int32 rebalance_timeout:int32 member:string instance:string? protocol_type:string"
    " protocols:[name:string metadata:bytes]"
)
_ASSIGNMENTS: Final = "assignments:[member:string assignment:bytes]"
_LEFT: Final = f"{_DONE} members:[member:string instance:string? error:int16]"
_COORDINATOR: Final = ("key:string key_type:int8=0", f"{_DONE} message:string? {_BROKER}")
_CLUSTER: Final = f"throttle:int32 brokers:[{_BROKER} rack:string?] cluster:string? controller:int32"
_PARTITION: Final = "error:int16 index:int32 leader:int32"
_SASL: Final = ("data:bytes", "error:int16 message:string? data:bytes lifetime:int64")

API_VERSIONS: Final = Api("ApiVersions", 18, {0: Layout.of("", "error:int16 apis:[key:int16 least:int16 most:int16]")})
METADATA: Final = Api(
    "Metadata",
    3,
    {
        4: Layout.of(
            "topics:[name:string] create:bool=false",
            f"{_CLUSTER} topics:[error:int16 name:string internal:bool"
            f" partitions:[{_PARTITION} replicas:[int32] isr:[int32]]]",
        ),
        9: Layout.of(
            "topics:[name:string] create:bool=false cluster_operations:bool=false topic_operations:bool=false",
            f"{_CLUSTER} topics:[error:int16 name:string internal:bool partitions:[{_PARTITION} epoch:int32"
            " replicas:[int32] isr:[int32] offline:[int32]] operations:int32] operations:int32",
            flexible=True,
        ),
    },
)
FIND_COORDINATOR: Final = Api(
    "FindCoordinator", 10, {2: Layout.of(*_COORDINATOR), 3: Layout.of(*_COORDINATOR, flexible=True)}
)
JOIN_GROUP: Final = Api(
    "JoinGroup",
    11,
    {
        5: Layout.of(_JOIN, f"{_DONE} generation:int32 protocol:string leader:string {_MEMBERS}"),
        9: Layout.of(
            f"{_JOIN} reason:string?",
            f"{_DONE} generation:int32 protocol_type:string? protocol:string? leader:string skip:bool {_MEMBERS}",
            flexible=True,
        ),
    },
)
SYNC_GROUP: Final = Api(
    "SyncGroup",
    14,
    {
        3: Layout.of(f"{_MEMBER} {_ASSIGNMENTS}", f"{_DONE} assignment:bytes"),
        5: Layout.of(
            f"{_MEMBER} protocol_type:string? protocol:string? {_ASSIGNMENTS}",
            f"{_DONE} protocol_type:string? protocol:string? assignment:bytes",
            flexible=True,
        ),
    },
)
HEARTBEAT: Final = Api("Heartbeat", 12, {3: Layout.of(_MEMBER, _DONE), 4: Layout.of(_MEMBER, _DONE, flexible=True)})
LEAVE_GROUP: Final = Api(
    "LeaveGroup",
    13,
    {
        3: Layout.of("group:string members:[member:string instance:string?]", _LEFT),
        5: Layout.of("group:string members:[member:string instance:string? reason:string?]", _LEFT, flexible=True),
    },
)
SASL_HANDSHAKE: Final = Api("SaslHandshake", 17, {1: Layout.of("mechanism:string", "error:int16 mechanisms:[string]")})
SASL_AUTHENTICATE: Final = Api("SaslAuthenticate", 36, {1: Layout.of(*_SASL), 2: Layout.of(*_SASL, flexible=True)})
