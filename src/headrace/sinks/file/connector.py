"""The connector: declares the settings, plans the tasks. Source: Kafka's connect-file, FileStreamSinkConnector."""

from __future__ import annotations

from collections.abc import Mapping

from headrace import __version__
from headrace.config import ConfigDef, ConfigType, Importance
from headrace.sinks.file.task import FileStreamSinkTask
from headrace.spi import SinkConnector, SinkTask
from headrace.spi.context import TopicPartition

_DEFINITION = ConfigDef().define(
    "file",
    ConfigType.STRING,
    None,
    None,
    Importance.HIGH,
    "The file that lines are appended to; without it they go to the worker's standard output.",
)


class FileStreamSinkConnector(SinkConnector):
    """Appends the text of each record's value to a file."""

    def __init__(self) -> None:
        self._props: dict[str, str] = {}

    @classmethod
    def version(cls) -> str:
        return __version__

    @classmethod
    def config(cls) -> ConfigDef:
        return _DEFINITION

    def start(self, props: Mapping[str, str]) -> None:
        self._props = dict(props)

    def task_class(self) -> type[SinkTask]:
        return FileStreamSinkTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props) for _ in range(max_tasks)]

    def stop(self) -> None:
        pass

    def alter_offsets(self, props: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:
        """The file keeps no positions."""
        return True
