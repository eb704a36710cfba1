"""EnvVarConfigProvider: `${env:VAR}`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from headrace.config.provider import ConfigData, ConfigProvider
from headrace.errors import ConfigException


class EnvVarConfigProvider(ConfigProvider):
    """Variables of the process as they were when the provider was configured.

    Source: org.apache.kafka.common.config.provider.EnvVarConfigProvider.
    """

    def configure(self, params: Mapping[str, str]) -> None:
        """`allowlist.pattern`: only variables whose whole name matches; unset allows all."""
        text = params.get("allowlist.pattern")
        try:
            allowed = re.compile(text) if text else None
        except re.error as error:
            raise ConfigException(
                f"Invalid value {text} for configuration allowlist.pattern: Invalid regular expression: {error}",
                field="allowlist.pattern",
            ) from None
        self._values = {name: value for name, value in os.environ.items() if allowed is None or allowed.fullmatch(name)}

    def get(self, path: str, keys: Iterable[str] | None = None) -> ConfigData:
        """A path gives nothing: variables have none."""
        if path:
            return ConfigData({})
        if keys is None:
            return ConfigData(dict(self._values))
        return ConfigData({key: self._values[key] for key in keys if key in self._values})
