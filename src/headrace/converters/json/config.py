"""The settings of the JSON converter. Source: org.apache.kafka.connect.json.JsonConverterConfig."""

from __future__ import annotations

from typing import Final

from headrace.config import ConfigType, Importance, Width
from headrace.config.validators import one_of
from headrace.converters.settings import converter_def

CONFIG: Final = (
    converter_def()
    .define(
        "schemas.enable",
        ConfigType.BOOLEAN,
        True,
        importance=Importance.HIGH,
        documentation="Include schemas within each of the serialized values and keys.",
        group="Schemas",
        order_in_group=0,
        width=Width.MEDIUM,
        display_name="Enable Schemas",
    )
    .define(
        "schemas.cache.size",
        ConfigType.INT,
        1000,
        importance=Importance.HIGH,
        documentation="The maximum number of schemas that can be cached in this converter instance.",
        group="Schemas",
        order_in_group=1,
        width=Width.MEDIUM,
        display_name="Schema Cache Size",
    )
    .define(
        "schema.content",
        ConfigType.STRING,
        None,
        importance=Importance.HIGH,
        documentation="For sinks: the schema (JSON) of all data read, which then carries no schema of its own.",
        group="Schemas",
        order_in_group=2,
        width=Width.MEDIUM,
        display_name="Schema Content",
    )
    .define(
        "decimal.format",
        ConfigType.STRING,
        "BASE64",
        one_of("BASE64", "NUMERIC", ignore_case=True),
        Importance.LOW,
        "How decimals are written: BASE64 (of the unscaled value's bytes) or NUMERIC (a JSON number). Both are read.",
        group="Serialization",
        order_in_group=0,
        width=Width.MEDIUM,
        display_name="Decimal Format",
    )
    .define(
        "replace.null.with.default",
        ConfigType.BOOLEAN,
        True,
        importance=Importance.LOW,
        documentation="Whether a null field is written and read as its schema's default.",
        group="Serialization",
        order_in_group=1,
        width=Width.MEDIUM,
        display_name="Replace null with default",
    )
)
