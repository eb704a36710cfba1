"""The result of /validate: framework keys, the connector's own, converters, transforms, predicates, topic groups, client overrides.

Runs where plugin code may run. All errors are found together and stand at the key they are about.
Source: AbstractHerder.validateConnectorConfig and ConnectorConfig.enrich of Kafka Connect 4.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.config import ConfigDef, ConfigValue
from headrace.config.rendering import config_info_to_json, key_to_json
from headrace.errors import ConfigException, HeadraceError, NotFoundException
from headrace.runtime.alias_config import topic_group_def
from headrace.runtime.client_overrides import refused_overrides, shown_overrides, unusable_overrides
from headrace.runtime.exactly_once import exactly_once_problems
from headrace.runtime.framework_config import connector_def, own_def
from headrace.runtime.framework_kinds import EXACTLY_ONCE, OFFSETS_TOPIC, TOPIC_CREATION
from headrace.runtime.herder import ValidationResult
from headrace.runtime.hosting.resolving import hide_passwords, resolve_with
from headrace.runtime.installed_plugins import installed_defaults, with_defaults
from headrace.runtime.validation_findings import Findings
from headrace.runtime.validation_plugins import validate_chain, validate_converters
from headrace.spi.plugins import CONNECTORS, PluginEntry, PluginKind, PluginRegistry


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
    found = Findings()
    installed = installed_defaults(registry, worker_config, resolved, entry)
    framework = with_defaults(connector_def(entry.kind), installed)
    found.add_def(framework, framework.validate(resolved))
    for key, version in installed.items():
        if key.endswith(".plugin.version") and version is not None:
            found.recommend(key, [version])
    validate_chain(registry, resolved, found, "transforms", PluginKind.TRANSFORMATION)
    validate_chain(registry, resolved, found, "predicates", PluginKind.PREDICATE)
    instance = cls()
    own = cls.config()
    found.add_def(own, instance.validate(resolved))
    _null_values(config, found)
    _extras(resolved, found)
    validate_converters(registry, resolved, found)
    for key in shown_overrides(entry.kind, resolved):
        found.add(None, ConfigValue(key, resolved[key]))
    if entry.kind is PluginKind.SOURCE:
        _topic_groups(resolved, found)
        support, boundary = found.value("exactly.once.support"), found.value("transaction.boundary")
        for key, text in exactly_once_problems(instance, resolved, support or "", boundary or "", worker_config):
            found.error(key, text)
    else:
        _sink_topics(resolved, found)
    for key, text in (*refused_overrides(worker_config, resolved), *unusable_overrides(worker_config, resolved)):
        found.error(key, text, resolved[key])
    return _result(raw_class, entry, framework, found)


def _connector(registry: PluginRegistry, name: str) -> PluginEntry:
    try:
        return registry.find(CONNECTORS, name)
    except NotFoundException as error:
        remedy = f"Correct connector.class. {error.remedy or ''}".strip()
        raise NotFoundException(error.message, code=error.code, field="connector.class", remedy=remedy) from error


def _null_values(config: Mapping[str, str | None], found: Findings) -> None:
    for key, value in config.items():
        if value is None:
            if not found.known(key):
                found.add(None, ConfigValue(key), first=True)
            found.settle(key, None)
            found.error(key, f"Null value can not be supplied as the configuration value for {key}.")


def _extras(config: Mapping[str, str], found: Findings) -> None:
    """Our own settings are checked when they are given; clients of Connect do not see them otherwise."""
    given = {key: value for key, value in config.items() if key.startswith("headrace.")}
    definition = own_def()
    for value in definition.validate(given):
        if value.name in given:
            found.add(definition.get(value.name), value)


def _topic_groups(config: Mapping[str, str], found: Findings) -> None:
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


def _sink_topics(config: Mapping[str, str], found: Findings) -> None:
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


def _result(shown_class: str, entry: PluginEntry, framework: ConfigDef, found: Findings) -> ValidationResult:
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
