"""Finding plugins in the folders of `plugin.path`.

A location is what goes on sys.path: every wheel, zip file or child folder (that is no package itself) of a plugin.path entry, and
the entry itself when modules lie in it directly. A location's plugins are the entry points of the distributions in it; where
there are none, its top-level modules are imported and the SPI's subclasses defined in them are taken, named `module.Class`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType

from headrace.spi.component import Component
from headrace.spi.connector import SinkConnector, SourceConnector
from headrace.spi.converter import Converter, HeaderConverter
from headrace.spi.plugins import ImportFailure, PluginEntry, PluginKind, _from_entry_points, add_location
from headrace.spi.provider import ConfigProvider
from headrace.spi.transform import Predicate, Transform

_BASES: tuple[tuple[type, PluginKind], ...] = (
    (SourceConnector, PluginKind.SOURCE),
    (SinkConnector, PluginKind.SINK),
    (Transform, PluginKind.TRANSFORMATION),
    (Predicate, PluginKind.PREDICATE),
    (Converter, PluginKind.CONVERTER),
    (HeaderConverter, PluginKind.HEADER_CONVERTER),
    (ConfigProvider, PluginKind.CONFIG_PROVIDER),
)


def locations(plugin_path: Sequence[str]) -> list[str]:
    """The absolute paths to put on sys.path, in order; a plugin.path entry that does not exist gives none."""
    found: list[str] = []
    for text in plugin_path:
        root = Path(text).expanduser().absolute()
        if root.is_file():
            found.append(str(root))
            continue
        if not root.is_dir():
            continue
        if any(True for _ in pkgutil.iter_modules([str(root)])) or any(root.glob("*.dist-info")):
            found.append(str(root))
        found.extend(str(child) for child in sorted(root.iterdir()) if _is_location(child))
    return list(dict.fromkeys(found))


def _is_location(path: Path) -> bool:
    if path.name.startswith((".", "__")) or path.name.endswith((".dist-info", ".egg-info", ".data")):
        return False
    if path.is_dir():
        return not (path / "__init__.py").exists()
    return path.suffix in (".whl", ".zip")


def missing(plugin_path: Sequence[str]) -> list[ImportFailure]:
    """A failure for each plugin.path entry that does not exist."""
    return [
        ImportFailure("(plugin.path)", text, "the folder does not exist")
        for text in plugin_path
        if not Path(text).expanduser().exists()
    ]


def scan(location: str) -> tuple[list[PluginEntry], list[ImportFailure]]:
    """All plugins of one location (see `locations`), and its modules that could not be imported."""
    add_location(location)
    entries = [
        entry
        for distribution in metadata.distributions(path=[location])
        for entry in _from_entry_points(distribution.entry_points, location)
    ]
    failures: list[ImportFailure] = []
    if entries:
        return entries, failures
    for module in pkgutil.iter_modules([location]):
        try:
            entries.extend(_plugins_of(importlib.import_module(module.name), location))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            failures.append(ImportFailure(module.name, location, f"{type(error).__name__}: {error}"))
    return entries, failures


def _plugins_of(module: ModuleType, location: str) -> Iterator[PluginEntry]:
    for value in list(vars(module).values()):
        if not isinstance(value, type) or inspect.isabstract(value):
            continue
        defined_in = value.__module__
        if defined_in != module.__name__ and not defined_in.startswith(module.__name__ + "."):
            continue
        for base, kind in _BASES:
            if issubclass(value, base) and value is not base and value is not Component:
                yield PluginEntry(
                    f"{defined_in}.{value.__qualname__}", kind, f"{defined_in}:{value.__qualname__}", location
                )
