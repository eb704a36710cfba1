"""What an incremental snapshot still has to do, kept in the offsets under Debezium's keys.

Source: Debezium's AbstractIncrementalSnapshotContext.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from headrace.cdc.signals.java_reader import read_array
from headrace.cdc.signals.java_writer import write_array
from headrace.errors import DataException
from headrace.sources.postgres.incremental import java_keys
from headrace.sources.postgres.incremental.chunk_query import Key
from headrace.sources.postgres.offsets import INCREMENTAL_KEYS

logger = logging.getLogger(__name__)

_LAST, _MOST, _COLLECTIONS, _CORRELATION = INCREMENTAL_KEYS
_ID, _CONDITION, _SURROGATE = (f"{_COLLECTIONS}_{part}" for part in ("id", "additional_condition", "surrogate_key"))


class Collection(NamedTuple):
    """A table to read: `schema.table`, a condition on its rows, the column to order by; "" for none."""

    id: str
    condition: str = ""
    surrogate: str = ""


class SnapshotState:
    """`collections`: the first is being read. `read_to`: the last key read; `sent_to`: the last key handed out, as Java objects; `most`:
    the table's last key when it was begun. Keys are None before there are any."""

    def __init__(self) -> None:
        self.collections: list[Collection] = []
        self.correlation: str | None = None
        self.read_to: Key | None = None
        self.sent_to: Sequence[Any] | None = None
        self.most: Key | None = None
        self._most_hex = write_array(None).hex()
        self._most_java: Sequence[Any] | None = None

    @property
    def running(self) -> bool:
        return bool(self.collections)

    @property
    def names(self) -> list[str]:
        return [collection.id for collection in self.collections]

    def add(self, id: str, collections: Sequence[Collection]) -> None:
        """Read these too, asked for by signal `id`."""
        self.collections += collections
        self.correlation = id

    def begin_table(self, most: Key, java: Sequence[Any]) -> None:
        """The present table ends at key `most`."""
        self.most, self._most_java = most, java
        self._most_hex = write_array(java).hex()

    def next_table(self) -> None:
        """Done with the present one."""
        del self.collections[0]
        self.read_to = self.sent_to = self.most = None
        self._most_hex = write_array(None).hex()

    def keys(self) -> dict[str, Any]:
        """For the offsets: those that tell of it, but for the last key handed out; {} when there is nothing to do."""
        if not self.collections:
            return {}
        listed = [
            {
                _ID: one.id,
                _CONDITION: f"({one.condition})" if one.condition else None,
                _SURROGATE: one.surrogate or None,
            }
            for one in self.collections
        ]
        return {
            _LAST: last_key(self.sent_to),
            _MOST: self._most_hex,
            _COLLECTIONS: json.dumps(listed, separators=(",", ":"), ensure_ascii=False),
            _CORRELATION: self.correlation,
        }

    @classmethod
    def of(cls, offset: Mapping[str, Any]) -> SnapshotState:
        """From an offset, ours or Debezium's. A key that cannot be read makes the table be read from its start."""
        state = cls()
        text = offset.get(_COLLECTIONS)
        if not text:
            return state
        try:
            state.collections = [_collection(item) for item in json.loads(text)]
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            logger.warning("The incremental snapshot in the offset cannot be read and is given up: %s", error)
            return cls()
        state.correlation = offset.get(_CORRELATION)
        try:
            last, most = (_array(offset.get(key)) for key in (_LAST, _MOST))
            most_key, state.read_to = java_keys.texts(most), java_keys.texts(last)
            state.sent_to = last
            if most_key is not None and most is not None:
                state.begin_table(most_key, most)
        except (DataException, ValueError) as error:
            logger.warning("The key in the offset cannot be read; the table is read from its start: %s", error)
            state.read_to = state.sent_to = state.most = None
        return state


def last_key(java: Sequence[Any] | None) -> str:
    """The hexadecimal text of a key."""
    return write_array(java).hex()


LAST_KEY = _LAST


def _array(text: Any) -> Sequence[Any] | None:
    return read_array(bytes.fromhex(text)) if text else None


def _collection(item: Mapping[str, Any]) -> Collection:
    condition = item.get(_CONDITION) or ""
    # Whoever stored it put it in parentheses.
    if condition.startswith("(") and condition.endswith(")"):
        condition = condition[1:-1]
    return Collection(str(item[_ID]), condition, item.get(_SURROGATE) or "")
