"""The converters of a task, under the names that reports of errors give them."""

from __future__ import annotations

from typing import NamedTuple

from headrace.spi.converter import Converter, HeaderConverter


class NamedConverter(NamedTuple):
    """A converter and its class name as plugins are listed."""

    converter: Converter
    class_name: str


class NamedHeaderConverter(NamedTuple):
    """A header converter and its class name as plugins are listed."""

    converter: HeaderConverter
    class_name: str


class Converters(NamedTuple):
    """The three converters of a task."""

    key: NamedConverter
    value: NamedConverter
    header: NamedHeaderConverter

    def close(self) -> None:
        for named in self:
            named.converter.close()
