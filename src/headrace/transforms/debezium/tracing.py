"""ActivateTracingSpan: the trace that a row belongs to goes on in its record's headers.

Source: io.debezium.transforms.tracing (Debezium 3.6); https://www.w3.org/TR/trace-context/ for the header names. There is no OpenTelemetry
SDK here, so no spans of our own are recorded: the context that the row carries is handed on as it is, which is what the W3C text asks of a
party that does not take part in the trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.config.properties import parse_properties
from headrace.data import STRING_SCHEMA, ConnectRecord, Header, Struct
from headrace.errors import ConfigException, DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record
from headrace.transforms.debezium.envelope import event_of

_PROPAGATED: Final = ("traceparent", "tracestate", "baggage")


def define_tracing(config: ConfigDef, group: str | None = None) -> ConfigDef:
    """Add the three tracing settings."""
    return (
        config.define(
            "tracing.span.context.field",
            ConfigType.STRING,
            "tracingspancontext",
            importance=Importance.HIGH,
            documentation="The column that holds the span context as properties text, such as `traceparent=00-…`.",
            group=group,
            width=Width.MEDIUM,
            display_name="Serialized tracing span context field",
        )
        .define(
            "tracing.operation.name",
            ConfigType.STRING,
            "debezium-read",
            importance=Importance.HIGH,
            documentation="The name of the original's own span.",
            group=group,
            width=Width.MEDIUM,
            display_name="Tracing operation name",
            no_effect="no spans of our own are recorded",
        )
        .define(
            "tracing.with.context.field.only",
            ConfigType.BOOLEAN,
            False,
            importance=Importance.HIGH,
            documentation="Whether only events with a span context are traced.",
            group=group,
            width=Width.MEDIUM,
            display_name="Trace only events with context field present",
            no_effect="an event without a span context has nothing to hand on",
        )
    )


CONFIG: Final = define_tracing(ConfigDef())


class ActivateTracingSpan(Transform[R]):
    """Events whose new row has a span context get the headers `traceparent`, `tracestate` and `baggage` from it."""

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        self._field: str = CONFIG.parse(props)["tracing.span.context.field"]

    def apply(self, record: R) -> R | None:
        event = event_of(record, "tracing")
        if event is None:
            return record
        headers = traced_headers(record, event, self._field)
        if headers is record.header_items:
            return record
        copied = copy_record(record)
        copied._headers = headers
        return copied


def traced_headers(record: ConnectRecord, event: Struct, field: str) -> tuple[Header, ...]:
    """The record's headers with the trace of the event's new row; the very same tuple when it has none."""
    after_field = event.schema.field("after")
    after: Any = event.values[after_field.index] if after_field is not None else None
    if not isinstance(after, Struct) or after.schema.field(field) is None:
        return record.header_items
    text = after.get_without_default(field)
    if text is None:
        return record.header_items
    if not isinstance(text, str):
        raise DataException(f"The span context in column '{field}' is no text.")
    try:
        context = parse_properties(text)
    except ConfigException as error:
        raise DataException(f"The span context in column '{field}' is no properties text: {error.message}") from None
    found = {name: context[name] for name in _PROPAGATED if name in context}
    if not found:
        return record.header_items
    kept = tuple(header for header in record.header_items if header.key not in found)
    return kept + tuple(Header(name, STRING_SCHEMA, value) for name, value in found.items())
