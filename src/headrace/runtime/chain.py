"""The transform chain: single message transforms with their predicates, applied to whole batches.

A transform that overrides `apply_batch` gets the batch; when it raises, and for all others, records go through `apply` one by
one under errors.tolerance, so that only the record at fault is retried, dropped or made the task's failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from headrace.data import ConnectRecord
from headrace.data.batch import Block, Loose, RecordBatch, merged
from headrace.errors import ConnectException
from headrace.runtime.tolerance import FAILED, Origin, Stage, Tolerance
from headrace.spi.transform import Predicate, Transform

R = TypeVar("R", bound=ConnectRecord)
B = TypeVar("B", bound=RecordBatch[Any])
OriginOf = Callable[[int], Origin]
"""Position in the batch → the record as it was before the chain."""


class TransformStep(Generic[R]):
    """One transform of the chain; `class_name` as configured plugins are listed. With a predicate the transform applies to
    the records for which it holds, or with `negate` to the others."""

    __slots__ = ("batched", "class_name", "negate", "predicate", "transform")

    def __init__(
        self, transform: Transform[R], class_name: str, predicate: Predicate[R] | None = None, negate: bool = False
    ) -> None:
        self.transform = transform
        self.class_name = class_name
        self.predicate = predicate
        self.negate = negate
        self.batched = type(transform).apply_batch is not Transform.apply_batch


class TransformChain(Generic[R]):
    """The steps, in order."""

    def __init__(self, steps: Sequence[TransformStep[R]], tolerance: Tolerance) -> None:
        self._steps = steps
        self._tolerance = tolerance

    def __len__(self) -> int:
        return len(self._steps)

    def apply(self, records: Sequence[R], origin_of: OriginOf) -> Sequence[R | None]:
        """One result per record, in order; None for a record that was dropped, by a transform or by errors.tolerance.

        ConnectException (TOLERANCE_EXCEEDED) and TaskStopping as `Tolerance.run`."""
        current: Sequence[R | None] = records
        gaps = False
        for step in self._steps:
            current = self._step(step, current, gaps, origin_of)
            gaps = None in current
        return current

    def apply_parts(self, batch: B, origin_of: OriginOf) -> B:
        """The same for a batch that has blocks; `origin_of` is given ordinals.

        A step that does not work on blocks gets all records it applies to, in the order of the batch."""
        parts = batch.parts
        for step in self._steps:
            done: list[Block | Loose[R]] = []
            single: list[Loose[R]] = []
            for part in parts:
                rest = _by_block(step, part, done) if isinstance(part, Block) else part
                if rest is not None:
                    single.append(batch.loosened(rest))
            if single:
                done.append(self._loose(step, merged(single), origin_of))
            parts = [part for part in done if len(part)]
        return batch.with_parts(parts)

    def _loose(self, step: TransformStep[R], part: Loose[R], origin_of: OriginOf) -> Loose[R]:
        ordinals = part.ordinals
        results = self._step(step, part.records, False, lambda i: origin_of(ordinals[i]))
        kept = [i for i, record in enumerate(results) if record is not None]
        return Loose([record for record in results if record is not None], [ordinals[i] for i in kept])

    def _step(
        self, step: TransformStep[R], current: Sequence[R | None], gaps: bool, origin_of: OriginOf
    ) -> Sequence[R | None]:
        indexes: list[int] | None = None
        if gaps:
            indexes = [i for i, record in enumerate(current) if record is not None]
        if step.predicate is not None:
            current, indexes = self._select(step, current, indexes, origin_of)
        chosen: Any = current if indexes is None else [current[i] for i in indexes]
        results = self._run(step, chosen, indexes, origin_of)
        if indexes is None:
            return results
        whole = list(current)
        for i, result in zip(indexes, results, strict=True):
            whole[i] = result
        return whole

    def _select(
        self, step: TransformStep[R], records: Sequence[R | None], indexes: list[int] | None, origin_of: OriginOf
    ) -> tuple[Sequence[R | None], list[int]]:
        """The positions the step applies to; a record whose predicate fails for good is dropped from the records."""
        assert step.predicate is not None
        test, wanted = step.predicate.test, not step.negate
        chosen: list[int] = []
        for i in range(len(records)) if indexes is None else indexes:
            record: Any = records[i]
            try:
                holds = test(record)
            except Exception as error:
                holds = self._tolerance.run(
                    Stage.TRANSFORMATION,
                    step.class_name,
                    lambda i=i: origin_of(i),  # type: ignore[misc]
                    lambda record=record: test(record),  # type: ignore[misc]
                    error,
                )
                if holds is FAILED:
                    records = list(records)
                    records[i] = None
                    continue
            if bool(holds) is wanted:
                chosen.append(i)
        return records, chosen

    def _run(
        self, step: TransformStep[R], records: Sequence[R], indexes: list[int] | None, origin_of: OriginOf
    ) -> list[R | None]:
        if step.batched and records:
            try:
                results = step.transform.apply_batch(records)
            except Exception:
                # By contract nothing was taken from it: the record at fault shows itself below.
                pass
            else:
                if len(results) != len(records):
                    raise ConnectException(
                        f"Transform {step.class_name} gave {len(results)} results for {len(records)} records.",
                        code="TRANSFORM_RESULT_COUNT",
                        remedy="apply_batch must return one result per record; correct the transform.",
                    )
                return results
        apply = step.transform.apply
        done: list[R | None] = []
        append = done.append
        total = len(records)
        while len(done) < total:
            # Results so far are kept when a record fails: a transform that changes records in place is not run twice.
            try:
                for i in range(len(done), total):
                    append(apply(records[i]))
            except Exception as error:
                i = len(done)
                result = self._tolerance.run(
                    Stage.TRANSFORMATION,
                    step.class_name,
                    lambda i=i: origin_of(i if indexes is None else indexes[i]),  # type: ignore[misc]
                    lambda i=i: apply(records[i]),  # type: ignore[misc]
                    error,
                )
                append(None if result is FAILED else result)
        return done

    def close(self) -> None:
        """Close transforms and predicates, all of them, whatever one does."""
        for step in self._steps:
            step.transform.close()
            if step.predicate is not None:
                step.predicate.close()


def _by_block(step: TransformStep[R], block: Block, done: list[Block | Loose[R]]) -> Block | None:
    """Have the step work on the block; what comes of it, and the rows the step does not apply to, go to `done`. Answers what it has to
    get as records instead."""
    if block.row_headers:
        # What works on blocks knows headers that all rows share.
        return block
    chosen = block
    rest: Block | None = None
    # Whatever is raised here shows itself again, or not, when the records go one by one.
    try:
        if step.predicate is not None:
            mask = step.predicate.test_block(block)
            if mask is None:
                return block
            if step.negate:
                mask = ~mask
            chosen, rest = block.filter(mask), block.filter(~mask)
        results = step.transform.apply_block(chosen) if len(chosen) else []
    except Exception:
        return block
    if rest is not None and len(rest):
        done.append(rest)
    if results is None:
        return chosen
    done += results
    return None
