"""Configuration: declare once; parse, validate, render."""

from headrace.config.definition import ConfigDef, ConfigValue
from headrace.config.keys import NO_DEFAULT, ConfigKey, Importance, KeyPattern, Recommender, Validator, Width
from headrace.config.types import ConfigType, Password

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
