"""The connector: checks the settings against the database and divides the tables over the tasks."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.spi import ConfigDef, ConfigValue, ConnectException, SourceConnector, SourceTask
from polling_source.database import check_table, connect
from polling_source.settings import SETTINGS, VERSION
from polling_source.task import PollingSourceTask


class PollingSourceConnector(SourceConnector):
    """Reads new and changed rows of some tables; see the README for what polling can and cannot see."""

    @classmethod
    def version(cls) -> str:
        return VERSION

    @classmethod
    def config(cls) -> ConfigDef:
        return SETTINGS

    def validate(self, props: Mapping[str, str]) -> list[ConfigValue]:
        """Besides the declared rules: the database answers, and the tables can be polled."""
        values = super().validate(props)
        if any(value.errors for value in values):
            return values
        by_name = {value.name: value for value in values}
        config = SETTINGS.parse(props)
        try:
            connection = connect(config)
        except ConnectException as error:
            by_name["database.hostname"].add_error(str(error))
            return values
        with connection:
            for table in config["table.whitelist"]:
                try:
                    check_table(connection, table, config["timestamp.column"])
                except ConnectException as error:
                    by_name[error.field or "table.whitelist"].add_error(str(error))
        return values

    def start(self, props: Mapping[str, str]) -> None:
        self._props = dict(props)
        connect(SETTINGS.parse(props)).close()

    def task_class(self) -> type[SourceTask]:
        return PollingSourceTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        """Even shares of the tables: never more tasks than tables, for a task without work costs a process."""
        tables = SETTINGS.parse(self._props)["table.whitelist"]
        count = min(max_tasks, len(tables))
        shares = [tables[i * len(tables) // count : (i + 1) * len(tables) // count] for i in range(count)]
        return [{**self._props, "table.whitelist": ",".join(share)} for share in shares]

    def stop(self) -> None:
        """The connector itself holds nothing open."""
