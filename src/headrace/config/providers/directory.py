"""DirectoryConfigProvider: `${directory:/dir:filename}`, as Kubernetes mounts secrets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from headrace.config.provider import ConfigData, ConfigProvider
from headrace.config.providers.allowed_paths import AllowedPaths
from headrace.errors import ConfigException


class DirectoryConfigProvider(ConfigProvider):
    """Each regular file of a folder is a key, its UTF-8 content the value.

    Source: org.apache.kafka.common.config.provider.DirectoryConfigProvider.
    """

    def configure(self, params: Mapping[str, str]) -> None:
        """`allowed.paths`: comma list of absolute paths; unset allows all."""
        self._allowed = AllowedPaths(params)

    def get(self, path: str, keys: Iterable[str] | None = None) -> ConfigData:
        """An empty path gives nothing; ConfigException for one that is no folder or holds a file that cannot be read."""
        if not path:
            return ConfigData({})
        folder = self._allowed.check(path)
        if not os.path.isdir(folder):
            raise ConfigException(
                f"The path {path} is not a directory",
                code="CONFIG_PATH_UNREADABLE",
                remedy="Name the folder, not a file in it: ${directory:/folder:file}.",
            )
        wanted = None if keys is None else set(keys)
        result: dict[str, str] = {}
        try:
            for name in sorted(os.listdir(folder)):
                if wanted is not None and name not in wanted:
                    continue
                file = os.path.join(folder, name)
                if os.path.isfile(file):
                    with open(self._allowed.check(file), encoding="utf-8", newline="") as opened:
                        result[name] = opened.read()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigException(
                f"Could not read the files of {path}: {error}",
                code="CONFIG_PATH_UNREADABLE",
                remedy="Check that the files are readable by this user and are UTF-8 text.",
            ) from error
        return ConfigData(result)
