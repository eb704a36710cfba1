"""Validating the plugins that a connector's configuration names: converters, transforms, predicates. Each is also tried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.config import ConfigDef
from headrace.errors import HeadraceError
from headrace.runtime.alias_config import plugin_alias_def
from headrace.runtime.installed_plugins import CONVERTERS
from headrace.runtime.validation_findings import Findings
from headrace.spi.plugins import PluginKind, PluginRegistry


def validate_converters(registry: PluginRegistry, config: Mapping[str, str], found: Findings) -> None:
    """The converters that are named, with their own settings."""
    for name, kind in CONVERTERS.items():
        found.recommend(name, [entry.class_name for entry in registry.entries(kind)])
        if name not in config:
            continue
        prefix = name + "."
        try:
            entry = registry.find(kind, config[name])
            cls = entry.load()
        except HeadraceError as error:
            found.settle(name, None)
            found.settle(name + ".plugin.version", None, visible=False)
            found.error(name, _text(name, config[name], error))
            continue
        found.settle(name, entry.class_name)
        given = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
        given["converter.type"] = name.partition(".")[0]
        declared: ConfigDef = cls.config()
        values = declared.validate(given)
        embedded = ConfigDef().embed(declared, prefix=prefix)
        for value in values:
            found.add(embedded.get(prefix + value.name), replace(value, name=prefix + value.name))
        if not any(value.errors for value in values):
            _configure(cls, given, name, found)


def _configure(cls: type[Any], given: Mapping[str, str], name: str, found: Findings) -> None:
    instance = cls()
    try:
        instance.configure(given)
    except HeadraceError as error:
        found.error(name, error.message)
    except Exception as error:
        found.error(name, f"The converter refuses its settings: {error}")
    else:
        instance.close()


def validate_chain(
    registry: PluginRegistry, config: Mapping[str, str], found: Findings, what: str, kind: PluginKind
) -> None:
    """The transforms or the predicates; `what`: the key that lists their aliases."""
    installed = [entry.class_name for entry in registry.entries(kind)]
    for alias in _listed(config, what):
        prefix = f"{what}.{alias}."
        name = prefix + "type"
        failure: str | None = None
        own: ConfigDef | None = None
        cls: type[Any] | None = None
        shown = version = None
        if config.get(name):
            try:
                plugin = registry.find(kind, config[name])
                cls = plugin.load()
                own, version, shown = cls.config(), plugin.version, plugin.class_name
            except HeadraceError as error:
                failure = _text(name, config[name], error)
        definition = plugin_alias_def(what, alias, own, version)
        values = definition.validate(config)
        found.add_def(definition, values)
        found.recommend(name, installed)
        if version is not None:
            found.recommend(prefix + "plugin.version", [version])
        if config.get(name):
            found.settle(name, shown)
        if failure:
            found.error(name, failure)
        predicate = config.get(prefix + "predicate")
        if predicate and predicate not in _listed(config, "predicates"):
            found.error(
                prefix + "predicate",
                f"Invalid value {predicate} for configuration {prefix}predicate: no such predicate",
            )
        if cls is not None and not any(value.errors for value in values):
            _try_out(cls, config, prefix, found)
        if what == "transforms" and "negate" in {k.removeprefix(prefix) for k in config} and not predicate:
            found.error(prefix + "negate", f"{prefix}negate is set, but there is no {prefix}predicate to negate.")


def _try_out(cls: type[Any], config: Mapping[str, str], prefix: str, found: Findings) -> None:
    """What only shows when settings are seen together stands at the setting that the plugin names, else at its type."""
    given = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    instance = cls()
    try:
        instance.configure({key: value for key, value in given.items() if key not in ("type", "predicate", "negate")})
    except HeadraceError as error:
        known = error.field is not None and found.known(prefix + error.field)
        text = error.message.replace(f"configuration {error.field}:", f"configuration {prefix}{error.field}:")
        found.error(f"{prefix}{error.field}" if known else f"{prefix}type", text)
    except Exception as error:
        found.error(f"{prefix}type", f"Invalid value {config[prefix + 'type']} for configuration {prefix}type: {error}")
    else:
        instance.close()


def _listed(config: Mapping[str, str], what: str) -> list[str]:
    """The aliases; one that comes twice is an error of the list, its settings are shown all the same."""
    return list(dict.fromkeys(filter(None, (alias.strip() for alias in (config.get(what) or "").split(",")))))


def _text(name: str, value: str, error: HeadraceError) -> str:
    return f"Invalid value {value} for configuration {name}: {error}"
