"""Framework keys that repeat under a name the user chooses: transforms, predicates, topic creation groups."""

from __future__ import annotations

from typing import Any

from headrace.config import NO_DEFAULT, ConfigDef, ConfigType, Importance, Width
from headrace.config.validators import predicate, regex_pattern
from headrace.runtime.framework_config import PREDICATES, TRANSFORMS
from headrace.runtime.framework_kinds import TOPIC_CREATION


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
