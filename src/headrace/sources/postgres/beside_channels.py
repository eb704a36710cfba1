"""The channels that signal.enabled.channels names, but for the signalling table, which is part of the stream."""

from __future__ import annotations

import logging
from pathlib import Path

from headrace.cdc.signals.channels import Channel, FileChannel, TopicChannel
from headrace.sources.postgres.config import PostgresConfig
from headrace.spi.context import SourceTaskContext

logger = logging.getLogger(__name__)

REST = frozenset({"jmx", "in-process"})


def enabled(config: PostgresConfig) -> frozenset[str]:
    """Their names."""
    return frozenset(name.strip().lower() for name in config["signal.enabled.channels"] or () if name.strip())


def open_channels(config: PostgresConfig, context: SourceTaskContext) -> list[Channel]:
    """Those that are looked at now and then."""
    names, server = enabled(config), config["topic.prefix"]
    channels: list[Channel] = []
    if "file" in names:
        path = Path(config["signal.file"])
        channels.append(FileChannel(path))
        logger.info("Signals are read from the file %s.", path.absolute())
    if "kafka" in names:
        topic = config.text("signal.kafka.topic") or f"{server}-signal"
        channels.append(TopicChannel(context.topic_reader(topic, config["signal.kafka.groupId"]), server))
        logger.info("Signals are read from the topic %s.", topic)
    return channels
