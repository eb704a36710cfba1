"""The settings the framework takes from a connector's configuration, in the order /validate shows them.

Source: SourceConnectorConfig and SinkConnectorConfig of Kafka Connect 4.3, and the observed order in its answers.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.config.validators import (
    at_least,
    non_empty_without_control_chars,
    one_of,
    unique_list,
)
from headrace.runtime.framework_kinds import COMMON, ERRORS, add_dead_letters, add_source_keys, add_topics
from headrace.runtime.restart_policy import policy_def
from headrace.spi.plugins import PluginKind

TRANSFORMS: Final = "Transforms"
PREDICATES: Final = "Predicates"
HEADRACE: Final = "Headrace"

VERSION_DOC: Final = "The version of the plugin to use; the installed one."
ONE_VERSION: Final = "one version of a plugin is installed at a time, and that one is used"

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
            documentation=VERSION_DOC,
            group=COMMON,
            width=Width.MEDIUM,
            display_name="Connector version",
            no_effect=ONE_VERSION,
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
            documentation=VERSION_DOC,
            group=COMMON,
            width=Width.SHORT,
            display_name=f"{label} converter version",
            no_effect=ONE_VERSION,
        )


def _aliases(definition: ConfigDef, name: str, group: str, order: int) -> None:
    definition.define(
        name,
        ConfigType.LIST,
        [],
        unique_list,
        Importance.LOW,
        f"Names of the {name} of this connector, each set by {name}.<name>.*.",
        group=group,
        order_in_group=order,
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
        order_in_group=14,
        width=Width.MEDIUM,
        display_name="Reload Action",
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
            width=Width.SHORT if type is ConfigType.BOOLEAN or name == "errors.tolerance" else Width.MEDIUM,
            display_name=display,
        )


@cache
def connector_def(kind: PluginKind) -> ConfigDef:
    """The framework's keys for a source or sink, in Connect's order. Do not change the result."""
    definition = _start()
    _converters(definition)
    # Connect counts places through groups here.
    _aliases(definition, "transforms", TRANSFORMS, 12)
    _aliases(definition, "predicates", PREDICATES, 13)
    _reload(definition)
    _errors(definition)
    if kind is PluginKind.SINK:
        add_topics(definition)
        add_dead_letters(definition)
    else:
        add_source_keys(definition)
    return definition


def own_def() -> ConfigDef:
    """Settings of a connector that only this worker knows; validated when given, not shown among Connect's."""
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
