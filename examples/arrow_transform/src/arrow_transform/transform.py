"""The transform: one call of pyarrow for a whole batch, whatever its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headrace.spi import ConfigDef, ConfigException, ConfigType, ConnectRecord, DataException, Importance
from headrace.spi.arrow import ArrowBatch, ArrowTransform

VERSION = "1.0.0"


def _check_limits(name: str, value: Any) -> None:
    _limits(name, value or [])


def _limits(name: str, items: list[str]) -> list[float]:
    try:
        limits = [float(item) for item in items]
    except ValueError as error:
        raise ConfigException(f"{error}.", field=name) from error
    if limits != sorted(set(limits)):
        raise ConfigException("The limits must rise.", field=name)
    return limits


SETTINGS = (
    ConfigDef()
    .define(
        "field", ConfigType.STRING, importance=Importance.HIGH, documentation="The field of the value with the amount."
    )
    .define(
        "limits",
        ConfigType.LIST,
        "10,100,1000",
        _check_limits,
        Importance.HIGH,
        "Where the next bucket begins, rising.",
    )
    .define(
        "minimum",
        ConfigType.DOUBLE,
        0.0,
        documentation="Records with a smaller amount are dropped; those without one stay.",
    )
)


class BucketTransform(ArrowTransform[ConnectRecord]):
    """Adds the field `bucket`: how many limits the amount has reached, null for none. Other fields keep their schemas."""

    @classmethod
    def version(cls) -> str:
        return VERSION

    @classmethod
    def config(cls) -> ConfigDef:
        return SETTINGS

    def configure(self, props: Mapping[str, str]) -> None:
        settings = SETTINGS.parse(props)
        self._field: str = settings["field"]
        self._limits = _limits("limits", settings["limits"])
        self._minimum: float = settings["minimum"]

    def apply_arrow(self, batch: ArrowBatch) -> ArrowBatch | None:
        """DataException for values that have no such field, or one that is no number."""
        values = pa.array(batch.value)
        if not pa.types.is_struct(values.type) or values.type.get_field_index(self._field) < 0:
            raise DataException(f"There is no field {self._field}.", field="field")
        rows = pa.RecordBatch.from_struct_array(values)
        amount = rows[self._field]
        if not (
            pa.types.is_integer(amount.type) or pa.types.is_floating(amount.type) or pa.types.is_decimal(amount.type)
        ):
            raise DataException(f"The field {self._field} is no number but {amount.type}.", field="field")
        amount = amount.cast(pa.float64())
        bucket = pc.if_else(pc.is_valid(amount), 0, None).cast(pa.int32())
        for limit in self._limits:
            bucket = pc.add(bucket, pc.greater_equal(amount, limit).cast(pa.int32()))
        keep = pc.fill_null(pc.greater_equal(amount, self._minimum), True)
        return batch.replace(value=rows.append_column("bucket", bucket), keep=keep)
