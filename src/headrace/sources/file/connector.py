"""The connector: declares the settings, plans the one task. Source: Kafka's connect-file, FileStreamSourceConnector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace import __version__
from headrace.config import ConfigDef, ConfigType, ConfigValue, Importance
from headrace.config.keys import NO_DEFAULT
from headrace.config.validators import non_empty
from headrace.errors import ConnectException
from headrace.sources.file.task import FILENAME, POSITION, FileStreamSourceTask
from headrace.spi import ExactlyOnceSupport, SourceConnector, SourceTask
from headrace.spi.context import SourceOffset, SourcePartition

_DEFINITION = (
    ConfigDef()
    .define("file", ConfigType.STRING, None, None, Importance.HIGH, "The file to read; it may come to be later.")
    .define("topic", ConfigType.STRING, NO_DEFAULT, non_empty, Importance.HIGH, "The topic that the lines go to.")
    .define("batch.size", ConfigType.INT, 2000, None, Importance.LOW, "The most lines handed over at a time.")
)


class FileStreamSourceConnector(SourceConnector):
    """Reads a file line by line and waits for more at its end."""

    def __init__(self) -> None:
        self._props: dict[str, str] = {}

    @classmethod
    def version(cls) -> str:
        return __version__

    @classmethod
    def config(cls) -> ConfigDef:
        return _DEFINITION

    def validate(self, props: Mapping[str, str]) -> list[ConfigValue]:
        values = super().validate(props)
        if not props.get("file"):
            next(value for value in values if value.name == "file").add_error(
                "file is missing: tasks run in processes of their own and cannot read the worker's standard input."
            )
        return values

    def start(self, props: Mapping[str, str]) -> None:
        self._props = dict(props)

    def task_class(self) -> type[SourceTask]:
        return FileStreamSourceTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props)]

    def stop(self) -> None:
        pass

    def exactly_once_support(self, props: Mapping[str, str]) -> ExactlyOnceSupport:
        return ExactlyOnceSupport.SUPPORTED if props.get("file") else ExactlyOnceSupport.UNSUPPORTED

    def alter_offsets(
        self, props: Mapping[str, str], offsets: Sequence[tuple[SourcePartition, SourceOffset | None]]
    ) -> bool:
        """A position is a count of bytes from the start of the file; partitions of earlier files may be reset."""
        for partition, offset in offsets:
            if offset is None:
                continue
            position = offset.get(POSITION)
            if isinstance(position, bool) or not isinstance(position, int) or position < 0:
                raise ConnectException(
                    f"Offsets must be null or hold '{POSITION}', a number of bytes from 0 on.",
                    code="OFFSET_INVALID",
                    field=f"offsets.offset.{POSITION}",
                )
            if FILENAME not in partition:
                raise ConnectException(
                    f"Partitions must hold '{FILENAME}'.",
                    code="OFFSET_PARTITION_INVALID",
                    field=f"offsets.partition.{FILENAME}",
                )
        return True
