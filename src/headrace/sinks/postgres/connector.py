"""The connector classes: one per dialect of keys, and a short name of our own."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace

from headrace.config import ConfigDef, ConfigValue
from headrace.errors import ConfigException, HeadraceError
from headrace.sinks.postgres.config import confluent_config, debezium_config, problems, read_settings
from headrace.sinks.postgres.positions import PositionTable
from headrace.sinks.postgres.task import ConfluentSinkTask, DebeziumSinkTask
from headrace.spi.connector import SinkConnector
from headrace.spi.context import TopicPartition
from headrace.spi.sink import SinkTask
from headrace.systems.postgres import DatabaseError, connect, map_error

VALIDATE_TIMEOUT_S = 5.0


class DebeziumJdbcSinkConnector(SinkConnector):
    """PostgreSQL sink with the keys of io.debezium.connector.jdbc.JdbcSinkConnector."""

    @classmethod
    def version(cls) -> str:
        from headrace import __version__

        return __version__

    @classmethod
    def config(cls) -> ConfigDef:
        return debezium_config()

    def task_class(self) -> type[SinkTask]:
        return DebeziumSinkTask

    def start(self, props: Mapping[str, str]) -> None:
        read_settings(self.config(), props)
        self._props = dict(props)

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props) for _ in range(max_tasks)]

    def stop(self) -> None:
        pass

    def validate(self, props: Mapping[str, str]) -> list[ConfigValue]:
        """Also refuses what this sink does not do, and logs in to the target."""
        values = super().validate(props)
        by_name = {value.name: value for value in values}

        def add(error: HeadraceError) -> None:
            found = by_name.get(error.field or "") or by_name["connection.url"]
            found.add_error(str(error))

        for problem in problems(self.config(), props):
            add(problem)
        if any(value.errors for value in values):
            return values
        try:
            target = read_settings(self.config(), props).target
            connect(replace(target, connect_timeout_s=min(target.connect_timeout_s, VALIDATE_TIMEOUT_S))).close()
        except HeadraceError as error:
            add(error)
        return values

    def alter_offsets(self, props: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:
        """Write the positions kept in the target too, for they win over the committed offsets."""
        settings = read_settings(self.config(), props)
        name = props.get("name")
        if not name:
            raise ConfigException("The connector has no name.", code="CONFIG_MISSING", field="name")
        table = PositionTable(settings.offsets_table, name)
        with contextlib.closing(connect(settings.target)) as connection:
            try:
                if settings.schema:
                    connection.execute("SELECT set_config('search_path', %s, false)", (settings.schema,))
                table.create(connection)
                with connection.transaction():
                    table.set(connection, offsets)
            except DatabaseError as error:
                raise map_error(error, settings.target) from error
        return True


class ConfluentJdbcSinkConnector(DebeziumJdbcSinkConnector):
    """PostgreSQL sink with the keys of io.confluent.connect.jdbc.JdbcSinkConnector."""

    @classmethod
    def config(cls) -> ConfigDef:
        return confluent_config()

    def task_class(self) -> type[SinkTask]:
        return ConfluentSinkTask


class PostgresSinkConnector(DebeziumJdbcSinkConnector):
    """The same sink under a short name, with Debezium's keys."""
