"""Resolves `${provider:path:key}` in configurations. Source: KIP-297, org.apache.kafka.common.config.ConfigTransformer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from headrace.config.provider import ConfigProvider

_REFERENCE: Final = re.compile(r"\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}")


class Reference(NamedTuple):
    """One `${provider:[path:]key}`."""

    provider: str
    path: str
    key: str


class Resolved(NamedTuple):
    """`config`: the values with references replaced. `ttl_ms`: the shortest time to live a provider gave, None when no
    value expires. `secrets`: every value that came from a provider, to be hidden from logs."""

    config: dict[str, str]
    ttl_ms: int | None
    secrets: frozenset[str]


def find_references(value: str) -> list[Reference]:
    """The references in a value, in order."""
    return [Reference(match[1], match[3] or "", match[4]) for match in _REFERENCE.finditer(value)]


def resolve(config: Mapping[str, str | None], providers: Mapping[str, ConfigProvider]) -> Resolved:
    """Replace every reference whose provider is known and has the key; all others stay as they are.

    Null values are left out. What a provider gives is not searched for references again. An error of a provider surfaces.
    """
    wanted: dict[str, dict[str, list[str]]] = {}
    for value in config.values():
        for reference in find_references(value or ""):
            if reference.provider in providers:
                keys = wanted.setdefault(reference.provider, {}).setdefault(reference.path, [])
                if reference.key not in keys:
                    keys.append(reference.key)
    found: dict[Reference, str] = {}
    ttls: list[int] = []
    for name, paths in wanted.items():
        for path, keys in paths.items():
            answer = providers[name].get(path, keys)
            if answer.ttl_ms is not None and answer.ttl_ms >= 0:
                ttls.append(answer.ttl_ms)
            found.update({Reference(name, path, key): answer.data[key] for key in keys if key in answer.data})

    def replace(match: re.Match[str]) -> str:
        return found.get(Reference(match[1], match[3] or "", match[4]), match[0])

    return Resolved(
        {key: _REFERENCE.sub(replace, value) for key, value in config.items() if value is not None},
        min(ttls, default=None),
        frozenset(secret for secret in found.values() if secret),
    )
