"""The setting that every converter declares. Source: org.apache.kafka.connect.storage.ConverterConfig."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.config.validators import one_of


def converter_def() -> ConfigDef:
    """A definition that begins with `converter.type`; the converter's own keys are added to it."""
    return ConfigDef().define(
        "converter.type",
        ConfigType.STRING,
        validator=one_of("key", "value", "header"),
        importance=Importance.LOW,
        documentation="What is converted: key, value or header. Set by the framework.",
    )


def parse_settings(definition: ConfigDef, props: Mapping[str, str]) -> dict[str, Any]:
    """The parsed settings; outside the framework `converter.type` may be left out."""
    return definition.parse(
        {"converter.type": "value", **{key: text for key, text in props.items() if key in definition}}
    )
