"""EventRouter: rows of an outbox table become the events they hold. Source: io.debezium.transforms.outbox (Debezium 3.6)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from headrace.cdc.topics import FIELD_ADJUSTERS
from headrace.config import ConfigDef
from headrace.data import STRING_SCHEMA, Header, Schema, SourceRecord, Struct, Type
from headrace.data.batch import Block
from headrace.errors import ConfigException, DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import copy_record, require_struct
from headrace.transforms.debezium.envelope import DELETE, event_of, text_of
from headrace.transforms.debezium.event_router_config import CONFIG, additional_columns
from headrace.transforms.debezium.json_data import JsonData, parse_document
from headrace.transforms.debezium.outbox_columns import DIVISORS, OutboxColumns, OutboxNames, milliseconds
from headrace.transforms.debezium.outbox_schemas import OutboxSchemas
from headrace.transforms.debezium.tracing import traced_headers
from headrace.transforms.regex_router import RegexRouter

_log = logging.getLogger(__name__)


class EventRouter(Transform[R]):
    """Inserts into the outbox table (and rows of its snapshot) go on as records with the row's key, payload and topic, and its id in the
    header `id`. Tombstones and deletes are dropped; an update is dropped or fails, as `table.op.invalid.behavior` says. What is no change event
    passes unchanged."""

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings."""
        return CONFIG

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for a setting that is refused."""
        settings = CONFIG.parse(props)
        self._id: str = settings["table.field.event.id"]
        self._key: str | None = settings["table.field.event.key"]
        self._payload: str = settings["table.field.event.payload"]
        self._timestamp: str | None = settings["table.field.event.timestamp"]
        self._route: str = settings["route.by.field"]
        self._version: str | None = settings["table.field.event.schema.version"]
        self._additional = additional_columns(settings["table.fields.additional.placement"] or [])
        self._lenient = settings["table.field.additional.missing"].lower() == "ignore"
        self._invalid: str = settings["table.op.invalid.behavior"].lower()
        self._tombstones: bool = settings["route.tombstone.on.empty.payload"]
        self._span: str = settings["tracing.span.context.field"]
        enveloped = [item for item in self._additional if item.place == "envelope"]
        self._schemas = OutboxSchemas(enveloped, self._lenient) if enveloped else None
        self._json: JsonData | None = None
        if settings["table.expand.json.payload"]:
            nulls = settings["table.json.payload.null.behavior"].lower() == "optional_bytes"
            self._json = JsonData(nulls, FIELD_ADJUSTERS[settings["field.name.adjustment.mode"].lower()])
        self._router: RegexRouter[R] = RegexRouter()
        try:
            self._router.configure({name: settings[f"route.topic.{name}"] for name in ("regex", "replacement")})
        except ConfigException as error:
            setting = f"route.topic.{error.field}"
            message = error.message.replace(f"configuration {error.field}:", f"configuration {setting}:")
            raise ConfigException(message, field=setting, remedy=error.remedy) from None
        self._columns: OutboxColumns | None = None
        if self._json is None and not self._tombstones and all(one.place == "header" for one in self._additional):
            names = (self._id, self._key, self._payload, self._timestamp, self._route, self._span, self._additional)
            self._columns = OutboxColumns(OutboxNames(*names, self._lenient), self._router)

    def apply_block(self, block: Block) -> list[Block] | None:
        """Where what becomes of a row are its columns: the payload as it is, further columns as headers."""
        return None if self._columns is None else self._columns.routed(block)

    def apply(self, record: R) -> R | None:
        if record.value is None:
            return None
        event = event_of(record, "Detect Debezium Operation")
        if event is None:
            return record
        op = text_of(event, "op")
        if op == DELETE:
            return None
        if op == "u":
            self._refuse(record)
            return None
        row = require_struct(event.get("after"), "Read Outbox Event")
        payload_schema, payload = self._field(row, self._payload)
        timestamp = self._time(event, row)
        id_schema, event_id = self._field(row, self._id)
        headers = [*traced_headers(record, event, self._span), Header("id", id_schema, event_id)]
        if self._json is not None and payload is not None:
            payload_schema, payload = self._expanded(payload_schema, payload, self._json)
        topic = text_of(row, self._route)
        if topic is None:
            raise DataException(f"The column '{self._route}' is null, the event has no topic.")
        copied = copy_record(record)
        empty = payload is None or (isinstance(payload, str) and not payload.strip(_BLANK))
        copied.value_schema, copied.value = payload_schema, payload
        if self._schemas is not None:
            copied.value = self._schemas.enveloped(
                row, payload_schema, payload, topic, self._number(row, self._version)
            )
            copied.value_schema = copied.value.schema
        if isinstance(record, SourceRecord):
            copied.partition = None
        for column, place, alias in self._additional:
            if self._lenient and row.schema.field(column) is None:
                continue
            if place == "header":
                headers.append(Header(alias, *self._field(row, column)))
            elif place == "partition":
                copied.partition = self._number(row, column)
        if empty and self._tombstones:
            copied.value_schema = copied.value = None
        copied.key_schema, copied.key = (STRING_SCHEMA, None) if self._key is None else self._field(row, self._key)
        copied.topic, copied.timestamp = topic, timestamp
        copied._headers = tuple(headers)
        return self._router.apply(copied)

    def _refuse(self, record: R) -> None:
        if self._invalid == "fatal":
            raise DataException(
                f"Unexpected update of the outbox table for key {record.key}",
                code="OUTBOX_UPDATE",
                remedy="Rows of an outbox table are inserted and deleted only; set table.op.invalid.behavior to warn to pass over updates.",
            )
        _log.log(
            logging.WARNING if self._invalid == "warn" else logging.ERROR,
            "An update of the outbox table was dropped; its rows are inserted and deleted only",
        )

    def _field(self, row: Struct, name: str) -> tuple[Schema, Any]:
        field = row.schema.field(name)
        if field is None:
            raise DataException(
                f"Unable to find field {name} in event",
                remedy="Name the outbox table's columns in table.field.event.* and table.fields.additional.placement.",
            )
        return field.schema, row.get(name)

    def _number(self, row: Struct, name: str | None) -> int | None:
        if name is None:
            return None
        schema, _ = self._field(row, name)
        if schema.type is not Type.INT32:
            raise DataException(f"Field '{name}' is not of type INT32")
        number: int | None = row.get_without_default(name)
        return number

    def _time(self, event: Struct, row: Struct) -> int | None:
        if self._timestamp is not None:
            schema, _ = self._field(row, self._timestamp)
            if schema.type is not Type.INT64:
                raise DataException(f"Field '{self._timestamp}' is not of type INT64")
            value: int | None = row.get_without_default(self._timestamp)
            if value is not None:
                divisor = DIVISORS.get(schema.name or "")
                if divisor is None:
                    raise DataException(
                        f"Unsupported field type {schema.name or schema.type.name} for event timestamp",
                        remedy="Use a timestamp column with time.precision.mode adaptive, or leave table.field.event.timestamp out.",
                    )
                return milliseconds(value, divisor)
        now: int | None = event.get_without_default("ts_ms")
        return now

    def _expanded(self, schema: Schema, payload: Any, converter: JsonData) -> tuple[Schema, Any]:
        if not isinstance(payload, str):
            _log.warning("A payload that is no text cannot be expanded, it stays as it is")
            return schema, payload
        try:
            return converter.convert(self._payload, parse_document(payload))
        except DataException as error:
            _log.warning("A payload stays a text: %s", error.message)
            return schema, payload


_BLANK: Final = "".join(map(chr, range(33)))
"""What Java's `trim` takes away."""
