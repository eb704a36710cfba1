"""The settings a class declares, and what it says to given ones, in the form in which Connect's REST API shows them."""

from __future__ import annotations

from typing import Any

from codec import HashMap, String
from jpype import JClass

ConfigDef = JClass("org.apache.kafka.common.config.ConfigDef")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _definition(class_name: str) -> tuple[Any, Any]:
    instance = JClass(class_name)()
    return instance, instance.config()


def configdef(request: dict[str, Any]) -> dict[str, Any]:
    """Every declared key, in the order REST lists them: type, default, importance, documentation, group, order, width, display name,
    dependents, required."""
    _, definition = _definition(request["class"])
    return {"ok": [_key(key) for key in definition.configKeys().values()]}


def _key(key: Any) -> dict[str, Any]:
    has_default = bool(key.hasDefault())
    default = ConfigDef.convertToString(key.defaultValue, key.type()) if has_default else None
    return {
        "name": str(key.name),
        "type": str(key.type().name()),
        "required": not has_default,
        "default_value": _text(default),
        "importance": str(key.importance.name()),
        "documentation": _text(key.documentation),
        "group": _text(key.group),
        "order": int(key.orderInGroup),
        "width": str(key.width.name()),
        "display_name": _text(key.displayName),
        "dependents": sorted(str(name) for name in key.dependents),
        "internal": bool(key.internalConfig),
        "validator": _text(None if key.validator is None else key.validator.toString()),
    }


def validate(request: dict[str, Any]) -> dict[str, Any]:
    """What the class says to `config`: per key value, recommended values, errors, visibility. A connector is asked itself."""
    instance, definition = _definition(request["class"])
    config = HashMap()
    for name, value in request.get("config", {}).items():
        config.put(name, None if value is None else String(value))
    found = instance.validate(config).configValues() if hasattr(instance, "validate") else definition.validate(config)
    types = definition.configKeys()
    return {"ok": [_value(value, types.get(value.name())) for value in found]}


def _value(value: Any, key: Any) -> dict[str, Any]:
    def text(item: Any) -> str | None:
        return None if item is None else _text(ConfigDef.convertToString(item, None if key is None else key.type()))

    return {
        "name": str(value.name()),
        "value": text(value.value()),
        "recommended_values": [text(item) for item in value.recommendedValues()],
        "errors": [str(error) for error in value.errorMessages()],
        "visible": bool(value.visible()),
    }
