"""RedisSinkConnector: plans tasks, checks the configuration against the server, moves positions for operators."""

from __future__ import annotations

from collections.abc import Mapping

import headrace
from headrace.config import ConfigDef, ConfigValue
from headrace.errors import ConfigException, HeadraceError
from headrace.sinks.redis.config import RedisSinkConfig, config_def
from headrace.sinks.redis.keys import KeyMaker
from headrace.sinks.redis.positions import Position, position_key
from headrace.sinks.redis.task import RedisSinkTask
from headrace.spi import SinkConnector, SinkTask, TopicPartition
from headrace.systems.redis import RedisLink


class RedisSinkConnector(SinkConnector):
    """See the package's docstring."""

    @classmethod
    def version(cls) -> str:
        return headrace.__version__

    @classmethod
    def config(cls) -> ConfigDef:
        return config_def()

    def validate(self, props: Mapping[str, str]) -> list[ConfigValue]:
        """Adds what the server says: reachable, password right, module there."""
        values = super().validate(props)
        by_name = {value.name: value for value in values}
        if any(value.errors for value in values):
            return values
        try:
            config = RedisSinkConfig.parse(props)
            KeyMaker(config.keyspace, config.separator, config.key_pattern)
            _check_server(config)
        except HeadraceError as error:
            name = error.field if error.field in by_name else "redis.host"
            if props.get("redis.uri") and name in ("redis.host", "redis.port"):
                name = "redis.uri"
            by_name[name].add_error(str(error))
        return values

    def start(self, props: Mapping[str, str]) -> None:
        RedisSinkConfig.parse(props)
        self._props = dict(props)

    def task_class(self) -> type[SinkTask]:
        return RedisSinkTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props) for _ in range(max_tasks)]

    def stop(self) -> None:
        pass

    def alter_offsets(self, props: Mapping[str, str], offsets: Mapping[TopicPartition, int | None]) -> bool:
        """Moves the positions kept in Redis as well, for they go before the consumer group's offsets."""
        config = RedisSinkConfig.parse(props)
        name = props.get("name", "")
        link = RedisLink(config.target)
        try:
            for partition, offset in offsets.items():
                key = position_key(partition, name, shared=config.shared_offsets)
                if offset is None:
                    link.call("DEL", key)
                else:
                    link.call("SET", key, Position(key, partition).text(offset, ""))
        finally:
            link.close()
        return True


def _check_server(config: RedisSinkConfig) -> None:
    link = RedisLink(config.target)
    try:
        link.call("PING")
        if config.type == "JSON" and not link.modules() & {"rejson", "json"}:
            raise ConfigException(
                f"{config.target.address} has no JSON module.",
                code="REDIS_NO_MODULE",
                field="redis.type",
                remedy="Use redis.type=JSON_STRING, which writes the same document as a string.",
            )
    finally:
        link.close()
