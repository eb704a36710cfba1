"""TimestampRouter: a new topic from the old one and the record's timestamp.

Source: org.apache.kafka.connect.transforms.TimestampRouter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data.batch import Block
from headrace.data.date_format import JavaDateFormat
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record
from headrace.transforms.blocks import pieces


def valid_format(name: str, value: str | None) -> None:
    """Validator: a date pattern that can be followed."""
    if value:
        JavaDateFormat(value, name)


CONFIG: Final = (
    ConfigDef()
    .define(
        "topic.format",
        ConfigType.STRING,
        "${topic}-${timestamp}",
        importance=Importance.HIGH,
        documentation="The new topic; ${topic} and ${timestamp} stand for the old topic and the timestamp.",
    )
    .define(
        "timestamp.format",
        ConfigType.STRING,
        "yyyyMMdd",
        valid_format,
        Importance.HIGH,
        "Pattern of the timestamp (java.text.SimpleDateFormat), in UTC.",
    )
)


class TimestampRouter(Transform[R]):
    """DataException for a record without timestamp."""

    @classmethod
    def config(cls) -> ConfigDef:
        """`topic.format` and `timestamp.format`."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for a pattern that cannot be followed."""
        settings = CONFIG.parse(props)
        self._topic: str = settings["topic.format"]
        self._format = JavaDateFormat(settings["timestamp.format"], "timestamp.format")

    def apply(self, record: R) -> R | None:
        if record.timestamp is None:
            raise DataException(f"Timestamp missing on record: {record.topic}")
        copied = copy_record(record)
        copied.topic = self._routed(record.topic, record.timestamp)
        return copied

    def apply_block(self, block: Block) -> list[Block] | None:
        stamps = block.timestamps
        if stamps is None or stamps.has_nulls:
            return None
        bounds = stamps.bounds()
        assert bounds is not None
        unit = self._format.unit_ms
        if bounds[0] // unit == bounds[1] // unit:
            return [block.replace(topic=self._routed(block.topic, bounds[0]))]
        split = pieces(block, [stamps.floored(unit)])
        if split is None:
            return None
        return [piece.replace(topic=self._routed(block.topic, self._first(piece))) for _, piece in split]

    @staticmethod
    def _first(block: Block) -> int:
        assert block.timestamps is not None
        bounds = block.timestamps.bounds()
        assert bounds is not None
        return bounds[0]

    def _routed(self, topic: str, timestamp: int) -> str:
        return self._topic.replace("${topic}", topic).replace("${timestamp}", self._format.format(timestamp))
