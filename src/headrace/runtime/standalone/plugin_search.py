"""Finding the worker's plugins without importing any of them into the worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from headrace.errors import HeadraceError
from headrace.runtime.hosting.host import Host
from headrace.spi.plugin_path import locations, missing
from headrace.spi.plugins import ImportFailure, PluginRegistry

logger = logging.getLogger(__name__)

_IMPORT_S: Final = 20.0
"""How long the import of one plugin folder may take."""


async def find_plugins(host: Host, plugin_path: Sequence[str]) -> PluginRegistry:
    """All plugins. Entry points are only named. Folders of plugin.path are imported, each in a child of its own: one whose import
    hangs or crashes hides nothing but itself. What cannot be imported is logged and kept as a failure."""
    registry = await asyncio.to_thread(PluginRegistry.discover)
    found = await asyncio.gather(*(_search(host, place) for place in locations(plugin_path)))
    failures = [*missing(plugin_path), *(failure for part in found for failure in part.failures)]
    for failure in failures:
        logger.error("plugin.path: %s in %s: %s", failure.module, failure.location, failure.message)
    entries = [*registry.entries(), *(entry for part in found for entry in part.entries())]
    return PluginRegistry(entries, failures)


async def _search(host: Host, place: str) -> PluginRegistry:
    try:
        plain = await host.call("discover", {"location": place}, timeout_s=_IMPORT_S)
    except HeadraceError as error:
        return PluginRegistry((), [ImportFailure(f"(all of {place})", place, error.message)])
    return PluginRegistry.from_plain(plain)
