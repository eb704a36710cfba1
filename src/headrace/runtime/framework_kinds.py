"""Framework keys that only sources or only sinks have. Source: SourceConnectorConfig and SinkConnectorConfig of Kafka Connect 4.3."""

from __future__ import annotations

from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.config.validators import one_of, predicate, regex_pattern, unique_list

COMMON: Final = "Common"
ERRORS: Final = "Error Handling"
TOPIC_CREATION: Final = "Topic Creation"
EXACTLY_ONCE: Final = "Exactly Once Support"
OFFSETS_TOPIC: Final = "offsets.topic"


def add_source_keys(definition: ConfigDef) -> None:
    """Topic creation, exactly once, offsets topic."""
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
        "required refuses the connector when it cannot promise exactly-once delivery into the log, and fails its task at a record "
        "the log refuses, whatever errors.tolerance says. With requested, a supporting connector has it but in that case.",
        group=EXACTLY_ONCE,
        order_in_group=2,
        width=Width.SHORT,
        display_name="Exactly once support",
    )
    definition.define(
        "transaction.boundary",
        ConfigType.STRING,
        "poll",
        one_of("poll", "interval", "connector", ignore_case=True),
        Importance.MEDIUM,
        "Where transactions end. poll and interval: with each polled batch, which is committed at once with its offsets; connector "
        "is refused: this worker does not offer it.",
        group=EXACTLY_ONCE,
        order_in_group=3,
        width=Width.SHORT,
        display_name="Transaction Boundary",
    )
    definition.define(
        "transaction.boundary.interval.ms",
        ConfigType.LONG,
        None,
        predicate(lambda value: value >= 0, "Value must be at least 0"),
        Importance.LOW,
        "The longest time between commits for transaction.boundary=interval; as every batch is committed at once, never reached.",
        group=EXACTLY_ONCE,
        order_in_group=4,
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
        no_effect="the embedded log keeps all offsets in one store, committed with the records",
    )


def _topic_groups(name: str, value: Any) -> None:
    unique_list(name, value)
    predicate(lambda names: "default" not in names, "the group default is implicit and must not be listed")(name, value)


def add_topics(definition: ConfigDef) -> None:
    """What a sink reads."""
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


def add_dead_letters(definition: ConfigDef) -> None:
    """Where a sink's bad records go."""
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
