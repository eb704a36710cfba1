"""The settings, declared once: parsing, validation, forms and `headrace config check` come from here."""

from __future__ import annotations

from typing import Any

from headrace.config.validators import one_of
from headrace.spi import ConfigDef, ConfigException, ConfigType, Importance

VERSION = "1.0.0"


def parse_mapping(items: list[str]) -> dict[str, str]:
    """`["old:new", …]` → {old: new}. ConfigException for anything else."""
    mapping: dict[str, str] = {}
    for item in items:
        old, colon, new = (part.strip() for part in item.partition(":"))
        if not (old and colon and new) or ":" in new:
            raise ConfigException(f"{item!r} is not of the form old:new.", field="field.mapping")
        if old in mapping or new in mapping.values():
            raise ConfigException(f"{item!r} names a field for the second time.", field="field.mapping")
        mapping[old] = new
    return mapping


def _check_mapping(name: str, value: Any) -> None:
    parse_mapping(value or [])


SETTINGS = (
    ConfigDef()
    .define(
        "field.mapping",
        ConfigType.LIST,
        "",
        _check_mapping,
        Importance.HIGH,
        "Fields to rename, as old:new pairs. Everything below goes by the new names.",
    )
    .define(
        "data.type",
        ConfigType.STRING,
        "json",
        one_of("json", "avro"),
        Importance.HIGH,
        "What values are: json for maps without schema (JsonConverter with schemas.enable=false), avro for structs with a schema "
        "(Avro, Protobuf, or JSON with schemas).",
    )
    .define(
        "validation.enabled",
        ConfigType.BOOLEAN,
        True,
        documentation="Refuse records in which a required field is missing, null or empty text.",
    )
    .define(
        "required.fields", ConfigType.LIST, "id,name", documentation="The required fields, for validation.enabled=true."
    )
    .define("email.fields", ConfigType.LIST, "email", documentation="Fields to trim and to write in lower case.")
    .define("timestamp.fields", ConfigType.LIST, "created_at", documentation="Fields to write as ISO 8601 text in UTC.")
)
