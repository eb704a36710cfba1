"""Where a worker keeps source offsets, connector configurations, target states and statuses.

Standalone keeps them in the embedded store, distributed in Connect's three topics. Plain data in and out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any


class OffsetStore(ABC):
    """Source offsets, keyed as in Connect's offsets topic: `["<connector>",{partition}]`. Writing beside records is done
    by `Producer.append`; this is for reading and for operators."""

    @abstractmethod
    def get(self, connector: str, partitions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        """The stored offset of each partition, None where there is none."""

    @abstractmethod
    def list(self, connector: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """All (partition, offset) pairs of a connector, in order of first writing."""

    @abstractmethod
    def put(self, connector: str, offsets: Iterable[tuple[Mapping[str, Any], Mapping[str, Any] | None]]) -> None:
        """Write (None = remove) in one commit, durable on return."""


class StateStore(ABC):
    """Small durable documents of the worker: one JSON value per (kind, name)."""

    @abstractmethod
    def load(self, kind: str) -> dict[str, Any]:
        """All documents of a kind, by name, in order of first writing."""

    @abstractmethod
    def save(self, kind: str, name: str, document: Any) -> None:
        """Write, durable on return."""

    @abstractmethod
    def delete(self, kind: str, name: str) -> None:
        """Remove; nothing happens if it is not there."""
