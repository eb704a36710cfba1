"""Reselect columns: values the log does not hold are read from the table, as they are now, before a record leaves.

What is missing is an unchanged TOAST value, or a NULL when those are asked for too. All rows of a batch that lack something are read
by one query per table and chunk of keys, found by the texts of their keys as the log holds them, and decoded like rows of a snapshot,
so that masks and modes apply. Settings are Debezium's (ReselectColumnsPostProcessor).

What is read may be newer than the change, never older: a commit is in the log before others see it, so that is waited for. Nor is it
of another table that has come to have the name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from struct import Struct as Binary
from typing import Any, Final, NamedTuple

from headrace.cdc.filters import NameFilter, compile_patterns
from headrace.data import SourceRecord
from headrace.data.unchanged import Unchanged
from headrace.errors import ConfigException, ConnectException, DataException, HeadraceError, RetryClass
from headrace.native import pgoutput
from headrace.sources.postgres.failures import raise_as_ours
from headrace.sources.postgres.post_processors import Declared
from headrace.sources.postgres.stream.visibility import Visibility
from headrace.sources.postgres.tables import TableCodec
from headrace.sources.postgres.types.type_plan import StaleEnum
from headrace.systems.postgres import PgTarget, quote_identifier, quote_literal, quote_table
from headrace.systems.postgres.introspect import Conn

logger = logging.getLogger(__name__)

ROWS_PER_QUERY: Final = 500
_SETTINGS: Final = frozenset(
    f"reselect.{name}"
    for name in (
        "columns.include.list",
        "columns.exclude.list",
        "unavailable.values",
        "null.values",
        "use.event.key",
        "error.handling.mode",
    )
)
_AFTER, _SOURCE = 1, 2
_XID: Final = 11
_OID: Final = Binary(">I").unpack_from


class ReselectSettings(NamedTuple):
    """`columns`: by `schema.table:column`. `nulls`, `unavailable`: what counts as missing. `event_key`: find the row by the record's
    key, not by the primary key. `fail`: a row that cannot be read ends the task; else the record leaves as it is."""

    columns: NameFilter
    nulls: bool
    unavailable: bool
    event_key: bool
    fail: bool

    @classmethod
    def of(cls, declared: Declared) -> ReselectSettings:
        """ConfigException for a wrong value or an unknown setting."""
        for name in declared.settings:
            if name != "type" and name not in _SETTINGS:
                raise declared.invalid(name, f"There is no such setting of {declared.type.rpartition('.')[2]}.")
        include, exclude = (f"reselect.columns.{what}.list" for what in ("include", "exclude"))
        mode = declared.settings.get("reselect.error.handling.mode", "warn").strip().lower()
        if mode not in ("warn", "fail"):
            raise declared.invalid("reselect.error.handling.mode", "Use warn or fail.")
        # As the original has it, an include list is heard alone.
        chosen = include if declared.settings.get(include) else exclude
        try:
            patterns = compile_patterns(chosen, declared.settings.get(chosen))
        except ConfigException as error:
            raise declared.invalid(chosen, error.message) from None
        return cls(
            NameFilter(patterns) if chosen == include else NameFilter(exclude=patterns),
            declared.boolean("reselect.null.values", True),
            declared.boolean("reselect.unavailable.values", True),
            declared.boolean("reselect.use.event.key", False),
            mode == "fail",
        )


class _Table:
    """What is asked of one table."""

    def __init__(self, codec: TableCodec, oid: int, settings: ReselectSettings) -> None:
        shape = codec.shape
        self.codec = codec
        self.oid = oid
        names = codec.key_columns if settings.event_key else shape.key
        places = {column.name: at for at, column in enumerate(shape.columns)}
        self.key_names = names
        self.key_places = tuple(places[name] for name in names)
        self.slots = [slot for slot, name in enumerate(codec.value_columns) if settings.columns(f"{shape.name}:{name}")]
        self.required = frozenset(slot for slot in self.slots if not codec.row_schema.fields[slot].schema.optional)
        self.waiting: list[tuple[tuple[Any, ...], list[int], list[Any]]] = []
        """(texts of the key, slots that are missing, the values to fill in)"""


class Reselect:
    """The post processor. `connection` is asked for when there is something to read."""

    def __init__(
        self, settings: ReselectSettings, connection: Callable[[], Conn], target: PgTarget, visibility: Visibility
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._target = target
        self._visibility = visibility
        self._tables: dict[int, _Table] = {}
        self._waiting: list[_Table] = []
        self._xids: set[int] = set()

    def row(self, codec: TableCodec, payload: bytes, position: int, record: SourceRecord) -> None:
        """Remember a record that lacks something."""
        oid = _OID(payload, 26)[0]
        table = self._tables.get(oid)
        if table is None or table.codec.row_schema is not codec.row_schema:
            table = self._tables[oid] = _Table(codec, oid, self._settings)
            if table.slots and not table.key_names:
                logger.warning("Rows of %s cannot be reselected: the table has no key.", codec.shape.name)
        if record.key is None or not table.slots or not table.key_names:
            return
        values = record.value.values[_AFTER].values
        nulls, unavailable = self._settings.nulls, self._settings.unavailable
        marks = codec.toast_marks
        missing = [
            slot
            for slot in table.slots
            if (nulls if values[slot] is None else unavailable and _is_unchanged(values[slot], marks.get(slot)))
        ]
        if missing:
            texts, _ = pgoutput.raw_tuple(payload, position)
            key = tuple(texts[place] for place in table.key_places)
            if not table.waiting:
                self._waiting.append(table)
            table.waiting.append((key, missing, values))
            self._xids.add(record.value.values[_SOURCE].values[_XID])

    def finish(self) -> None:
        """Read what is missing and fill it in."""
        waiting, self._waiting = self._waiting, []
        xids, self._xids = self._xids, set()
        late: HeadraceError | None = None
        if waiting:
            try:
                self._await(xids)
            except HeadraceError as error:
                late = error
        for table in waiting:
            rows, table.waiting = table.waiting, []
            try:
                if late is not None:
                    raise late
                self._fill(table, rows)
            except HeadraceError as error:
                if self._settings.fail or error.retry_class is RetryClass.RETRY:
                    raise
                logger.warning("Rows of %s could not be reselected: %s", table.codec.shape.name, error)

    def _await(self, xids: Iterable[int]) -> None:
        try:
            visible = self._visibility.wait_all(self._connection(), xids)
        except Exception as error:
            raise_as_ours(error, self._target)
        if not visible:
            raise ConnectException(
                "Their transactions are committed but not visible yet, as when a synchronous standby does not answer.",
                code="RESELECT_NOT_VISIBLE",
                field="post.processors",
                remedy="See what the commits wait for, or set reselect.error.handling.mode to warn.",
            )

    def _fill(self, table: _Table, rows: Sequence[tuple[tuple[Any, ...], list[int], list[Any]]]) -> None:
        slots = sorted({slot for _, missing, _ in rows for slot in missing})
        keys = list(dict.fromkeys(key for key, _, _ in rows if all(isinstance(text, str) for text in key)))
        found: dict[tuple[str | None, ...], list[Any] | None] = {}
        for start in range(0, len(keys), ROWS_PER_QUERY):
            found |= self._read(table, slots, keys[start : start + ROWS_PER_QUERY])
        places = {slot: at for at, slot in enumerate(slots)}
        lost = 0
        for key, missing, values in rows:
            fresh = found.get(key)
            if fresh is None:
                lost += 1
                continue
            for slot in missing:
                value = fresh[places[slot]]
                # The column may have come to allow NULL since; that follows in the log.
                if value is not None or slot not in table.required:
                    values[slot] = value
        if lost:
            text = f"{lost} rows of {table.codec.shape.name} are not in the table any more, have another key, or share it with others."
            if self._settings.fail:
                raise ConnectException(
                    f"Columns could not be reselected: {text}",
                    code="RESELECT_ROW_NOT_FOUND",
                    field="post.processors",
                    remedy="Set reselect.error.handling.mode to warn: a delete or another key follows in the log.",
                )
            logger.warning("%s Their columns are left as they are.", text)

    def _read(
        self, table: _Table, slots: Sequence[int], keys: Sequence[tuple[str, ...]]
    ) -> dict[tuple[str | None, ...], list[Any] | None]:
        """The values in `slots` of each row, by the texts of its key; None for a key that several rows have."""
        codec = table.codec
        names = [quote_identifier(name) for name in table.key_names]
        wanted = [quote_identifier(codec.value_columns[slot]) for slot in slots]
        # Untyped literals take the types of the columns they are compared with.
        if len(names) == 1:
            listed = ", ".join(quote_literal(key[0]) for key in keys)
        else:
            listed = ", ".join(f"({', '.join(map(quote_literal, key))})" for key in keys)
        query = (
            f"COPY (SELECT {', '.join([*names, *wanted])} FROM {quote_table(codec.shape.schema, codec.shape.table)}"
            f" WHERE ({', '.join(names)}) IN ({listed})"
            f" AND to_regclass({quote_literal(quote_table(codec.shape.schema, codec.shape.table))}) = {table.oid}::oid) TO STDOUT"
        )
        decode = codec.decode_columns(slots)
        found: dict[tuple[str | None, ...], list[Any] | None] = {}
        try:
            with self._connection().cursor() as cursor, cursor.copy(query) as copy:
                for line in copy:
                    fields = bytes(line).split(b"\t", len(names))
                    key = tuple(text for one in fields[:-1] for text in pgoutput.raw_copy(one))
                    # Keys of events need not be unique, and another row's value is none.
                    found[key] = None if key in found else decode(fields[-1])
        except (DataException, StaleEnum) as error:
            raise DataException(
                f"A value of {codec.shape.name} cannot be carried: {error}", code="RESELECT_VALUE"
            ) from error
        except Exception as error:
            raise_as_ours(error, self._target)
        return found


def _is_unchanged(value: Any, mark: Any) -> bool:
    return isinstance(value, Unchanged) or (mark is not None and value is mark)
