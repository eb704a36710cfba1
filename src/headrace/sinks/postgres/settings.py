"""SinkSettings: what the sink does, whichever dialect of keys said so."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.systems.postgres import PgTarget

UNAVAILABLE = "__debezium_unavailable_value"


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """`insert_mode`: insert, upsert, update. `pk_mode`: none, kafka, record_key, record_value, record_header.

    `include`/`exclude`: `field` or `topic:field`. `batch_size`: records per target transaction. `fold`: identifiers are
    lower-cased because they are not quoted. `null_to_default`: a null takes its schema's default.
    `null_value_error`: a null value without `delete_enabled` is an error (Confluent) instead of being passed over (Debezium).
    """

    target: PgTarget
    schema: str | None
    insert_mode: str
    pk_mode: str
    pk_fields: tuple[str, ...]
    delete_enabled: bool
    truncate_enabled: bool
    auto_create: bool
    auto_evolve: bool
    table_format: str
    sanitize_topic: bool
    fold: bool
    batch_size: int
    max_retries: int
    retry_backoff_ms: int
    include: frozenset[str]
    exclude: frozenset[str]
    null_to_default: bool
    null_value_error: bool
    postgis_schema: str
    placeholder: str
    offsets_table: str
    connections: int
    """How many transactions may be under way at once, of different partitions."""
    pk_key: str
    """The key that pk_fields was set by, for messages."""

    def takes(self, topic: str, field: str) -> bool:
        """Whether a field of that topic's records is written."""
        if self.include and field not in self.include and f"{topic}:{field}" not in self.include:
            return False
        return field not in self.exclude and f"{topic}:{field}" not in self.exclude
