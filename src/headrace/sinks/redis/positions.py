"""How far each partition is written, kept in Redis beside the data.

A position is a JSON text under `com.redis.kafka.connect.sink.offset.<topic>.<partition>[.<connector>]`, the original
connector's form with three fields more:

    {"topic": "t", "partition": 0, "topic_id": "…", "owner": "<one per opened task>", "offset": 42, "unchecked": 40}

`offset` is the next log offset to write. Whoever opens a partition makes itself its owner; a write happens only while the
text is the one its writer knows (compare-and-set), so a writer that lost the partition without noticing is refused.
`unchecked`: the records from here on were carried out, but whether the server refused one of them was not looked at yet;
whoever finds it writes them again. Only commands that may be repeated leave it behind (`write.py`).
`topic_id` is the identity of the topic the offsets belong to: one made anew under the same name counts from 0 again, and the
old position would silently pass over its records. A position without it is the original connector's, an operator's or an
older version's; it becomes the present topic's when it is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from headrace.errors import ConnectException
from headrace.spi import TopicPartition

_PREFIX = "com.redis.kafka.connect.sink.offset"


@dataclass(slots=True)
class Position:
    """The state of one partition. `stored`: the exact text in Redis, None when there is none.

    `offset` None: nothing is written yet. `topic_id`: of the topic as it is now; empty: left to the next who opens it."""

    key: bytes
    partition: TopicPartition
    topic_id: str = ""
    offset: int | None = None
    owner: str = ""
    stored: bytes | None = None

    def done(self, offset: int) -> bool:
        """Whether the record at a log offset is written already."""
        return self.offset is not None and offset < self.offset

    def text(self, offset: int | None, owner: str, unchecked: int | None = None) -> bytes:
        """The text of a position of this partition."""
        document: dict[str, Any] = {"topic": self.partition.topic, "partition": self.partition.partition}
        if self.topic_id:
            document["topic_id"] = self.topic_id
        document["owner"] = owner
        document["offset"] = offset
        if unchecked is not None:
            document["unchecked"] = unchecked
        return msgspec.json.encode(document)

    def load(self, stored: bytes | None) -> None:
        """Take what Redis holds. ConnectException: REDIS_POSITION_INVALID when it is no position,
        SINK_POSITION_OF_ANOTHER_TOPIC when records of another topic than the present one were written."""
        self.stored = stored
        if stored is None:
            self.offset, self.owner = None, ""
            return
        try:
            document = msgspec.json.decode(stored)
            offset, owner = document["offset"], document.get("owner", "")
            offset = document.get("unchecked", offset)
            topic_id = document.get("topic_id", self.topic_id)
            valid = (offset is None or isinstance(offset, int)) and isinstance(owner, str) and isinstance(topic_id, str)
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            valid = False
        if not valid:
            raise ConnectException(
                f"The key {self.key.decode()} does not hold a position.",
                code="REDIS_POSITION_INVALID",
                remedy="Delete the key: writing then begins at the consumer group's offsets.",
            )
        if offset is not None and topic_id != self.topic_id:
            topic, number = self.partition
            raise ConnectException(
                f"The key {self.key.decode()} says that {topic}-{number} is written up to offset {offset} of the topic with id "
                f"{topic_id}, but the topic of that name has id {self.topic_id} now: it was made anew, or the log replaced. "
                "Nothing was written.",
                code="SINK_POSITION_OF_ANOTHER_TOPIC",
                remedy="To write the new topic from its start, stop the connector, reset its offsets with "
                "DELETE /connectors/<name>/offsets, and resume it; or use another connector name.",
            )
        self.offset, self.owner = offset, owner


def position_key(partition: TopicPartition, connector: str, *, shared: bool) -> bytes:
    """Where a partition's position is kept; see the module's docstring."""
    key = f"{_PREFIX}.{partition.topic}.{partition.partition}"
    return (key if shared else f"{key}.{connector}").encode()
