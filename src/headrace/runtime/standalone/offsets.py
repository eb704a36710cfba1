"""Offsets as operators see and change them (KIP-875): bodies of clients to plain data and back, and the answers' texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.errors import ConfigException


def parse_source(offsets: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """[{"partition": {...}, "offset": {...} | None}], checked. ConfigException (OFFSETS_INVALID)."""
    parsed = []
    for entry in _checked(offsets):
        partition, offset = entry["partition"], entry.get("offset")
        if offset is not None and not isinstance(offset, Mapping):
            raise _invalid(f"The offset of partition {dict(partition)} must be an object or null.")
        for name, value in [*partition.items(), *(offset or {}).items()]:
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise _invalid(f"The value of {name} has no room in 64 bits.")
        parsed.append({"partition": dict(partition), "offset": None if offset is None else dict(offset)})
    return parsed


def parse_sink(offsets: Sequence[Mapping[str, Any]]) -> list[tuple[str, int, int | None]]:
    """(topic, partition, offset or None) from {"kafka_topic", "kafka_partition"} and {"kafka_offset"}; numbers may be texts.
    ConfigException (OFFSETS_INVALID)."""
    parsed: list[tuple[str, int, int | None]] = []
    for entry in _checked(offsets):
        partition, offset = entry["partition"], entry.get("offset")
        topic = partition.get("kafka_topic")
        if topic is None or partition.get("kafka_partition") is None:
            raise _invalid(
                "The partition of a sink connector's offset must have the keys kafka_topic and kafka_partition, "
                "with values that are not null."
            )
        number = _number("kafka_partition", partition["kafka_partition"], 31)
        if offset is None:
            parsed.append((str(topic), number, None))
            continue
        if not isinstance(offset, Mapping) or "kafka_offset" not in offset:
            raise _invalid("The offset of a sink connector must be null or have the key kafka_offset.")
        parsed.append((str(topic), number, _number("kafka_offset", offset["kafka_offset"], 63)))
    return parsed


def render_sink(offsets: Sequence[tuple[str, int, int]]) -> list[dict[str, Any]]:
    """The same as GET shows them."""
    return [
        {"partition": {"kafka_partition": partition, "kafka_topic": topic}, "offset": {"kafka_offset": offset}}
        for topic, partition, offset in offsets
    ]


def message(name: str, *, reset: bool, verified: bool) -> str:
    """The text for the client after a change."""
    done = "reset" if reset else "altered"
    if verified:
        return f"The offsets for connector {name} have been {done} successfully"
    return (
        f"The framework-managed offsets for connector {name} have been {done} successfully. "
        "If this connector keeps offsets elsewhere as well, they must be changed there by hand."
    )


def _checked(offsets: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    if not offsets:
        raise _invalid("Partitions and offsets must be given.")
    for entry in offsets:
        if not isinstance(entry.get("partition"), Mapping):
            raise _invalid("Every entry must have a partition that is an object.")
    return offsets


def _number(key: str, value: Any, bits: int) -> int:
    try:
        number = int(str(value))
    except ValueError:
        raise _invalid(f"{key} must be a whole number, not {value!r}.") from None
    if number < 0:
        raise _invalid(f"{key} must not be negative.")
    if number >= 2**bits:
        raise _invalid(f"{key} must be less than {2**bits}.")
    return number


def _invalid(text: str) -> ConfigException:
    return ConfigException(text, code="OFFSETS_INVALID", field="offsets")
