"""The settings of EventRouter. Source: io.debezium.transforms.outbox.EventRouterConfigDefinition (Debezium 3.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.config.validators import one_of
from headrace.errors import ConfigException
from headrace.transforms.debezium.tracing import define_tracing
from headrace.transforms.regex_router import valid_pattern

_PLACEMENT: Final = "table.fields.additional.placement"
_PLACES: Final = ("header", "envelope", "partition")


class Additional(NamedTuple):
    """A column that goes to a header, into the envelope, or decides the partition."""

    column: str
    place: str
    alias: str


def additional_columns(items: Sequence[str]) -> list[Additional]:
    """The parsed placements. ConfigException for one that is not `column:place` or `column:place:alias`."""
    found = []
    for item in items:
        parts = [part.strip() for part in item.split(":")]
        if len(parts) not in (2, 3) or not all(parts) or parts[1].lower() not in _PLACES:
            raise ConfigException(
                f"Invalid value {item} for configuration {_PLACEMENT}: a list of pairs or trios is expected",
                field=_PLACEMENT,
                remedy=f"Write column:place or column:place:alias, where place is one of {', '.join(_PLACES)}.",
            )
        found.append(Additional(parts[0], parts[1].lower(), parts[-1] if len(parts) == 3 else parts[0]))
    return found


def _valid_placements(name: str, value: Any) -> None:
    additional_columns(value or [])


def _column(config: ConfigDef, name: str, default: str | None, display: str, text: str, importance: Importance) -> None:
    config.define(
        f"table.field.event.{name}",
        ConfigType.STRING,
        default,
        importance=importance,
        documentation=text,
        group="Table",
        width=Width.MEDIUM,
        display_name=display,
    )


def _definition() -> ConfigDef:
    config = ConfigDef()
    low, medium = Importance.LOW, Importance.MEDIUM
    _column(config, "id", "id", "Event ID Field", "The column with the event's id, which becomes the header `id`.", low)
    _column(config, "key", "aggregateid", "Event Key Field", "The column that becomes the record's key.", low)
    _column(
        config, "type", "type", "Event Type Field", "The column with the event's type; nothing is done with it.", low
    )
    _column(config, "payload", "payload", "Event Payload Field", "The column that becomes the record's value.", low)
    _column(
        config,
        "timestamp",
        None,
        "Event Timestamp Field",
        "The column that becomes the record's timestamp; without it the time at which the change was processed.",
        medium,
    )
    config.define(
        _PLACEMENT,
        ConfigType.LIST,
        None,
        _valid_placements,
        Importance.HIGH,
        "Further columns, as column:place or column:place:alias: header and envelope add the column there, partition makes it the record's "
        "partition. With an envelope the value is a struct of `payload` and these columns.",
        group="Table",
        width=Width.MEDIUM,
        display_name="Settings for each additional column in the outbox table",
    )
    config.define(
        "table.field.additional.missing",
        ConfigType.STRING,
        "error",
        one_of("error", "ignore", ignore_case=True),
        medium,
        "What to do when such a column is missing in an event.",
        group="Table",
        width=Width.MEDIUM,
        display_name="Behavior when an additional field is missing in the change data",
    )
    _column(
        config,
        "schema.version",
        None,
        "Event Schema Version Field",
        "The column with the version of the value's schema, where there is an envelope.",
        low,
    )
    config.define(
        "table.op.invalid.behavior",
        ConfigType.STRING,
        "warn",
        one_of("warn", "error", "fatal", ignore_case=True),
        medium,
        "What to do with an update of the outbox table: warn and error drop it and write to the log, fatal fails.",
        group="Table",
        width=Width.MEDIUM,
        display_name="Behavior when capturing an unexpected outbox event",
    )
    config.define(
        "table.expand.json.payload",
        ConfigType.BOOLEAN,
        False,
        importance=medium,
        documentation="Whether a payload that is the text of a JSON object or array becomes a struct or list with an inferred schema. "
        "Another text stays as it is.",
        group="Table",
        width=Width.MEDIUM,
        display_name="Expand Payload escaped string as real JSON",
    )
    config.define(
        "table.json.payload.null.behavior",
        ConfigType.STRING,
        "ignore",
        one_of("ignore", "optional_bytes", ignore_case=True),
        medium,
        "What becomes of a null in an expanded payload: ignore leaves the field out, optional_bytes makes it an optional BYTES field.",
        group="Table",
        width=Width.MEDIUM,
        display_name="Behavior when json payload including null value",
    )
    config.define(
        "field.name.adjustment.mode",
        ConfigType.STRING,
        "none",
        one_of("none", "avro", "avro_unicode", ignore_case=True),
        low,
        "How the names of an expanded payload are fitted to a serialization.",
        group="Table",
        width=Width.MEDIUM,
    )
    config.define(
        "table.fields.additional.error.on.missing",
        ConfigType.BOOLEAN,
        True,
        importance=low,
        documentation="The older name of table.field.additional.missing.",
        group="Table",
        no_effect="Debezium 3.6 no longer reads it: set table.field.additional.missing",
    )
    config.define(
        "route.by.field",
        ConfigType.STRING,
        "aggregatetype",
        importance=Importance.HIGH,
        documentation="The column whose value decides the topic.",
        group="Router",
        width=Width.MEDIUM,
        display_name="Field to route events by",
    )
    config.define(
        "route.topic.regex",
        ConfigType.STRING,
        "(?<routedByValue>.*)",
        valid_pattern,
        low,
        "A regular expression for that value; the topic is what route.topic.replacement makes of it. A value that does not match is the topic.",
        group="Router",
        width=Width.MEDIUM,
        display_name="The name of the routed topic",
    )
    config.define(
        "route.topic.replacement",
        ConfigType.STRING,
        "outbox.event.${routedByValue}",
        importance=Importance.HIGH,
        documentation="The topic, with $1 or ${name} for the groups of route.topic.regex.",
        group="Router",
        width=Width.MEDIUM,
        display_name="The name of the routed topic",
    )
    config.define(
        "route.tombstone.on.empty.payload",
        ConfigType.BOOLEAN,
        False,
        importance=Importance.HIGH,
        documentation="Whether an event whose payload is null, empty or blank becomes a tombstone.",
        group="Router",
        width=Width.MEDIUM,
        display_name="Empty payloads cause a tombstone message",
    )
    return define_tracing(config, "Tracing")


CONFIG: Final = _definition()
