"""Config providers, for authors. The interface itself stands with the configuration, which resolves references."""

from headrace.config.provider import ConfigData, ConfigProvider

__all__ = ["ConfigData", "ConfigProvider"]
