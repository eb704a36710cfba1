"""Framework keys that repeat under a name the user chooses: transforms, predicates, topic creation groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from headrace.config import NO_DEFAULT, ConfigDef, ConfigType, Importance, Width
from headrace.config.validators import predicate, regex_pattern
from headrace.runtime.framework_config import ONE_VERSION, PREDICATES, TRANSFORMS, VERSION_DOC
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


def plugin_alias_def(what: str, alias: str, own: ConfigDef | None, version: str | None) -> ConfigDef:
    """All keys of one transform (`what`=transforms) or predicate, with their prefix, in Connect's order.

    `own`: what the class declares; None when there is no such class. Source: ConnectorConfig.EnrichablePlugin."""
    label = f"{TRANSFORMS if what == 'transforms' else PREDICATES}: {alias}"
    prefix, noun = f"{what}.{alias}.", "Transformation" if what == "transforms" else "Predicate"
    definition = ConfigDef().define(
        prefix + "type",
        ConfigType.CLASS,
        importance=Importance.HIGH,
        documentation=f"The class of the {what[:-1]} {alias}.",
        group=label,
        order_in_group=0,
        width=Width.LONG,
        display_name=f"{noun} type for {alias}",
    )
    definition.define(
        prefix + "plugin.version",
        ConfigType.STRING,
        version,
        importance=Importance.HIGH,
        documentation=VERSION_DOC,
        group=label,
        order_in_group=1,
        width=Width.LONG,
        display_name=f"{noun} version for {alias}",
        no_effect=ONE_VERSION,
    )
    if own is None:
        return definition
    keys = ConfigDef(_conditions() if what == "transforms" else ())
    for key in own:
        if key.name not in keys:
            keys.add(key)
    for place, key in enumerate(keys.in_form_order(), 2):
        inner = f"{label}: {key.group}" if key.group else label
        definition.embed(ConfigDef([replace(key, order_in_group=place)]), prefix=prefix, group=inner)
    return definition


def _conditions() -> ConfigDef:
    return (
        ConfigDef()
        .define(
            "predicate",
            ConfigType.STRING,
            None,
            importance=Importance.MEDIUM,
            documentation="The predicate that decides which records are transformed; all when not set.",
        )
        .define(
            "negate",
            ConfigType.BOOLEAN,
            False,
            importance=Importance.MEDIUM,
            documentation="Whether the predicate's answer is turned round.",
        )
    )
