"""Declarations and outcomes as Connect's REST shows them, and as a reference page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from headrace.config.definition import ConfigDef, ConfigValue
from headrace.config.keys import ConfigKey, parse_default
from headrace.config.parsing import render_value
from headrace.config.types import ConfigType

_NO_GROUP: Final = "Settings"


def key_to_json(key: ConfigKey) -> dict[str, Any]:
    """The `definition` object of a key in REST answers."""
    return {
        "name": key.name,
        "type": key.type.value,
        "required": key.required,
        "default_value": None if key.required else render_value(key.type, parse_default(key)),
        "importance": key.importance.value,
        "documentation": key.documentation,
        "group": key.group,
        "order_in_group": key.order_in_group,
        "width": key.width.value,
        "display_name": key.display_name or key.name,
        "dependents": list(key.dependents),
    }


def value_to_json(value: ConfigValue, key: ConfigKey | None = None) -> dict[str, Any]:
    """The `value` object of an outcome in REST answers; `key` gives the type, so that secrets are hidden."""
    kind = key.type if key is not None else ConfigType.STRING
    return {
        "name": value.name,
        "value": render_value(kind, value.value),
        "recommended_values": [render_value(kind, item) for item in value.recommended_values],
        "errors": list(value.errors),
        "visible": value.visible,
    }


def config_info_to_json(value: ConfigValue, key: ConfigKey | None) -> dict[str, Any]:
    """One entry of `configs` in a validation answer; without a key the definition is null."""
    return {"definition": None if key is None else key_to_json(key), "value": value_to_json(value, key)}


def render_markdown(title: str, doc: str, definition: ConfigDef) -> str:
    """The reference page of a plugin: its title, what it does, a table of settings per group in order of first use."""
    parts = [f"# {title}", ""]
    if doc.strip():
        parts += [doc.strip(), ""]
    keys = [key for key in definition if not key.internal]
    if not keys and not definition.patterns():
        return "\n".join([*parts, "No settings.", ""])
    groups = list(dict.fromkeys(key.group or _NO_GROUP for key in keys))
    for group in groups:
        parts += [f"## {group}", "", *_table(key for key in keys if (key.group or _NO_GROUP) == group), ""]
    if patterns := definition.patterns():
        parts += ["## Keys by pattern", "", "| keys | meaning |", "|---|---|"]
        for item in patterns:
            meaning = _with_effect(item.documentation, item.no_effect)
            parts.append(f"| {_cell(_code(item.name))} | {_cell(meaning)} |")
        parts.append("")
    return "\n".join(parts)


def _table(keys: Iterable[ConfigKey]) -> list[str]:
    rows = ["| setting | type | default | importance | meaning |", "|---|---|---|---|---|"]
    for key in keys:
        cells = (
            _code(key.name),
            key.type.value.lower(),
            _default(key),
            key.importance.value.lower(),
            _with_effect(key.documentation, key.no_effect),
        )
        rows.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return rows


def _with_effect(documentation: str, no_effect: str) -> str:
    return f"{documentation} No effect: {no_effect}." if no_effect else documentation


def _default(key: ConfigKey) -> str:
    if key.required:
        return "**required**"
    text = render_value(key.type, parse_default(key))
    if text is None:
        return "–"
    return _code(text) if text else "(empty)"


def _code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
