"""Configuration: declare once; parse, validate, render."""

from headrace.config.definition import (
    NO_DEFAULT,
    ConfigDef,
    ConfigKey,
    ConfigType,
    ConfigValue,
    Importance,
    KeyPattern,
    Password,
    Recommender,
    Validator,
    Width,
)

__all__ = [
    "NO_DEFAULT",
    "ConfigDef",
    "ConfigKey",
    "ConfigType",
    "ConfigValue",
    "Importance",
    "KeyPattern",
    "Password",
    "Recommender",
    "Validator",
    "Width",
]
