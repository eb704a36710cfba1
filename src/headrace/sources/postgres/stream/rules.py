"""What the stream's decoder is told to do, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass, field

from headrace.cdc.filters import NameFilter


@dataclass
class StreamCounts:
    """What the streaming metrics show."""

    seen: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    truncated: int = 0
    filtered: int = 0
    erroneous: int = 0
    unchanged: int = 0
    transactions: int = 0
    last_xid: int | None = None
    last_commit_us: int = 0
    last_event_ns: int = 0
    by_table: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class StreamRules:
    """`skipped`: of c, u, d, t. `on_failure`: event.processing.failure.handling.mode. `skip_unchanged`:
    skip.messages.without.change. `messages`: which prefixes of logical messages are taken, None for none at all."""

    skipped: frozenset[str] = frozenset("t")
    on_failure: str = "fail"
    skip_unchanged: bool = False
    messages: NameFilter | None = None
