"""What every plugin has: a version, declared settings, a way to be configured and closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from headrace.config import ConfigDef


class Component(ABC):
    """Base of transforms, predicates, converters and config providers.

    Life: constructed without arguments, `configure` once, used from one thread, `close` once.
    """

    @classmethod
    def version(cls) -> str:
        """The plugin's version as REST shows it; "undefined" stands for the version of the package it came with."""
        return "undefined"

    @classmethod
    @abstractmethod
    def config(cls) -> ConfigDef:
        """The declared settings; used for validation, forms and reference pages before any instance exists."""

    @abstractmethod
    def configure(self, props: Mapping[str, str]) -> None:
        """Take the settings (prefix already removed). ConfigException if they are refused."""

    def close(self) -> None:
        """Release what `configure` acquired. Must not raise."""
