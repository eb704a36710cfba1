"""Source and sink connectors: plan the work. Tasks do it (see source.py and sink.py).

A connector runs in a process of its own, apart from its tasks. Life: constructed without arguments → `initialize` →
`start` → `task_configs` (after start and whenever tasks must be planned again) → `stop`. `validate` and `alter_offsets`
may be called on other, never started instances, in other processes, at any time.
Source: Connect API org.apache.kafka.connect.connector.Connector.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from headrace.config import ConfigDef, ConfigValue
from headrace.spi.context import ConnectorContext, SourceOffset, SourcePartition, TopicPartition

if TYPE_CHECKING:
    from headrace.spi.sink import SinkTask
    from headrace.spi.source import SourceTask


class ExactlyOnceSupport(Enum):
    SUPPORTED = "SUPPORTED"
    UNSUPPORTED = "UNSUPPORTED"


class Connector(ABC):
    """Common to both directions; subclass SourceConnector or SinkConnector."""

    context: ConnectorContext

    @classmethod
    def version(cls) -> str:
        """The plugin's version as REST shows it; "undefined" stands for the version of the package it came with."""
        return "undefined"

    @classmethod
    @abstractmethod
    def config(cls) -> ConfigDef:
        """The connector's own settings (the framework's are added by the framework)."""

    def validate(self, props: Mapping[str, str]) -> list[ConfigValue]:
        """One `ConfigValue` per declared key. Override to check against the outside (connect, look at privileges):
        call super first and add errors to the value of the key they are about. Must not change anything outside."""
        return self.config().validate(props)

    def initialize(self, context: ConnectorContext) -> None:
        """Called once before `start`."""
        self.context = context

    @abstractmethod
    def start(self, props: Mapping[str, str]) -> None:
        """Take the configuration; start watchers if there are any. An exception makes the connector FAILED."""

    @abstractmethod
    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        """The configurations of the tasks to run: at most `max_tasks`, may be fewer, empty for none. The same plan for the
        same state must give equal maps in the same order, for tasks are restarted when they differ."""

    @abstractmethod
    def stop(self) -> None:
        """End what `start` began. Called once, also after a failed start."""


class SourceConnector(Connector):
    """Plans tasks that read from a system into the log."""

    @abstractmethod
    def task_class(self) -> type[SourceTask]:
        """The class whose instances run the tasks."""

    def exactly_once_support(self, props: Mapping[str, str]) -> ExactlyOnceSupport | None:
        """Whether the source's offsets allow exactly-once; None = not said (KIP-618)."""
        return None

    def can_define_transaction_boundaries(self, props: Mapping[str, str]) -> bool:
        """Whether transaction.boundary=connector may be used."""
        return False

    def alter_offsets(
        self, props: Mapping[str, str], offsets: Sequence[tuple[SourcePartition, SourceOffset | None]]
    ) -> bool:
        """Check offsets an operator wants to write (None = reset) and change what is kept outside Connect.

        True: they are valid and the outside agrees. False: the framework writes them unverified. ConnectException or
        ConfigException: refused, nothing is written. Called on a fresh instance while the connector is stopped."""
        return False


class SinkConnector(Connector):
    """Plans tasks that write from the log to a system. Every task gets the topics; partitions are shared by the group."""

    @abstractmethod
    def task_class(self) -> type[SinkTask]:
        """The class whose instances run the tasks."""

    def alter_offsets(self, props: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:
        """As for sources; offsets are log offsets, None = reset. Override where the target keeps positions of its own.
        A reset of all offsets names every partition that the connector reads or its group knows."""
        return False


AnyProps = Mapping[str, Any]
