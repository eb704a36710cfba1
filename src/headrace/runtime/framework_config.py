"""The settings the framework takes from a connector's configuration, in the order /validate shows them.

Source: SourceConnectorConfig and SinkConnectorConfig of Kafka Connect 4.3, and the observed order in its answers.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from headrace.config import NO_DEFAULT, ConfigDef, ConfigType, Importance, Width
from headrace.config.validators import (
    at_least,
    non_empty_without_control_chars,
    one_of,
    predicate,
    regex_pattern,
    unique_list,
)
from headrace.spi.plugins import PluginKind

COMMON: Final = "Common"
TRANSFORMS: Final = "Transforms"
PREDICATES: Final = "Predicates"
ERRORS: Final = "Error Handling"
TOPIC_CREATION: Final = "Topic Creation"
EXACTLY_ONCE: Final = "Exactly Once Support"
OFFSETS_TOPIC: Final = "offsets.topic"
HEADRACE: Final = "Headrace"

CLIENT_PREFIXES: Final = ("producer.override.", "consumer.override.", "admin.override.")


def _start() -> ConfigDef:
    return (
        ConfigDef()
        .define(
            "name",
            ConfigType.STRING,
            validator=non_empty_without_control_chars,
            importance=Importance.HIGH,
            documentation="The connector's name, unique in the worker or cluster.",
            group=COMMON,
            width=Width.MEDIUM,
            display_name="Connector name",
        )
        .define(
            "connector.class",
            ConfigType.STRING,
            importance=Importance.HIGH,
            documentation="The connector plugin: its full class name, its simple name, or that without the suffix Connector.",
            group=COMMON,
            width=Width.LONG,
            display_name="Connector class",
        )
        .define(
            "connector.plugin.version",
            ConfigType.STRING,
            None,
            importance=Importance.MEDIUM,
            documentation="The version of the connector plugin to use; the latest when not set.",
            group=COMMON,
            width=Width.MEDIUM,
            display_name="Connector version",
        )
        .define(
            "tasks.max",
            ConfigType.INT,
            1,
            at_least(1),
            Importance.HIGH,
            "The most tasks the connector may use.",
            group=COMMON,
            width=Width.SHORT,
            display_name="Tasks max",
        )
        .define(
            "tasks.max.enforce",
            ConfigType.BOOLEAN,
            True,
            importance=Importance.LOW,
            documentation="Whether a connector that plans more tasks than tasks.max fails. False starts them all.",
            group=COMMON,
            width=Width.SHORT,
            display_name="Enforce tasks max",
        )
    )


def _converters(definition: ConfigDef) -> None:
    for prefix, label in (("key", "Key"), ("value", "Value"), ("header", "Header")):
        definition.define(
            f"{prefix}.converter",
            ConfigType.CLASS,
            None,
            importance=Importance.LOW,
            documentation=f"The converter of {prefix}s, with settings {prefix}.converter.*; the worker's when not set.",
            group=COMMON,
            width=Width.SHORT,
            display_name=f"{label} converter class",
        )
        definition.define(
            f"{prefix}.converter.plugin.version",
            ConfigType.STRING,
            None,
            importance=Importance.LOW,
            documentation=f"The version of the {prefix} converter plugin to use.",
            group=COMMON,
            width=Width.SHORT,
            display_name=f"{label} converter version",
        )


def _aliases(definition: ConfigDef, name: str, group: str) -> None:
    definition.define(
        name,
        ConfigType.LIST,
        [],
        unique_list,
        Importance.LOW,
        f"Names of the {name} of this connector, each set by {name}.<name>.*.",
        group=group,
        width=Width.LONG,
        display_name=group,
    )


def _reload(definition: ConfigDef) -> None:
    definition.define(
        "config.action.reload",
        ConfigType.STRING,
        "restart",
        one_of("none", "restart"),
        Importance.LOW,
        "What happens when a secret from a config provider expires: restart the connector, or nothing.",
        group=COMMON,
        width=Width.MEDIUM,
        display_name="Reload action",
    )


def _errors(definition: ConfigDef) -> None:
    rows: tuple[tuple[str, ConfigType, Any, Any, Importance, str, str], ...] = (
        (
            "errors.retry.timeout",
            ConfigType.LONG,
            0,
            at_least(-1),
            Importance.MEDIUM,
            "How long a failed operation is tried again, in milliseconds; 0 never, -1 without end.",
            "Retry Timeout for Errors",
        ),
        (
            "errors.retry.delay.max.ms",
            ConfigType.LONG,
            60000,
            at_least(1),
            Importance.MEDIUM,
            "The longest wait between two tries, in milliseconds.",
            "Maximum Delay Between Retries for Errors",
        ),
        (
            "errors.tolerance",
            ConfigType.STRING,
            "none",
            one_of("none", "all", ignore_case=True),
            Importance.MEDIUM,
            "none fails the task at the first bad record; all skips bad records.",
            "Error Tolerance",
        ),
        (
            "errors.log.enable",
            ConfigType.BOOLEAN,
            False,
            None,
            Importance.MEDIUM,
            "Whether tolerated errors are logged too.",
            "Log Errors",
        ),
        (
            "errors.log.include.messages",
            ConfigType.BOOLEAN,
            False,
            None,
            Importance.MEDIUM,
            "Whether the log of an error shows the record, which may hold private data.",
            "Log Error Details",
        ),
    )
    for name, type, default, validator, importance, documentation, display in rows:
        definition.define(
            name,
            type,
            default,
            validator,
            importance,
            documentation,
            group=ERRORS,
            width=Width.MEDIUM if type is not ConfigType.BOOLEAN else Width.SHORT,
            display_name=display,
        )


def _source(definition: ConfigDef) -> None:
    definition.define(
        "topic.creation.groups",
        ConfigType.LIST,
        [],
        _topic_groups,
        Importance.LOW,
        "Names of topic groups, each set by topic.creation.<group>.*; the group default is always there.",
        group=TOPIC_CREATION,
        width=Width.LONG,
        display_name="Topic Creation Groups",
    )
    definition.define(
        "exactly.once.support",
        ConfigType.STRING,
        "requested",
        one_of("requested", "required", ignore_case=True),
        Importance.MEDIUM,
        "required refuses the connector when it cannot promise exactly-once delivery into the log.",
        group=EXACTLY_ONCE,
        width=Width.SHORT,
        display_name="Exactly once support",
    )
    definition.define(
        "transaction.boundary",
        ConfigType.STRING,
        "poll",
        one_of("poll", "interval", "connector", ignore_case=True),
        Importance.MEDIUM,
        "Where transactions end: after each batch, by time, or where the connector says.",
        group=EXACTLY_ONCE,
        width=Width.SHORT,
        display_name="Transaction Boundary",
    )
    definition.define(
        "transaction.boundary.interval.ms",
        ConfigType.LONG,
        None,
        predicate(lambda value: value >= 0, "Value must be at least 0"),
        Importance.LOW,
        "Time between commits for transaction.boundary=interval; offset.flush.interval.ms when not set.",
        group=EXACTLY_ONCE,
        width=Width.SHORT,
        display_name="Transaction boundary interval",
    )
    definition.define(
        "offsets.storage.topic",
        ConfigType.STRING,
        None,
        predicate(lambda value: bool(value.strip()), "String must be non-empty"),
        Importance.LOW,
        "A topic of its own for this connector's offsets.",
        group=OFFSETS_TOPIC,
        width=Width.LONG,
        display_name="Offsets topic",
    )


def _topic_groups(name: str, value: Any) -> None:
    unique_list(name, value)
    predicate(lambda names: "default" not in names, "the group default is implicit and must not be listed")(name, value)


def _topics(definition: ConfigDef) -> None:
    definition.define(
        "topics",
        ConfigType.LIST,
        [],
        importance=Importance.HIGH,
        documentation="The topics to read, separated by commas.",
        group=COMMON,
        order_in_group=4,
        width=Width.LONG,
        display_name="Topics",
    )
    definition.define(
        "topics.regex",
        ConfigType.STRING,
        "",
        regex_pattern,
        Importance.HIGH,
        "A regular expression for the topics to read. Give either this or topics.",
        group=COMMON,
        order_in_group=4,
        width=Width.LONG,
        display_name="Topics regex",
    )


def _dead_letters(definition: ConfigDef) -> None:
    definition.define(
        "errors.deadletterqueue.topic.name",
        ConfigType.STRING,
        "",
        importance=Importance.MEDIUM,
        documentation="The topic for records that could not be processed; empty for none.",
        group=ERRORS,
        order_in_group=6,
        width=Width.MEDIUM,
        display_name="Dead Letter Queue Topic Name",
    )
    definition.define(
        "errors.deadletterqueue.topic.replication.factor",
        ConfigType.SHORT,
        3,
        importance=Importance.MEDIUM,
        documentation="Replication factor of the dead letter topic, when it has to be created.",
        group=ERRORS,
        order_in_group=7,
        width=Width.MEDIUM,
        display_name="Dead Letter Queue Topic Replication Factor",
    )
    definition.define(
        "errors.deadletterqueue.context.headers.enable",
        ConfigType.BOOLEAN,
        False,
        importance=Importance.MEDIUM,
        documentation="Whether dead letters carry headers that tell where they come from and what went wrong.",
        group=ERRORS,
        order_in_group=8,
        width=Width.MEDIUM,
        display_name="Enable Error Context Headers",
    )


@cache
def connector_def(kind: PluginKind) -> ConfigDef:
    """The framework's keys for a source or sink, in Connect's order. Do not change the result."""
    definition = _start()
    if kind is PluginKind.SINK:
        _topics(definition)
    _converters(definition)
    _aliases(definition, "transforms", TRANSFORMS)
    _aliases(definition, "predicates", PREDICATES)
    _reload(definition)
    _errors(definition)
    if kind is PluginKind.SINK:
        _dead_letters(definition)
    else:
        _source(definition)
    return definition


def own_def() -> ConfigDef:
    """Settings of a connector that only this worker knows; validated when given, not shown among Connect's."""
    from headrace.runtime.restart_policy import policy_def

    definition = policy_def()
    definition.define(
        "headrace.task.memory.limit.bytes",
        ConfigType.LONG,
        0,
        at_least(0),
        Importance.LOW,
        "A task that uses more memory than this is killed (TASK_MEMORY_LIMIT); 0 for no limit.",
        group=HEADRACE,
    )
    return definition


def topic_group_def(group: str) -> ConfigDef:
    """Keys of one topic creation group, without their prefix `topic.creation.<group>.`. Source: KIP-158."""
    definition = ConfigDef()
    label = f"{TOPIC_CREATION}: {group}"
    count = predicate(lambda value: value == -1 or value >= 1, "Value must be -1 or at least 1")
    if group != "default":
        for key, default, what in (("include", NO_DEFAULT, "taken"), ("exclude", [], "left out")):
            definition.define(
                key,
                ConfigType.LIST,
                default,
                validator=_patterns,
                importance=Importance.LOW,
                documentation=f"Regular expressions of the topics that are {what}.",
                group=label,
                width=Width.LONG,
            )
    for key, type in (("replication.factor", ConfigType.SHORT), ("partitions", ConfigType.INT)):
        definition.define(
            key,
            type,
            None,
            validator=count,
            importance=Importance.LOW,
            documentation=f"The {key.replace('.', ' ')} of new topics of the group; -1 for the log's default.",
            group=label,
            width=Width.LONG,
        )
    return definition


def _patterns(name: str, value: Any) -> None:
    for pattern in value or ():
        regex_pattern(name, pattern)


def plugin_alias_def(what: str, alias: str) -> ConfigDef:
    """Keys every transform (`what`=transforms) or predicate has, without prefix."""
    label = f"{TRANSFORMS if what == 'transforms' else PREDICATES}: {alias}"
    definition = ConfigDef().define(
        "type",
        ConfigType.CLASS,
        importance=Importance.HIGH,
        documentation=f"The class of the {what[:-1]} {alias}.",
        group=label,
        width=Width.LONG,
        display_name=f"{what[:-1].capitalize()} type for {alias}",
    )
    definition.define(
        "plugin.version",
        ConfigType.STRING,
        None,
        importance=Importance.MEDIUM,
        documentation="The version of the plugin to use.",
        group=label,
        width=Width.LONG,
    )
    if what == "transforms":
        definition.define(
            "predicate",
            ConfigType.STRING,
            None,
            importance=Importance.MEDIUM,
            documentation="The predicate that decides which records are transformed; all when not set.",
            group=label,
            width=Width.LONG,
        )
        definition.define(
            "negate",
            ConfigType.BOOLEAN,
            False,
            importance=Importance.MEDIUM,
            documentation="Whether the predicate's answer is turned round.",
            group=label,
            width=Width.LONG,
        )
    return definition
