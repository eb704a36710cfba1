"""Source offsets as Connect's offsets topic holds them: compact JSON, bytes that a JVM worker finds again.

Key `["<connector>",{partition}]`, value `{offset}`; map order as given, bytes as base64 text, the rest as in `plain_json`.
Source: contract of Connect's offsets topic (JsonConverter with schemas.enable=false, OffsetUtils.validateFormat).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from headrace.errors import DataException
from headrace.log.plain_json import dump, load

_PRIMITIVES = frozenset({str, int, float, bool, type(None)})


def offset_key(connector: str, partition: Mapping[str, Any]) -> bytes:
    """The key bytes of a source partition. DataException (OFFSET_INVALID) for nested or foreign values."""
    return _dump([connector, _plain(partition, "partition")])


def offset_value(offset: Mapping[str, Any] | None) -> bytes | None:
    """The value bytes of a source offset; None (a reset) stays None. DataException (OFFSET_INVALID) as `offset_key`."""
    return None if offset is None else _dump(_plain(offset, "offset"))


def parse_key(key: bytes) -> tuple[str, dict[str, Any]]:
    """Connector name and source partition. DataException (OFFSET_INVALID) if the bytes are no such key."""
    parsed = _load(key)
    if (
        not isinstance(parsed, list)
        or len(parsed) != 2
        or not isinstance(parsed[0], str)
        or not isinstance(parsed[1], dict)
    ):
        raise _invalid(
            f"A source offset key must be a JSON array of a connector name and an object, not {key[:200]!r}."
        )
    return parsed[0], parsed[1]


def parse_value(value: bytes) -> dict[str, Any]:
    """The source offset. DataException (OFFSET_INVALID) if the bytes are no JSON object."""
    parsed = _load(value)
    if not isinstance(parsed, dict):
        raise _invalid(f"A source offset must be a JSON object, not {value[:200]!r}.")
    return parsed


def canonical_key(key: bytes) -> bytes:
    """The same key with its partition's fields sorted: equal for partitions that differ only in the order of fields."""
    connector, partition = parse_key(key)
    return _dump([connector, dict(sorted(partition.items()))])


def _plain(fields: Mapping[str, Any], what: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in fields.items():
        if type(name) is not str:
            raise _invalid(f"A source {what} may only have text as field names, not {name!r}.")
        if type(value) in _PRIMITIVES:
            result[name] = value
        elif isinstance(value, bytes | bytearray | memoryview):
            result[name] = base64.b64encode(value).decode("ascii")
        elif isinstance(value, str | int | float):
            result[name] = value
        else:
            raise _invalid(
                f"A source {what} may only hold null, booleans, numbers, text and bytes; "
                f"field {name!r} is a {type(value).__name__}."
            )
    return result


def _dump(document: object) -> bytes:
    try:
        return dump(document)
    except ValueError as error:
        raise _invalid(f"A source offset cannot be written as JSON: {error}.") from error


def _load(data: bytes) -> Any:
    try:
        return load(data)
    except ValueError as error:
        raise _invalid(f"A source offset is no JSON: {data[:200]!r}.") from error


def _invalid(message: str) -> DataException:
    return DataException(message, code="OFFSET_INVALID")
