"""The connector: checks the settings against the database. All tasks are alike; the log shares the partitions out."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.spi import ConfigDef, ConfigValue, ConnectException, SinkConnector, SinkTask
from upsert_sink.database import Database
from upsert_sink.settings import SETTINGS, VERSION
from upsert_sink.task import UpsertSinkTask


class UpsertSinkConnector(SinkConnector):
    """Writes each topic's records to the table named by the last part of the topic, keyed by the record's key."""

    @classmethod
    def version(cls) -> str:
        return VERSION

    @classmethod
    def config(cls) -> ConfigDef:
        return SETTINGS

    def validate(self, props: Mapping[str, str]) -> list[ConfigValue]:
        """Besides the declared rules: the database answers."""
        values = super().validate(props)
        if not any(value.errors for value in values):
            try:
                Database(SETTINGS.parse(props)).close()
            except ConnectException as error:
                next(value for value in values if value.name == "target.hostname").add_error(str(error))
        return values

    def start(self, props: Mapping[str, str]) -> None:
        self._props = dict(props)

    def task_class(self) -> type[SinkTask]:
        return UpsertSinkTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props)] * max_tasks

    def stop(self) -> None:
        """The connector itself holds nothing open."""
