"""Which source positions a batch of records stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from headrace.data import SourceRecord
from headrace.data.batch import SourceBatch
from headrace.runtime.append_units import Position
from headrace.runtime.appender import OrderedAppender


def tickets_of(records: Sequence[SourceRecord], appender: OrderedAppender) -> list[Position]:
    """One ticket per source partition of the batch, with its last offset. A record without source partition has none."""
    if isinstance(records, SourceBatch):
        count = len(records)
        return [appender.ticket(records.source_partition, records.offsets[records.last_ordinal], count)]
    last = {id(record.source_partition): index for index, record in enumerate(records)}
    counts = Counter([id(record.source_partition) for record in records]) if len(last) > 1 else {}
    found: dict[tuple[object, ...], tuple[SourceRecord, int]] = {}
    for key, index in sorted(last.items(), key=itemgetter(1)):
        record = records[index]
        partition: Any = record.source_partition
        if partition is not None:
            items = tuple(partition.items())
            before = found[items][1] if items in found else 0
            found[items] = (record, before + counts.get(key, len(records)))
    return [appender.ticket(r.source_partition, r.source_offset, count) for r, count in found.values()]
