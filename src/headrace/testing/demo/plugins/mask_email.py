"""An example of a transform of one's own: a file in a folder of `plugin.path`, nothing else.

    "transforms": "email",
    "transforms.email.type": "mask_email.MaskEmail",
    "transforms.email.fields": "email"

`Jane.Doe@Example.com ` becomes `j***@example.com`, in rows and in Debezium envelopes (before and after).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.spi import ConfigDef, ConfigType, ConnectRecord, Importance, Struct, Transform


class MaskEmail(Transform[ConnectRecord]):
    """Masks the local part of e-mail addresses and writes the domain in lower case."""

    @classmethod
    def version(cls) -> str:
        return "1.0"

    @classmethod
    def config(cls) -> ConfigDef:
        return ConfigDef().define(
            "fields", ConfigType.LIST, "email", None, Importance.HIGH, "Names of the text fields that hold addresses."
        )

    def configure(self, props: Mapping[str, str]) -> None:
        self._fields: list[str] = self.config().parse(props)["fields"]

    def apply(self, record: ConnectRecord) -> ConnectRecord:
        value = record.value
        if isinstance(value, Struct):
            masked = self._struct(value)
            for side in ("before", "after"):
                if side in value and isinstance(row := value.get_without_default(side), Struct):
                    masked = masked or Struct(value.schema, list(value.values))
                    field = value.schema.field(side)
                    if field is not None:
                        masked.values[field.index] = self._struct(row) or row
            return record.new_record(value=masked) if masked else record
        if isinstance(value, dict):
            sides = {s: self._map(value[s]) for s in ("before", "after") if isinstance(value.get(s), dict)}
            return record.new_record(value={**self._map(value), **sides})
        return record

    def _struct(self, row: Struct) -> Struct | None:
        values: list[Any] | None = None
        for name in self._fields:
            field = row.schema.field(name)
            if field is not None and isinstance(row.values[field.index], str):
                values = values or list(row.values)
                values[field.index] = mask(values[field.index])
        return None if values is None else Struct(row.schema, values)

    def _map(self, row: dict[str, Any]) -> dict[str, Any]:
        return {k: mask(v) if k in self._fields and isinstance(v, str) else v for k, v in row.items()}


def mask(address: str) -> str:
    """`Jane.Doe@Example.com ` → `j***@example.com`; a text without @ is masked whole."""
    local, at, domain = address.strip().lower().rpartition("@")
    return f"{local[:1]}***@{domain}" if at else "***"
