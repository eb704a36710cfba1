"""Declarations and outcomes as REST shows them: the `definition` and `value` objects of /validate."""

from __future__ import annotations

from typing import Any

from headrace.config import ConfigKey, ConfigType, ConfigValue
from headrace.config.definition import parse_default
from headrace.config.parsing import render_value


def definition_json(key: ConfigKey | None) -> dict[str, Any] | None:
    """CONFIG_KEY of connect-rest; None for values that no definition covers."""
    if key is None:
        return None
    return {
        "name": key.name,
        "type": key.type.value,
        "required": key.required,
        "default_value": None if key.required else render_value(key.type, parse_default(key)),
        "importance": key.importance.value,
        "documentation": key.documentation,
        "group": key.group,
        "width": key.width.value,
        "display_name": key.display_name,
        "dependents": list(key.dependents),
        "order_in_group": key.order_in_group,
    }


def value_json(key: ConfigKey | None, value: ConfigValue) -> dict[str, Any]:
    """CONFIG_VALUE; secrets are hidden."""
    type = key.type if key is not None else ConfigType.STRING
    return {
        "name": value.name,
        "value": render_value(type, value.value),
        "recommended_values": [str(item) for item in value.recommended_values],
        "errors": list(value.errors),
        "visible": value.visible,
    }
