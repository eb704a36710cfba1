"""From what a source task polled to what is appended: transforms, then converters, with each record's origin at hand for reports."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.data import SourceRecord
from headrace.data.batch import SourceBatch
from headrace.log.spi import EncodedBatch
from headrace.runtime.chain import TransformChain
from headrace.runtime.measures import StageClock
from headrace.runtime.record_encoder import RecordEncoder
from headrace.runtime.tolerance import Origin


class SourceConversion:
    """One per source task. Not thread-safe. `stages` is told when records are transformed, and when converted."""

    def __init__(self, chain: TransformChain[SourceRecord], encoder: RecordEncoder, stages: StageClock) -> None:
        self._chain = chain
        self._encoder = encoder
        self._stages = stages

    def batches_of(self, records: Sequence[SourceRecord]) -> list[EncodedBatch]:
        """What is left of the records behind the chain and the converters. Raises as `Tolerance.run`."""
        if isinstance(records, SourceBatch):
            return self._batches_of_parts(records)
        return self._batches_of_records(records)

    def _batches_of_parts(self, batch: SourceBatch) -> list[EncodedBatch]:
        chain = self._chain
        originals: dict[int, SourceRecord] = {}

        def origin_at(ordinal: int) -> Origin:
            if not originals:
                whole = batch.loosened_whole()
                originals.update(zip(whole.ordinals, whole.records, strict=True))
            return originals[ordinal]

        result = batch
        if len(chain):
            self._stages.enter("transform")
            result = chain.apply_parts(batch, origin_at)
        self._stages.enter("convert")
        return self._encoder.encode_parts(result, lambda record, ordinal: origin_at(ordinal) if len(chain) else record)

    def _batches_of_records(self, records: Sequence[SourceRecord]) -> list[EncodedBatch]:
        chain = self._chain
        alive: Sequence[SourceRecord] = records
        origins: dict[int, SourceRecord] | None = None
        if len(chain):
            self._stages.enter("transform")
            results = chain.apply(records, lambda i: records[i])
            alive = [record for record in results if record is not None]

            def origin_of(record: SourceRecord, _: int) -> Origin:
                nonlocal origins
                if origins is None:
                    origins = {id(r): o for r, o in zip(results, records, strict=True) if r is not None}
                return origins[id(record)]

        else:

            def origin_of(record: SourceRecord, _: int) -> Origin:
                return record

        self._stages.enter("convert")
        return self._encoder.encode(alive, origin_of) if alive else []
