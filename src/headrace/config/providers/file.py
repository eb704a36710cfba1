"""FileConfigProvider: `${file:/path/x.properties:key}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headrace.config.properties import read_properties
from headrace.config.provider import ConfigData, ConfigProvider
from headrace.config.providers.allowed_paths import AllowedPaths


class FileConfigProvider(ConfigProvider):
    """Reads keys of a properties file, each time anew. Source: org.apache.kafka.common.config.provider.FileConfigProvider."""

    def configure(self, params: Mapping[str, str]) -> None:
        """`allowed.paths`: comma list of absolute paths; unset allows all."""
        self._allowed = AllowedPaths(params)

    def get(self, path: str, keys: Iterable[str] | None = None) -> ConfigData:
        """An empty path gives nothing."""
        if not path:
            return ConfigData({})
        pairs = read_properties(self._allowed.check(path))
        return ConfigData(pairs if keys is None else {key: pairs[key] for key in keys if key in pairs})
