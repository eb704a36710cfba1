"""The files a user would write for the demo's pipeline: worker.properties and three connectors' JSON."""

from __future__ import annotations

import json
from pathlib import Path

from headrace.testing.servers import PostgresServer, RedisServer

SOURCE = "shop-source"
SINK_POSTGRES = "warehouse-sink"
SINK_REDIS = "cache-sink"
PLUGINS = Path(__file__).parent / "plugins"


def write_files(folder: Path, postgres: PostgresServer, redis: RedisServer, rest_port: int) -> list[Path]:
    """Write worker.properties, source.json, sink-pg.json, sink-redis.json; returns them in the order of the command line."""
    folder.mkdir(parents=True, exist_ok=True)
    worker = folder / "worker.properties"
    worker.write_text(
        "\n".join(
            [
                f"listeners=http://127.0.0.1:{rest_port}",
                "log.implementation=embedded",
                f"headrace.data.dir={folder / 'data'}",
                f"plugin.path={PLUGINS}",
                "key.converter=org.apache.kafka.connect.json.JsonConverter",
                "value.converter=org.apache.kafka.connect.json.JsonConverter",
                "offset.flush.interval.ms=1000",
                "",
            ]
        )
    )
    paths = [worker]
    for name, config in connectors(postgres, redis).items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps({"name": name, "config": config}, indent=2) + "\n")
        paths.append(path)
    return paths


def connectors(postgres: PostgresServer, redis: RedisServer) -> dict[str, dict[str, str]]:
    """The connectors' configurations by name."""
    route = {
        "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
        "transforms.route.regex": r"shop\.public\.(.*)",
        "transforms.route.replacement": "$1",
    }
    return {
        SOURCE: {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "tasks.max": "1",
            "database.hostname": postgres.host,
            "database.port": str(postgres.port),
            "database.user": postgres.user,
            "database.password": postgres.password,
            "database.dbname": "shop",
            "topic.prefix": "shop",
            "plugin.name": "pgoutput",
            "slot.name": "headrace_demo",
            "publication.name": "headrace_demo",
            "publication.autocreate.mode": "filtered",
            "table.include.list": r"public\..*",
            "interval.handling.mode": "string",
            "transforms": "email",
            "transforms.email.type": "mask_email.MaskEmail",
            "transforms.email.predicate": "customers",
            "predicates": "customers",
            "predicates.customers.type": "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
            "predicates.customers.pattern": r"shop\.public\.customers",
        },
        SINK_POSTGRES: {
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "tasks.max": "1",
            "topics.regex": r"shop\.public\..*",
            "connection.url": postgres.jdbc_url("warehouse"),
            "connection.username": postgres.user,
            "connection.password": postgres.password,
            "insert.mode": "upsert",
            "delete.enabled": "true",
            "primary.key.mode": "record_key",
            "schema.evolution": "basic",
            "transforms": "unwrap,route",
            "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
            "transforms.unwrap.delete.tombstone.handling.mode": "tombstone",
            **route,
        },
        SINK_REDIS: {
            "connector.class": "com.redis.kafka.connect.RedisSinkConnector",
            "tasks.max": "1",
            "topics.regex": r"shop\.public\..*",
            "redis.uri": redis.uri,
            "redis.type": "HASH",
            "transforms": "route",
            **route,
        },
    }
