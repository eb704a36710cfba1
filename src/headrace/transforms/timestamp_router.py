"""TimestampRouter: a new topic from the old one and the record's timestamp.

Source: org.apache.kafka.connect.transforms.TimestampRouter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from headrace.config import ConfigDef, ConfigType, Importance
from headrace.data.date_format import JavaDateFormat
from headrace.errors import DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record


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
        topic = self._topic.replace("${topic}", record.topic)
        topic = topic.replace("${timestamp}", self._format.format(record.timestamp))
        copied = copy_record(record)
        copied.topic = topic
        return copied
