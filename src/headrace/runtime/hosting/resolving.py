"""Config provider references, resolved inside a child at the last moment; the values found are hidden from its log.

`${provider:[path:]key}`; an unknown provider or a missing key leaves the text as it is. Source: KIP-297, KIP-421.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from headrace.errors import ConfigException
from headrace.foundation import logs
from headrace.spi.plugins import PluginKind, PluginRegistry

if TYPE_CHECKING:
    from headrace.runtime.hosting.child import ChildContext

_REFERENCE: Final = re.compile(r"\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration without references. `ttl_ms`: when the first value expires, None = never."""

    config: dict[str, str]
    ttl_ms: int | None = None


def resolve(context: ChildContext, config: Mapping[str, str]) -> Resolved:
    """`config` with its references replaced by what the worker's config providers give. ConfigException from a provider."""
    return resolve_with(context.registry, context.worker_config, config)


def resolve_with(
    registry: PluginRegistry, worker_config: Mapping[str, str], config: Mapping[str, str | None]
) -> Resolved:
    """As `resolve`, with what it needs handed in. Keys without value are left out."""
    given = {key: value for key, value in config.items() if value is not None}
    wanted: dict[tuple[str, str], set[str]] = {}
    for value in given.values():
        for provider, _, path, key in _REFERENCE.findall(value):
            wanted.setdefault((provider, path), set()).add(key)
    if not wanted:
        return Resolved(given)
    names = [name.strip() for name in worker_config.get("config.providers", "").split(",") if name.strip()]
    providers = {name: _provider(registry, worker_config, name) for name in names if any(p == name for p, _ in wanted)}
    found: dict[tuple[str, str], Mapping[str, str]] = {}
    ttls: list[int] = []
    try:
        for (name, path), keys in wanted.items():
            if name in providers:
                data = providers[name].get(path, keys)
                found[name, path] = data.data
                if data.ttl_ms is not None:
                    ttls.append(data.ttl_ms)
    finally:
        for provider in providers.values():
            provider.close()

    def replace(match: re.Match[str]) -> str:
        values = found.get((match[1], match[3] or ""), {})
        return values.get(match[4], match[0])

    for values in found.values():
        logs.hide(set(values.values()))
    return Resolved({key: _REFERENCE.sub(replace, value) for key, value in given.items()}, min(ttls, default=None))


def _provider(registry: PluginRegistry, worker_config: Mapping[str, str], name: str) -> Any:
    field = f"config.providers.{name}.class"
    if field not in worker_config:
        raise ConfigException(f"The config provider {name} has no class.", code="CONFIG_MISSING", field=field)
    provider = registry.load(PluginKind.CONFIG_PROVIDER, worker_config[field])()
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
