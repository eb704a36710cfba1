"""The connector: declares the settings, checks them, plans the one task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace import __version__
from headrace.config import ConfigDef, ConfigValue
from headrace.errors import ConfigException
from headrace.sources.postgres.config import config_def
from headrace.sources.postgres.offsets import PARTITION_KEY, Position, check_offset
from headrace.sources.postgres.task import PostgresSourceTask
from headrace.sources.postgres.validation import validate
from headrace.spi import ExactlyOnceSupport, SourceConnector, SourceTask
from headrace.spi.context import SourceOffset, SourcePartition

# Declared before a child is forked, which then need not do it.
config_def()


class PostgresConnector(SourceConnector):
    """Change data capture from PostgreSQL 13 to 18 through pgoutput; Debezium's settings, events and offsets."""

    def __init__(self) -> None:
        self._props: dict[str, str] = {}

    @classmethod
    def version(cls) -> str:
        return __version__

    @classmethod
    def config(cls) -> ConfigDef:
        return config_def()

    def validate(self, props: Mapping[str, str]) -> list[ConfigValue]:
        values = super().validate(props)
        validate(props, values)
        return values

    def start(self, props: Mapping[str, str]) -> None:
        self._props = dict(props)

    def task_class(self) -> type[SourceTask]:
        return PostgresSourceTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props)]

    def stop(self) -> None:
        pass

    def exactly_once_support(self, props: Mapping[str, str]) -> ExactlyOnceSupport:
        return ExactlyOnceSupport.SUPPORTED

    def alter_offsets(
        self, props: Mapping[str, str], offsets: Sequence[tuple[SourcePartition, SourceOffset | None]]
    ) -> bool:
        """Keys and kinds of values are checked. The slot is left alone: a position it cannot give is refused at the start."""
        for partition, offset in offsets:
            if set(partition) != {PARTITION_KEY} or not isinstance(partition[PARTITION_KEY], str):
                raise ConfigException(
                    f"Source partition {dict(partition)} is not one of this connector.",
                    code="OFFSET_PARTITION_INVALID",
                    field="offsets.partition",
                    remedy=f'Use {{"{PARTITION_KEY}": "<topic.prefix>"}}.',
                )
            if offset is not None:
                check_offset(offset)
                Position.of(offset)
        return True
