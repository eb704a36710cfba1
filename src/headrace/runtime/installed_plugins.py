"""Defaults of framework keys that hang on what is installed and on the worker: its converters, the versions of plugins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from headrace.config import ConfigDef
from headrace.errors import HeadraceError
from headrace.spi.plugins import PluginEntry, PluginKind, PluginRegistry

CONVERTERS: Final = {
    "key.converter": PluginKind.CONVERTER,
    "value.converter": PluginKind.CONVERTER,
    "header.converter": PluginKind.HEADER_CONVERTER,
}
_HEADERS: Final = "org.apache.kafka.connect.storage.SimpleHeaderConverter"


def installed_defaults(
    registry: PluginRegistry, worker_config: Mapping[str, str], config: Mapping[str, str], connector: PluginEntry
) -> dict[str, str | None]:
    """Framework key → what applies when it is not given; None where nothing does."""
    found: dict[str, str | None] = {"connector.plugin.version": connector.version}
    for name, kind in CONVERTERS.items():
        default = worker_config.get(name) or (_HEADERS if name == "header.converter" else None)
        found[name] = default
        chosen = config.get(name) or default
        found[name + ".plugin.version"] = _version(registry, kind, chosen) if chosen else None
    return found


def _version(registry: PluginRegistry, kind: PluginKind, name: str) -> str | None:
    try:
        return registry.find(kind, name).version
    except HeadraceError:
        # An unknown class is told of at the key that names it.
        return None


def with_defaults(definition: ConfigDef, defaults: Mapping[str, str | None]) -> ConfigDef:
    """A copy in which the named keys have these defaults."""
    return ConfigDef(replace(key, default=defaults.get(key.name, key.default)) for key in definition)
