"""A plugin registry that also knows classes a test hands over, without entry points."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from headrace.errors import ConfigException
from headrace.spi.connector import SinkConnector, SourceConnector
from headrace.spi.converter import Converter, HeaderConverter
from headrace.spi.plugins import PluginEntry, PluginKind, PluginRegistry
from headrace.spi.transform import Predicate, Transform

_KINDS: tuple[tuple[type, PluginKind], ...] = (
    (SourceConnector, PluginKind.SOURCE),
    (SinkConnector, PluginKind.SINK),
    (Transform, PluginKind.TRANSFORMATION),
    (Predicate, PluginKind.PREDICATE),
    (Converter, PluginKind.CONVERTER),
    (HeaderConverter, PluginKind.HEADER_CONVERTER),
)


class _ClassEntry(PluginEntry):
    """An entry whose class is at hand."""

    held: type[Any]

    def load(self) -> type[Any]:
        return self.held


def class_name(cls: type[Any]) -> str:
    """The name a configuration uses for a class that was handed over."""
    return f"{cls.__module__}.{cls.__qualname__}"


def registry_with(classes: Iterable[type[Any]]) -> PluginRegistry:
    """All installed plugins and these classes, named `module.Class`; `Class` alone will do where it is the only one.

    ConfigException for a class that is no plugin."""
    entries: list[PluginEntry] = []
    for cls in classes:
        kinds = [kind for base, kind in _KINDS if issubclass(cls, base)]
        if not kinds:
            raise ConfigException(f"{class_name(cls)} is neither a connector nor a transform, predicate or converter.")
        for kind in kinds:
            entry = _ClassEntry(class_name(cls), kind, f"{cls.__module__}:{cls.__qualname__}")
            object.__setattr__(entry, "held", cls)
            entries.append(entry)
    return PluginRegistry([*entries, *_installed()])


@lru_cache(maxsize=1)
def _installed() -> tuple[PluginEntry, ...]:
    return tuple(PluginRegistry.discover().entries())
