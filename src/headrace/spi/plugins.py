"""The plugin registry: which connectors, transforms, predicates, converters and config providers there are.

Plugins come from entry points of installed distributions (groups `headrace.sources`, `headrace.sinks`, `headrace.transforms`,
`headrace.predicates`, `headrace.converters`, `headrace.header_converters`, `headrace.config_providers`; the entry point's name
is the class name that configurations use) and from the folders of `plugin.path` (see `plugin_path.py`). Naming a plugin imports
nothing; `PluginEntry.load` does. Aliases as in Connect: full name, simple name, simple name without its kind's suffix.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from typing import Any, Final

from headrace.errors import ConnectException, NotFoundException


class PluginKind(Enum):
    """What a plugin is; the value is the `type` that REST shows."""

    SOURCE = "source"
    SINK = "sink"
    TRANSFORMATION = "transformation"
    PREDICATE = "predicate"
    CONVERTER = "converter"
    HEADER_CONVERTER = "header_converter"
    CONFIG_PROVIDER = "config_provider"


CONNECTORS: Final = (PluginKind.SOURCE, PluginKind.SINK)

GROUPS: Final[dict[str, PluginKind]] = {
    "headrace.sinks": PluginKind.SINK,
    "headrace.sources": PluginKind.SOURCE,
    "headrace.transforms": PluginKind.TRANSFORMATION,
    "headrace.predicates": PluginKind.PREDICATE,
    "headrace.converters": PluginKind.CONVERTER,
    "headrace.header_converters": PluginKind.HEADER_CONVERTER,
    "headrace.config_providers": PluginKind.CONFIG_PROVIDER,
}
"""Entry point group → kind."""

_SUFFIXES: Final[dict[PluginKind, tuple[str, ...]]] = {
    PluginKind.SOURCE: ("Connector",),
    PluginKind.SINK: ("Connector",),
    PluginKind.TRANSFORMATION: ("Transformation",),
    PluginKind.PREDICATE: ("Predicate",),
    PluginKind.CONVERTER: ("Converter",),
    PluginKind.HEADER_CONVERTER: ("HeaderConverter", "Converter"),
    PluginKind.CONFIG_PROVIDER: ("ConfigProvider",),
}

Kinds = PluginKind | Iterable[PluginKind] | None


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """One plugin, not yet imported. `target` is `module:Class`; `location` the plugin.path folder it needs on sys.path;
    `distribution` the version of the package it came with."""

    class_name: str
    kind: PluginKind
    target: str
    location: str | None = None
    distribution: str | None = None

    def load(self) -> type[Any]:
        """The class. ConnectException (code PLUGIN_IMPORT_FAILED) when it cannot be imported, whatever the reason."""
        module_name, _, path = self.target.partition(":")
        try:
            add_location(self.location)
            found: Any = importlib.import_module(module_name)
            for part in path.split("."):
                found = getattr(found, part)
        except Exception as error:
            raise import_failure(self.class_name, error) from error
        if not isinstance(found, type):
            raise import_failure(self.class_name, TypeError(f"{self.target} is no class"))
        return found

    @property
    def version(self) -> str | None:
        """The class's own version, else its package's; None when there is neither or the plugin cannot be imported. Imports the
        plugin."""
        try:
            version = self.load().version()
        except Exception:
            return None
        return self.distribution if version in (None, "undefined") else str(version)

    def aliases(self) -> list[str]:
        """Every name the plugin may be asked by, the full one first."""
        simple = self.class_name.rpartition(".")[2]
        names = [self.class_name, simple]
        for suffix in _SUFFIXES[self.kind]:
            if simple.endswith(suffix) and simple != suffix:
                names.append(simple.removesuffix(suffix))
                break
        return names


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """A module of a plugin.path folder that could not be imported."""

    module: str
    location: str
    message: str


def import_failure(name: str, error: BaseException) -> ConnectException:
    """The error for a plugin whose import raised."""
    return ConnectException(
        f"Plugin {name} could not be imported: {type(error).__name__}: {error}",
        code="PLUGIN_IMPORT_FAILED",
        remedy="Install what the plugin needs into the worker's environment or correct it, then restart the worker.",
    )


def add_location(location: str | None) -> None:
    """Put a plugin folder on sys.path, after everything that is installed."""
    if location is not None and location not in sys.path:
        sys.path.append(location)
        importlib.invalidate_caches()


class PluginRegistry:
    """An immutable collection of plugin entries. Thread-safe."""

    def __init__(self, entries: Iterable[PluginEntry] = (), failures: Iterable[ImportFailure] = ()) -> None:
        self._entries: dict[tuple[PluginKind, str], PluginEntry] = {}
        for entry in entries:
            self._entries.setdefault((entry.kind, entry.class_name), entry)
        self.failures: tuple[ImportFailure, ...] = tuple(failures)

    @classmethod
    def discover(cls, plugin_path: Sequence[str] = ()) -> PluginRegistry:
        """All plugins of the environment and, after them, of the plugin.path folders.

        Scanning a folder imports its top-level modules: do it where a plugin may crash or hang."""
        points = [point for group in GROUPS for point in metadata.entry_points(group=group)]
        entries = list(_from_entry_points(points, None))
        if not plugin_path:
            return cls(entries)
        from headrace.spi.plugin_path import locations, missing, scan

        failures = missing(plugin_path)
        for location in locations(plugin_path):
            found, broken = scan(location)
            entries += found
            failures += broken
        return cls(entries, failures)

    def entries(self, kinds: Kinds = None) -> list[PluginEntry]:
        """The entries of these kinds (all by default), sinks first, then sources and the rest, each by class name."""
        wanted = _kinds(kinds)
        order = {kind: index for index, kind in enumerate(GROUPS.values())}
        chosen = (entry for entry in self._entries.values() if entry.kind in wanted)
        return sorted(chosen, key=lambda entry: (order[entry.kind], entry.class_name))

    def find(self, kinds: Kinds, name: str) -> PluginEntry:
        """The plugin of that full name, simple name or alias; with several kinds the first that has it.

        NotFoundException (code PLUGIN_NOT_FOUND) with the nearest names; also when a short name means more than one plugin and none
        of them is Kafka's own.
        ConnectException (code PLUGIN_IMPORT_FAILED) when it lies in a module that could not be imported."""
        wanted = _kinds(kinds)
        for kind in wanted:
            if entry := self._entries.get((kind, name)):
                return entry
        candidates = self.entries(wanted)
        matches = [entry for entry in candidates if name in entry.aliases()]
        # What is Kafka's own has its short name there, whatever else is installed.
        matches = [entry for entry in matches if entry.class_name.startswith("org.apache.kafka.")] or matches
        if len({entry.target for entry in matches}) == 1:
            # A class may have two full names, its own and the one it stands in for; the latter is what clients know.
            return min(matches, key=lambda entry: (wanted.index(entry.kind), entry.class_name.startswith("headrace.")))
        self._raise_import_failure(name)
        raise _not_found(name, wanted, matches, candidates, self.failures)

    def load(self, kinds: Kinds, name: str) -> type[Any]:
        """The class of `find`."""
        return self.find(kinds, name).load()

    def _raise_import_failure(self, name: str) -> None:
        for failure in self.failures:
            if name == failure.module or name.startswith(failure.module + "."):
                raise ConnectException(
                    f"Plugin {name} could not be imported: {failure.message} (in {failure.location})",
                    code="PLUGIN_IMPORT_FAILED",
                    remedy="Install what the plugin needs or correct it, then restart the worker.",
                )

    def to_plain(self) -> dict[str, Any]:
        """As JSON-able data, to hand a finished discovery to another process; see `from_plain`."""
        return {
            "entries": [
                [e.class_name, e.kind.value, e.target, e.location, e.distribution] for e in self._entries.values()
            ],
            "failures": [[f.module, f.location, f.message] for f in self.failures],
        }

    @classmethod
    def from_plain(cls, data: dict[str, Any]) -> PluginRegistry:
        """A registry from `to_plain`; imports nothing."""
        return cls(
            (PluginEntry(name, PluginKind(kind), *rest) for name, kind, *rest in data["entries"]),
            (ImportFailure(*failure) for failure in data["failures"]),
        )


def _kinds(kinds: Kinds) -> tuple[PluginKind, ...]:
    if kinds is None:
        return tuple(PluginKind)
    return (kinds,) if isinstance(kinds, PluginKind) else tuple(kinds)


def _from_entry_points(points: Iterable[metadata.EntryPoint], location: str | None) -> Iterable[PluginEntry]:
    for point in points:
        if kind := GROUPS.get(point.group):
            version = point.dist.version if point.dist is not None else None
            yield PluginEntry(point.name, kind, f"{point.module}:{point.attr}", location, version)


def _not_found(
    name: str,
    kinds: Sequence[PluginKind],
    matches: Sequence[PluginEntry],
    candidates: Sequence[PluginEntry],
    failures: Sequence[ImportFailure],
) -> NotFoundException:
    what = "plugin" if len(kinds) > 2 else " or ".join(kind.value.replace("_", " ") for kind in kinds) + " plugin"
    if matches:
        names = ", ".join(sorted({entry.class_name for entry in matches}))
        return NotFoundException(
            f"The name {name} means more than one {what}: {names}.",
            code="PLUGIN_NOT_FOUND",
            remedy="Give the full class name.",
        )
    by_alias: dict[str, str] = {}
    for entry in candidates:
        for alias in entry.aliases():
            by_alias.setdefault(alias.lower(), entry.class_name)
    close = difflib.get_close_matches(name.lower(), by_alias, n=5, cutoff=0.6)
    close += difflib.get_close_matches(name.rpartition(".")[2].lower(), by_alias, n=5, cutoff=0.6)
    nearest = list(dict.fromkeys(by_alias[alias] for alias in close))[:3]
    if not nearest and len(candidates) <= 12:
        nearest = [entry.class_name for entry in candidates]
    remedy = f"Available: {', '.join(nearest)}." if nearest else "GET /connector-plugins lists what is installed."
    if failures:
        modules = ", ".join(failure.module for failure in failures)
        remedy += f" These modules of plugin.path could not be imported: {modules}; the worker's log says why."
    return NotFoundException(f"Failed to find any {what} named {name}.", code="PLUGIN_NOT_FOUND", remedy=remedy)
