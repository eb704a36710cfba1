"""One-shot questions that need plugin code, each answered in a child of its own: a plugin that hangs or dies costs only that.

Operations and their arguments (all plain data):
- discover {location}: what lies in one folder of plugin.path, as plain data (`PluginRegistry.to_plain`)
- plugins {}: [[class name, kind, version]] of all plugins
- resolve_worker {config}: a worker's properties with references replaced
- plugin_config {kinds, name}: the definitions of a plugin's settings, REST form
- validate {config}: the body of /validate
- alter_source_offsets {name, config, offsets}: the plugin's verdict; the offsets are written
- alter_sink_offsets {name, config, offsets}: the same for the consumer group; offsets None deletes it
- sink_offsets {name, config, group}: [[topic, partition, offset]]
- check_log {}: the id of the Kafka cluster that the log is on, once its clients' settings and the way to it are proven
- maintain {}: what the log removed
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from headrace.runtime.hosting.messages import CallWork, Result
from headrace.runtime.hosting.resolving import resolve, resolve_with
from headrace.spi.context import TopicPartition
from headrace.spi.plugins import PluginKind, PluginRegistry

if TYPE_CHECKING:
    from headrace.log.spi import Log
    from headrace.runtime.hosting.child import ChildContext

logger = logging.getLogger(__name__)

Arguments = dict[str, Any]
SHARED_ADMIN = "connect-shared-admin"
"""The client id of what a standalone worker does by itself, as Connect names it."""


def answer(context: ChildContext, work: CallWork) -> None:
    """Do the operation and send its result; raises what the plugin raises."""
    context.send(Result(_OPERATIONS[work.operation](context, work.arguments)))


def _discover(context: ChildContext, arguments: Arguments) -> Any:
    from headrace.spi.plugin_path import scan

    return PluginRegistry(*scan(arguments["location"])).to_plain()


def _plugins(context: ChildContext, arguments: Arguments) -> Any:
    return [[entry.class_name, entry.kind.value, entry.version] for entry in context.registry.entries()]


def _resolve_worker(context: ChildContext, arguments: Arguments) -> Any:
    folders = [item.strip() for item in arguments["config"].get("plugin.path", "").split(",") if item.strip()]
    return resolve_with(PluginRegistry.discover(folders), arguments["config"], arguments["config"]).config


def _plugin_config(context: ChildContext, arguments: Arguments) -> Any:
    from headrace.runtime.validation import plugin_definitions

    return plugin_definitions(context.registry, arguments["name"])


def _validate(context: ChildContext, arguments: Arguments) -> Any:
    from headrace.runtime.validation import validate

    result = validate(context.registry, context.worker_config, arguments["config"])
    return {"name": result.name, "error_count": result.error_count, "groups": result.groups, "configs": result.configs}


def _alter_source(context: ChildContext, arguments: Arguments) -> Any:
    from headrace.log.factory import open_stores

    config = resolve(context, arguments["config"]).config
    name = arguments["name"]
    store, _ = open_stores(context.worker_config)
    given = arguments["offsets"]
    if given is None:
        offsets: list[tuple[dict[str, Any], dict[str, Any] | None]] = [(part, None) for part, _ in store.list(name)]
    else:
        offsets = [(entry["partition"], entry["offset"]) for entry in given]
    connector = context.registry.load(PluginKind.SOURCE, config["connector.class"])()
    verified = bool(connector.alter_offsets(config, offsets))
    store.put(name, offsets)
    return verified


def _alter_sink(context: ChildContext, arguments: Arguments) -> Any:
    config = resolve(context, arguments["config"]).config
    log = _log_of(context, arguments["name"], config)
    group = arguments["group"]
    connector = context.registry.load(PluginKind.SINK, config["connector.class"])()
    given = arguments["offsets"]
    if given is None:
        known = _partitions_of(config, log) | set(log.group_offsets(group))
        verified = bool(connector.alter_offsets(config, dict.fromkeys(sorted(known))))
        log.delete_group(group)
        return verified
    offsets = {TopicPartition(topic, partition): offset for topic, partition, offset in given}
    verified = bool(connector.alter_offsets(config, offsets))
    log.alter_group_offsets(group, offsets)
    return verified


def _partitions_of(config: Mapping[str, str], log: Log) -> set[TopicPartition]:
    """All partitions the sink reads. A target may know positions of them that the group does not: the log may have been
    replaced, or nothing committed yet."""
    from headrace.runtime.sink_consumer import subscription

    topics, pattern = subscription(config)
    return {
        TopicPartition(topic, number)
        for topic, count in log.topics().items()
        if (re.fullmatch(pattern, topic) if pattern else topic in (topics or ()))
        for number in range(count)
    }


def _sink_offsets(context: ChildContext, arguments: Arguments) -> Any:
    log = _log_of(context, arguments["name"], resolve(context, arguments["config"]).config)
    found = log.group_offsets(arguments["group"])
    return [[at.topic, at.partition, offset] for at, offset in sorted(found.items())]


def _log_of(context: ChildContext, name: str, config: Mapping[str, str]) -> Log:
    """The log, by the clients of a connector."""
    from headrace.log.factory import open_log

    return open_log(context.worker_config, config, f"connector-adminclient-{name}")


def _check_log(context: ChildContext, arguments: Arguments) -> Any:
    from headrace.log.kafka.log import KafkaLog

    return KafkaLog(context.worker_config, admin_id=SHARED_ADMIN).check()


def _maintain(context: ChildContext, arguments: Arguments) -> Any:
    from headrace.log.factory import open_log

    return open_log(context.worker_config).maintain()


_OPERATIONS: dict[str, Callable[[ChildContext, Arguments], Any]] = {
    "discover": _discover,
    "plugins": _plugins,
    "resolve_worker": _resolve_worker,
    "plugin_config": _plugin_config,
    "validate": _validate,
    "alter_source_offsets": _alter_source,
    "alter_sink_offsets": _alter_sink,
    "sink_offsets": _sink_offsets,
    "check_log": _check_log,
    "maintain": _maintain,
}
