"""The channels that signal.enabled.channels names, but for the signalling table, which is part of the stream."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from headrace.cdc.signals.channels import Channel, FileChannel, TopicChannel
from headrace.sources.postgres.config import PostgresConfig
from headrace.spi.context import SourceTaskContext
from headrace.systems.postgres.introspect import Conn

logger = logging.getLogger(__name__)

_UNPUBLISHED = """
SELECT name FROM unnest(%(names)s::text[]) AS name, pg_catalog.pg_publication p
WHERE p.pubname = %(publication)s AND NOT (p.pubinsert AND (p.pubdelete OR NOT %(deletes)s) AND EXISTS (
    SELECT FROM pg_catalog.pg_publication_tables t WHERE t.pubname = p.pubname AND t.schemaname || '.' || t.tablename = name))"""

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


def warn_of_publication(config: PostgresConfig, sql: Conn, tables: Sequence[str]) -> None:
    """Tell of signalling tables, `schema.table`, whose rows do not reach the stream: no signal in them is heard, no window ends. Raises
    the driver's errors."""
    publication = config["publication.name"]
    deletes = config.word("incremental.snapshot.watermarking.strategy") == "insert_delete"
    given = {"names": list(tables), "publication": publication, "deletes": deletes}
    for (name,) in sql.execute(_UNPUBLISHED, given).fetchall() if tables else ():
        logger.warning(
            "Signalling table %s is not in publication %s, or not with its inserts%s: signals in it are not heard, and incremental"
            " snapshots do not get on. Alter the publication.",
            name,
            publication,
            " and deletes" if deletes else "",
        )
