"""The JSON converter, with and without schemas."""

from headrace.converters.json.converter import JsonConverter

__all__ = ["JsonConverter"]
