"""Config provider references, resolved inside a child at the last moment; the values found are hidden from its log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headrace.config import ConfigType, references
from headrace.config.provider import ConfigProvider
from headrace.config.references import Resolved
from headrace.errors import ConfigException
from headrace.foundation import logs
from headrace.spi.plugins import PluginKind, PluginRegistry

if TYPE_CHECKING:
    from headrace.runtime.hosting.child import ChildContext


def resolve(context: ChildContext, config: Mapping[str, str]) -> Resolved:
    """`config` with its references replaced by what the worker's config providers give. ConfigException from a provider."""
    return resolve_with(context.registry, context.worker_config, config)


def resolve_with(
    registry: PluginRegistry, worker_config: Mapping[str, str], config: Mapping[str, str | None]
) -> Resolved:
    """As `resolve`, with what it needs handed in. Keys without value are left out."""
    used = {reference.provider for value in config.values() for reference in references.find_references(value or "")}
    names = [name.strip() for name in worker_config.get("config.providers", "").split(",")]
    providers = {name: _provider(registry, worker_config, name) for name in names if name in used}
    try:
        resolved = references.resolve(config, providers)
    finally:
        for provider in providers.values():
            provider.close()
    logs.hide(resolved.secrets)
    return resolved


def _provider(registry: PluginRegistry, worker_config: Mapping[str, str], name: str) -> ConfigProvider:
    field = f"config.providers.{name}.class"
    if field not in worker_config:
        raise ConfigException(f"The config provider {name} has no class.", code="CONFIG_MISSING", field=field)
    provider: ConfigProvider = registry.load(PluginKind.CONFIG_PROVIDER, worker_config[field])()
    prefix = f"config.providers.{name}.param."
    provider.configure(
        {key.removeprefix(prefix): value for key, value in worker_config.items() if key.startswith(prefix)}
    )
    return provider


def to_references(task: Mapping[str, str], raw: Mapping[str, str], resolved: Mapping[str, str]) -> dict[str, str]:
    """A task configuration with every value that the connector passed on unchanged replaced by the reference it came from, so
    that secrets are neither stored nor shown."""
    back = {key: text for key, text in raw.items() if resolved.get(key) != text}
    return {key: back[key] if key in back and resolved[key] == value else value for key, value in task.items()}


def hide_passwords(plugin: type[Any], config: Mapping[str, str]) -> None:
    """Keep the values of the plugin's password settings out of the log, however they got into the configuration."""
    keys = [key.name for key in plugin.config() if key.type is ConfigType.PASSWORD]
    logs.hide(config[name] for name in keys if name in config)
