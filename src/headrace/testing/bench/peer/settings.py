"""How the peer is set up to be at its best; the reasons are measurements on this workload, see benchmarks/README.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

BROKER_HEAP: Final = ("-Xms1G", "-Xmx1G")
WORKER_HEAP: Final = ("-Xms256M", "-Xmx2G")
"""The heaps that Kafka's own start scripts give."""

SOURCE: Final[Mapping[str, str]] = {
    "max.batch.size": "8192",
    "max.queue.size": "32768",
    "producer.override.linger.ms": "50",
    "producer.override.batch.size": "524288",
    "producer.override.compression.type": "lz4",
    "producer.override.buffer.memory": "67108864",
}
SINK: Final[Mapping[str, str]] = {
    "batch.size": "500",
    "consumer.override.max.poll.records": "500",
    "consumer.override.fetch.min.bytes": "1048576",
    "dialect.postgres.unnest.insert.enabled": "true",
}
"""Larger batches make it slower: see the table in benchmarks/README.md."""
