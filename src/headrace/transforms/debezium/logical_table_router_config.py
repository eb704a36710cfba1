"""The settings of ByLogicalTableRouter. Source: the Field constants of io.debezium.transforms.ByLogicalTableRouter."""

from __future__ import annotations

from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.config.validators import all_of, non_empty, non_null, one_of
from headrace.errors import ConfigException
from headrace.transforms.regex_router import valid_pattern

CONFIG: Final = (
    ConfigDef()
    .define(
        "topic.regex",
        ConfigType.STRING,
        validator=all_of(non_null, non_empty, valid_pattern),
        importance=Importance.LOW,
        documentation="A regular expression for the whole topic; records of other topics pass unchanged.",
        width=Width.LONG,
        display_name="Topic regex",
    )
    .define(
        "topic.replacement",
        ConfigType.STRING,
        validator=all_of(non_null, non_empty),
        importance=Importance.LOW,
        documentation="The new topic, with $1 or ${name} for the groups of topic.regex.",
        width=Width.LONG,
        display_name="Topic replacement",
    )
    .define(
        "key.enforce.uniqueness",
        ConfigType.BOOLEAN,
        True,
        importance=Importance.LOW,
        documentation="Whether each key gets a field that tells the physical tables apart.",
        width=Width.SHORT,
        display_name="Add source topic name into key",
    )
    .define(
        "key.field.regex",
        ConfigType.STRING,
        None,
        valid_pattern,
        Importance.LOW,
        "A regular expression for the whole old topic; what key.field.replacement makes of it is the value of the added key field. "
        "Without it that is the old topic.",
        width=Width.LONG,
        display_name="Key field regex",
    )
    .define(
        "key.field.name",
        ConfigType.STRING,
        "__dbz__physicalTableIdentifier",
        importance=Importance.LOW,
        documentation="The name of the added key field.",
        width=Width.LONG,
        display_name="Key field name",
    )
    .define(
        "key.field.replacement",
        ConfigType.STRING,
        None,
        importance=Importance.LOW,
        documentation="The value of the added key field, with $1 or ${name} for the groups of key.field.regex.",
        width=Width.LONG,
        display_name="Key field replacement",
    )
    .define(
        "schema.name.adjustment.mode",
        ConfigType.STRING,
        "none",
        one_of("none", "avro", "avro_unicode", ignore_case=True),
        Importance.LOW,
        "How the new schema names are fitted to a serialization: none, avro (illegal characters become _), avro_unicode (they become "
        "their code).",
        width=Width.MEDIUM,
        display_name="Schema Name Adjustment",
    )
    .define(
        "logical.table.cache.size",
        ConfigType.INT,
        16,
        importance=Importance.LOW,
        documentation="How many schemas the original keeps.",
        width=Width.LONG,
        display_name="Logical table cache size",
        no_effect="every derived schema is kept",
    )
)


def check(settings: dict[str, Any]) -> None:
    """ConfigException when `key.field.regex` comes without a replacement."""
    if (settings["key.field.regex"] or "").strip() and not (settings["key.field.replacement"] or "").strip():
        raise ConfigException(
            "key.field.replacement must be non-empty if key.field.regex is set.", field="key.field.replacement"
        )
