"""The result of /validate: framework keys, the connector's own, converters, transforms, predicates, topic groups, client overrides.

Runs where plugin code may run. All errors are found together and stand at the key they are about.
Source: AbstractHerder.validateConnectorConfig and ConnectorConfig.enrich of Kafka Connect 4.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from headrace.config import ConfigDef, ConfigKey, ConfigValue
from headrace.config.rendering import config_info_to_json, key_to_json
from headrace.errors import ConfigException, HeadraceError, NotFoundException
from headrace.runtime.alias_config import plugin_alias_def, topic_group_def
from headrace.runtime.client_overrides import refused_overrides, shown_overrides
from headrace.runtime.exactly_once import exactly_once_problems
from headrace.runtime.framework_config import connector_def, own_def
from headrace.runtime.framework_kinds import EXACTLY_ONCE, OFFSETS_TOPIC, TOPIC_CREATION
from headrace.runtime.herder import ValidationResult
from headrace.runtime.hosting.resolving import hide_passwords, resolve_with
from headrace.runtime.installed_plugins import CONVERTERS, installed_defaults, with_defaults
from headrace.spi.plugins import CONNECTORS, PluginEntry, PluginKind, PluginRegistry


class _Collected:
    """Definitions with their values, in order; `value` finds the entry of a key, to add an error."""

    def __init__(self) -> None:
        self.entries: list[tuple[ConfigKey | None, ConfigValue]] = []
        self._by_name: dict[str, ConfigValue] = {}

    def add(self, key: ConfigKey | None, value: ConfigValue, *, first: bool = False) -> None:
        if value.name not in self._by_name:
            self._by_name[value.name] = value
            self.entries.insert(0 if first else len(self.entries), (key, value))

    def add_def(self, definition: ConfigDef, values: Iterable[ConfigValue]) -> None:
        for value in values:
            self.add(definition.get(value.name), value)

    def error(self, name: str, text: str, given: str | None = None) -> None:
        """An error at a key; a key without definition gets an entry of its own."""
        if name not in self._by_name:
            self.add(None, ConfigValue(name, given))
        value = self._by_name[name]
        if text not in value.errors:
            value.errors.append(text)

    def known(self, name: str) -> bool:
        return name in self._by_name

    def value(self, name: str) -> Any:
        found = self._by_name.get(name)
        return found.value if found is not None and not found.errors else None

    def settle(self, name: str, value: Any, *, visible: bool = True) -> None:
        """What a form shows for a key instead of what was parsed."""
        if name in self._by_name:
            self._by_name[name].value, self._by_name[name].visible = value, visible

    def recommend(self, name: str, values: Sequence[str]) -> None:
        if (found := self._by_name.get(name)) is not None and not found.recommended_values:
            found.recommended_values = list(values)


def validate(
    registry: PluginRegistry, worker_config: Mapping[str, str], config: Mapping[str, str | None]
) -> ValidationResult:
    """Validate a whole connector configuration. NotFoundException or ConfigException when its class cannot be found."""
    raw_class = config.get("connector.class")
    if not raw_class:
        raise ConfigException(
            "Connector config must contain connector.class.", code="CONFIG_MISSING", field="connector.class"
        )
    try:
        resolved = resolve_with(registry, worker_config, config).config
    except HeadraceError as error:
        raise ConfigException(
            f"A config provider refused a reference: {error.message}",
            code=error.code,
            field=error.field,
            remedy=error.remedy,
        ) from error
    entry = _connector(registry, resolved["connector.class"])
    cls = entry.load()
    hide_passwords(cls, resolved)
    found = _Collected()
    installed = installed_defaults(registry, worker_config, resolved, entry)
    framework = with_defaults(connector_def(entry.kind), installed)
    found.add_def(framework, framework.validate(resolved))
    for key, version in installed.items():
        if key.endswith(".plugin.version") and version is not None:
            found.recommend(key, [version])
    _plugins(registry, resolved, found, "transforms", PluginKind.TRANSFORMATION)
    _plugins(registry, resolved, found, "predicates", PluginKind.PREDICATE)
    instance = cls()
    own = cls.config()
    found.add_def(own, instance.validate(resolved))
    _null_values(config, found)
    _extras(resolved, found)
    _converters(registry, resolved, found)
    for key in shown_overrides(entry.kind, resolved):
        found.add(None, ConfigValue(key, resolved[key]))
    if entry.kind is PluginKind.SOURCE:
        _topic_groups(resolved, found)
        support, boundary = found.value("exactly.once.support"), found.value("transaction.boundary")
        for key, text in exactly_once_problems(instance, resolved, support or "", boundary or ""):
            found.error(key, text)
    else:
        _sink_topics(resolved, found)
    for key, text in refused_overrides(worker_config, resolved):
        found.error(key, text, resolved[key])
    return _result(raw_class, entry, framework, found)


def _connector(registry: PluginRegistry, name: str) -> PluginEntry:
    try:
        return registry.find(CONNECTORS, name)
    except NotFoundException as error:
        remedy = f"Correct connector.class. {error.remedy or ''}".strip()
        raise NotFoundException(error.message, code=error.code, field="connector.class", remedy=remedy) from error


def _null_values(config: Mapping[str, str | None], found: _Collected) -> None:
    for key, value in config.items():
        if value is None:
            if not found.known(key):
                found.add(None, ConfigValue(key), first=True)
            found.settle(key, None)
            found.error(key, f"Null value can not be supplied as the configuration value for {key}.")


def _extras(config: Mapping[str, str], found: _Collected) -> None:
    """Our own settings are checked when they are given; clients of Connect do not see them otherwise."""
    given = {key: value for key, value in config.items() if key.startswith("headrace.")}
    definition = own_def()
    for value in definition.validate(given):
        if value.name in given:
            found.add(definition.get(value.name), value)


def _converters(registry: PluginRegistry, config: Mapping[str, str], found: _Collected) -> None:
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


def _configure(cls: type[Any], given: Mapping[str, str], name: str, found: _Collected) -> None:
    instance = cls()
    try:
        instance.configure(given)
    except HeadraceError as error:
        found.error(name, error.message)
    except Exception as error:
        found.error(name, f"The converter refuses its settings: {error}")
    else:
        instance.close()


def _plugins(
    registry: PluginRegistry, config: Mapping[str, str], found: _Collected, what: str, kind: PluginKind
) -> None:
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


def _try_out(cls: type[Any], config: Mapping[str, str], prefix: str, found: _Collected) -> None:
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


def _topic_groups(config: Mapping[str, str], found: _Collected) -> None:
    if not any(key.startswith("topic.creation.") for key in config):
        return
    for group in ["default", *(found.value("topic.creation.groups") or [])]:
        definition = ConfigDef().embed(topic_group_def(group), prefix=f"topic.creation.{group}.")
        values = definition.validate(config)
        found.add_def(definition, values)
        if group == "default":
            for value in values:
                if value.value is None and not value.errors:
                    found.error(
                        value.name,
                        f'Missing required configuration "{value.name}": it is needed as soon as topic.creation.* is used.',
                    )


def _sink_topics(config: Mapping[str, str], found: _Collected) -> None:
    import re

    topics, pattern = found.value("topics") or [], found.value("topics.regex")
    both = "topics and topics.regex are mutually exclusive options, but both are set."
    neither = "Must configure one of topics or topics.regex"
    if topics and pattern:
        found.error("topics", both)
        found.error("topics.regex", both)
    elif not topics and not pattern and "topics.regex" not in {v.name for _, v in found.entries if v.errors}:
        found.error("topics", neither)
        found.error("topics.regex", neither)
    dead = found.value("errors.deadletterqueue.topic.name")
    if dead and (dead in topics or (pattern and re.fullmatch(pattern, dead))):
        found.error(
            "errors.deadletterqueue.topic.name",
            f"The dead letter topic {dead} is among the topics the connector reads.",
        )


def _text(name: str, value: str, error: HeadraceError) -> str:
    return f"Invalid value {value} for configuration {name}: {error}"


def _result(shown_class: str, entry: PluginEntry, framework: ConfigDef, found: _Collected) -> ValidationResult:
    groups = ["Common", "Transforms", "Predicates", "Error Handling"]
    if entry.kind is PluginKind.SOURCE:
        groups += [TOPIC_CREATION, EXACTLY_ONCE, OFFSETS_TOPIC]
    later: list[str] = []
    for key, _ in found.entries:
        group = key.group if key is not None else None
        if group and group not in groups:
            (
                later
                if ": " in group and group.split(": ")[0] in ("Transforms", "Predicates", TOPIC_CREATION)
                else groups
            ).append(group)
    configs = [config_info_to_json(value, key) for key, value in found.entries if key is None or not key.internal]
    count = sum(len(value.errors) for _, value in found.entries)
    return ValidationResult(shown_class, count, list(dict.fromkeys([*groups, *later])), configs)


def plugin_definitions(registry: PluginRegistry, name: str) -> list[dict[str, Any]]:
    """The definitions of a plugin's settings, REST form; a connector's own first, then the framework's it does not declare."""
    entry = registry.find([kind for kind in PluginKind if kind is not PluginKind.CONFIG_PROVIDER], name)
    own: ConfigDef = entry.load().config()
    keys = list(own)
    if entry.kind in CONNECTORS:
        framework = with_defaults(connector_def(entry.kind), {"connector.plugin.version": entry.version})
        keys += [key for key in framework if key.name not in own]
    return [key_to_json(key) for key in keys if not key.internal]
