"""Transforms over Arrow data: for pyarrow, polars, nanoarrow or any other library that speaks the Arrow PyCapsule interface."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Final

from headrace.data import ConnectRecord, Schema, arrow_read, arrow_write
from headrace.data import arrow_columns as native
from headrace.data.arrow import SchemaMemo, arrow_field
from headrace.data.batch import Block
from headrace.data.columns import column_of, layout_of
from headrace.errors import DataException
from headrace.native import core
from headrace.spi.transform import R, Transform

_AS_IT_WAS: Final[Any] = object()


class ArrowColumn:
    """Keys or values of some records as Arrow data: `pyarrow.array(column)`, of structs also `pyarrow.record_batch(column)`;
    `polars.Series(column)`; `nanoarrow.array(column)`. `schema`: their Connect schema."""

    __slots__ = ("_data", "schema")

    def __init__(self, schema: Schema, data: Any) -> None:
        self.schema = schema
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __arrow_c_schema__(self) -> object:
        return self._data.__arrow_c_schema__() if core is not None else self._data.type.__arrow_c_schema__()

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        made: tuple[object, object] = self._data.__arrow_c_array__(requested_schema)
        return made


class ArrowBatch:
    """Records of one topic, one key schema and one value schema; none has a null value.

    `value`: their values; `key`: their keys, of which some may be null, or None when all are. In a result both may be anything that
    is Arrow data (an object with `__arrow_c_array__` or `__arrow_c_stream__`) of as many rows, or None for nulls."""

    __slots__ = ("keep", "key", "topic", "value")

    def __init__(self, topic: str, key: Any, value: Any, keep: Any = None) -> None:
        self.topic = topic
        self.key = key
        self.value = value
        self.keep = keep

    def __len__(self) -> int:
        return len(self.value)

    def replace(
        self, *, topic: str = _AS_IT_WAS, key: Any = _AS_IT_WAS, value: Any = _AS_IT_WAS, keep: Any = _AS_IT_WAS
    ) -> ArrowBatch:
        """A copy with these replaced. `keep`: Arrow truth values, one per row; the rows that are false or null are dropped."""
        return ArrowBatch(
            self.topic if topic is _AS_IT_WAS else topic,
            self.key if key is _AS_IT_WAS else key,
            self.value if value is _AS_IT_WAS else value,
            self.keep if keep is _AS_IT_WAS else keep,
        )


class ArrowTransform(Transform[R]):
    """A transform that gets many records at once, as Arrow data.

    A field that comes back under its name and with its type keeps its Connect schema; a new field, or one of another type, gets the
    plain schema of its Arrow type, optional if it is nullable. What is finer than Connect's types (microseconds, 64 unsigned bits) is
    refused, never cut. Records whose value is null pass as they are; one that has no schema is a DataException.

    `apply_arrow` is also used for single records, as batches of one, so every row must be handled by itself; and it may be called again
    for the same rows. Where there is no native core, data are made by pyarrow (the extra `arrow`)."""

    @abstractmethod
    def apply_arrow(self, batch: ArrowBatch) -> ArrowBatch | None:
        """The batch to go on with, made by `batch.replace(…)`; None drops all of it. An exception leads to a call for each single record,
        where it counts."""

    def apply(self, record: R) -> R | None:
        return self.apply_batch([record])[0]

    def apply_batch(self, records: Sequence[R]) -> list[R | None]:
        results: list[R | None] = list(records)
        groups: dict[tuple[Any, ...], list[int]] = {}
        for index, record in enumerate(records):
            if record.value is None:
                continue
            if record.value_schema is None:
                raise DataException(
                    "A value without schema has no form in Arrow.",
                    remedy="Let the converter make schemas, or put this transform behind one that does.",
                )
            of_key = id(record.key_schema), record.key is None
            groups.setdefault((record.topic, *of_key, id(record.value_schema)), []).append(index)
        for indexes in groups.values():
            done = self._together([records[index] for index in indexes])
            for index, result in zip(indexes, done, strict=True):
                results[index] = result
        return results

    def apply_block(self, block: Block) -> list[Block] | None:
        if block.value is None:
            return [block]
        there = block.value.valid()
        if there.all():
            return self._block(block)
        rest = block.filter(there)
        nulls = block.replace(value=None, value_schema=None).filter(~there)
        return [nulls, *(self._block(rest) if len(rest) else [])]

    def _block(self, block: Block) -> list[Block]:
        """What comes of rows whose values are there."""
        assert block.value is not None
        assert block.value_schema is not None
        key = None if block.key is None or block.key_schema is None else _exported(block.key_schema, block.key)
        batch = ArrowBatch(block.topic, key, _exported(block.value_schema, block.value))
        result = self.apply_arrow(batch)
        if result is None:
            return []
        count = len(block)
        changes: dict[str, Any] = {"topic": result.topic}
        for side in ("key", "value"):
            given = getattr(result, side)
            if given is getattr(batch, side):
                continue
            changes[side] = changes[f"{side}_schema"] = None
            if given is not None:
                before = getattr(block, f"{side}_schema"), getattr(block, side)
                changes[f"{side}_schema"], changes[side] = native.imported(given, self._memo, *before)
                _check_rows(side, count, len(changes[side]))
        made = block.replace(**changes)
        if result.keep is not None:
            mask = native.chosen(result.keep)
            _check_rows("keep", count, len(mask))
            made = made.filter(mask)
        return [made] if len(made) else []

    def _together(self, records: list[R]) -> list[R | None]:
        """What comes of records of one topic and one pair of schemas."""
        if core is not None:
            try:
                return self._by_columns(records)
            except core.DeclinedError as declined:
                # pyarrow takes more, or says what is wrong.
                if not arrow_write.has_pyarrow():
                    raise DataException(f"Not possible as Arrow data without pyarrow: {declined}") from declined
        return self._by_pyarrow(records)

    def _by_columns(self, records: list[R]) -> list[R | None]:
        first = records[0]
        key = None if first.key is None else column_of(first.key_schema, [record.key for record in records])
        value = column_of(first.value_schema, [record.value for record in records])
        block = Block(first.topic, first.key_schema, key, first.value_schema, value, range(len(records)))
        results: list[R | None] = [None] * len(records)
        for made in self._block(block):
            keys = _unpacked(made.key_schema, made.key, len(made))
            values = _unpacked(made.value_schema, made.value, len(made))
            for row, one_key, one in zip(made.ordinals, keys, values, strict=True):
                changes: dict[str, Any] = {"topic": made.topic}
                if made.key is not key:
                    changes |= {"key": one_key, "key_schema": None if one_key is None else made.key_schema}
                if made.value is not value:
                    changes |= {"value": one, "value_schema": None if one is None else made.value_schema}
                results[row] = records[row].new_record(**changes)
        return results

    def _by_pyarrow(self, records: list[R]) -> list[R | None]:
        first = records[0]
        columns: dict[str, ArrowColumn | None] = {"key": None, "value": None}
        for side in columns:
            schema = getattr(first, f"{side}_schema")
            values = [getattr(record, side) for record in records]
            if values[0] is not None:
                if schema is None:
                    raise DataException("A key without schema has no form in Arrow.")
                columns[side] = ArrowColumn(schema, arrow_write.to_arrow(arrow_field(schema), schema, values))
        batch = ArrowBatch(first.topic, columns["key"], columns["value"])
        result = self.apply_arrow(batch)
        if result is None:
            return [None] * len(records)
        keep = [True] * len(records) if result.keep is None else arrow_read.truths(result.keep)
        _check_rows("keep", len(records), len(keep))
        changed: dict[str, tuple[Schema | None, list[Any]]] = {}
        for side in columns:
            given = getattr(result, side)
            if given is None:
                changed[side] = None, [None] * len(records)
            elif given is not columns[side]:
                before = getattr(first, f"{side}_schema")
                schema, values = arrow_read.imported(given, self._memo, before, [getattr(one, side) for one in records])
                _check_rows(side, len(records), len(values))
                changed[side] = schema, values
        return [
            _changed(record, result.topic, row, changed) if keep[row] else None for row, record in enumerate(records)
        ]

    @property
    def _memo(self) -> SchemaMemo:
        memo: SchemaMemo | None = self.__dict__.get("_arrow_schemas")
        if memo is None:
            memo = self.__dict__["_arrow_schemas"] = SchemaMemo()
        return memo


def _exported(schema: Schema, column: Any) -> ArrowColumn:
    return ArrowColumn(schema, native.exported(schema, column))


def _unpacked(schema: Schema | None, column: Any, count: int) -> list[Any]:
    layout = None if schema is None else layout_of(schema)
    if column is None or layout is None:
        return [None] * count
    values: list[Any] = column.values(layout)
    return values


def _changed(record: R, topic: str, row: int, changed: dict[str, tuple[Schema | None, list[Any]]]) -> R:
    changes: dict[str, Any] = {"topic": topic}
    for side, (schema, values) in changed.items():
        changes[side] = values[row]
        changes[f"{side}_schema"] = None if values[row] is None else schema
    return record.new_record(**changes)


def _check_rows(what: str, wanted: int, found: int) -> None:
    if wanted != found:
        raise DataException(
            f"apply_arrow gave {found} rows as {what} for {wanted} records.",
            code="TRANSFORM_RESULT_COUNT",
            remedy="Give as many rows as there were; drop rows by keep.",
        )


__all__ = ["ArrowBatch", "ArrowColumn", "ArrowTransform", "ConnectRecord"]
