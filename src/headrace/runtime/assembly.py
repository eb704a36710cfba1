"""Building a task's plugins from its configuration: the task itself, converters, transforms and predicates.

A converter class set by the connector gets only the connector's keys of its prefix; else the worker's class gets only the
worker's keys. Source: connect-runtime Plugins.newConverter, ConnectorConfig.transformationStages (Kafka 4.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.errors import ConfigException
from headrace.runtime.chain import TransformStep
from headrace.runtime.converter_set import Converters, NamedConverter, NamedHeaderConverter
from headrace.runtime.task_settings import read_bool, read_list, read_text, with_prefix
from headrace.spi.plugins import PluginKind, PluginRegistry
from headrace.spi.transform import Predicate

DEFAULT_HEADER_CONVERTER = "org.apache.kafka.connect.storage.SimpleHeaderConverter"


def build_task(registry: PluginRegistry, kind: str, connector_config: Mapping[str, str]) -> Any:
    """A new instance of the connector's task class."""
    connector_class = required(connector_config, "connector.class")
    return registry.load(PluginKind(kind), connector_class)().task_class()()


def build_converters(registry: PluginRegistry, connector: Mapping[str, str], worker: Mapping[str, str]) -> Converters:
    """The configured converters. ConfigException, NotFoundException when one is missing or refuses its settings."""
    key, key_name = _converter(registry, PluginKind.CONVERTER, "key", connector, worker, None)
    value, value_name = _converter(registry, PluginKind.CONVERTER, "value", connector, worker, None)
    header, header_name = _converter(
        registry, PluginKind.HEADER_CONVERTER, "header", connector, worker, DEFAULT_HEADER_CONVERTER
    )
    return Converters(
        NamedConverter(key, key_name), NamedConverter(value, value_name), NamedHeaderConverter(header, header_name)
    )


def _converter(
    registry: PluginRegistry,
    kind: PluginKind,
    role: str,
    connector: Mapping[str, str],
    worker: Mapping[str, str],
    default: str | None,
) -> tuple[Any, str]:
    key = f"{role}.converter"
    config = connector if connector.get(key) else worker
    name = config.get(key) or default
    if not name:
        required(config, key)
    entry = registry.find(kind, str(name))
    converter = entry.load()()
    converter.configure({**with_prefix(config, f"{key}."), "converter.type": role})
    return converter, entry.class_name


def build_chain(registry: PluginRegistry, config: Mapping[str, str]) -> list[TransformStep[Any]]:
    """The steps of `transforms`, configured. ConfigException with the key as its field for refused settings."""
    predicates: dict[str, Predicate[Any]] = {}
    for alias in read_list(config, "predicates"):
        prefix = f"predicates.{alias}."
        entry = registry.find(PluginKind.PREDICATE, required(config, f"{prefix}type"))
        predicate = entry.load()()
        predicate.configure(_own(config, prefix, ("type",)))
        predicates[alias] = predicate
    steps: list[TransformStep[Any]] = []
    for alias in read_list(config, "transforms"):
        prefix = f"transforms.{alias}."
        entry = registry.find(PluginKind.TRANSFORMATION, required(config, f"{prefix}type"))
        transform = entry.load()()
        transform.configure(_own(config, prefix, ("type", "predicate", "negate")))
        name = read_text(config, f"{prefix}predicate", "")
        if name and name not in predicates:
            raise ConfigException(
                f"Transform {alias} names predicate {name}, which is not among predicates={config.get('predicates', '')}.",
                field=f"{prefix}predicate",
                remedy=f"Add {name} to predicates, or correct the name.",
            )
        negate = read_bool(config, f"{prefix}negate", False)
        steps.append(TransformStep(transform, entry.class_name, predicates.get(name), negate))
    return steps


def _own(config: Mapping[str, str], prefix: str, framework: tuple[str, ...]) -> dict[str, str]:
    return {key: value for key, value in with_prefix(config, prefix).items() if key not in framework}


def required(config: Mapping[str, str], key: str) -> str:
    """The setting; ConfigException when it is missing or empty."""
    value = config.get(key, "").strip()
    if not value:
        raise ConfigException(
            f'Missing required configuration "{key}" which has no default value.', code="CONFIG_MISSING", field=key
        )
    return value
