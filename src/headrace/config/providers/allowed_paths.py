"""The `allowed.paths` setting of the file and directory providers. Source: KIP-993."""

from __future__ import annotations

import os
from collections.abc import Mapping

from headrace.errors import ConfigException


class AllowedPaths:
    """Paths a provider may read below. Without the setting everything is allowed."""

    def __init__(self, params: Mapping[str, str]) -> None:
        """ConfigException for a path that is not absolute or does not exist."""
        text = params.get("allowed.paths")
        self._roots: list[str] | None = None
        if text is None or not text.strip():
            return
        self._roots = []
        for item in text.split(","):
            path = item.strip()
            if not os.path.isabs(path):
                raise ConfigException(f"Path {path} is not absolute", field="allowed.paths")
            if not os.path.exists(path):
                raise ConfigException(f"Path {path} does not exist", field="allowed.paths")
            self._roots.append(os.path.realpath(path))

    def check(self, path: str) -> str:
        """The path to read, links followed. ConfigException (CONFIG_PATH_REFUSED) when it lies outside."""
        real = os.path.realpath(path)
        if self._roots is not None and not any(real == root or real.startswith(_below(root)) for root in self._roots):
            raise ConfigException(
                f"The path {path} is not permitted to be accessed",
                code="CONFIG_PATH_REFUSED",
                field="allowed.paths",
                remedy="Add the folder to allowed.paths of the config provider.",
            )
        return real


def _below(root: str) -> str:
    return root if root.endswith(os.sep) else root + os.sep
