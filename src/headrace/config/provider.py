"""Config providers: resolve `${provider:path:key}` in configurations. Source: KIP-297, KIP-421."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class ConfigData(NamedTuple):
    """The values found and, when they expire, their time to live in milliseconds."""

    data: dict[str, str]
    ttl_ms: int | None = None


class ConfigProvider(ABC):
    """Looks up secrets and settings kept outside the configuration. Thread-safe."""

    @abstractmethod
    def configure(self, params: Mapping[str, str]) -> None:
        """`config.providers.<name>.param.*` with the prefix removed. ConfigException if refused."""

    @abstractmethod
    def get(self, path: str, keys: Iterable[str] | None = None) -> ConfigData:
        """The values of `keys` (None = all) at `path`; missing keys are left out. ConfigException if the path is refused or
        cannot be read."""

    def close(self) -> None:
        """Release what is held."""
