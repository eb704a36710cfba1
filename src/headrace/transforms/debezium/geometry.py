"""GeometryFormatTransformer and SwapGeometryCoordinates: the bytes of geometries, also in nested structs.

Source: the classes of these names in io.debezium.transforms (Debezium 3.6).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from headrace.config import ConfigDef, ConfigType, Importance, Width
from headrace.config.validators import one_of
from headrace.data import Schema, Struct, Type
from headrace.errors import ConfigException, DataException
from headrace.spi.transform import R, Transform
from headrace.transforms.base import SchemaCache, copy_record
from headrace.transforms.debezium.wkb import is_extended, swap, to_extended, to_plain

_GEOMETRY: Final = "io.debezium.data.geometry.Geometry"


class _GeometryTransform(Transform[R]):
    """Rebuilds a value that is a struct with the geometries in it changed; null fields get their defaults on the way."""

    in_lists = False

    @abstractmethod
    def change(self, wkb: bytes, srid: int | None) -> bytes:
        """The new bytes of a geometry. DataException if there are none."""

    def configure(self, props: Mapping[str, str]) -> None:
        self._concerned: SchemaCache[bool] = SchemaCache()

    def apply(self, record: R) -> R | None:
        value = record.value
        if not isinstance(value, Struct) or not self._concerned.get(value.schema, self._concerns):
            return record
        copied = copy_record(record)
        copied.value = self._struct(value)
        return copied

    def _concerns(self, schema: Schema) -> bool:
        """Whether there is anything to do below this schema: a geometry, or a default that would be put in."""
        if schema.type is Type.STRUCT:
            return schema.name == _GEOMETRY or any(
                field.schema.default is not None or self._concerns(field.schema) for field in schema.fields
            )
        children = (schema.key_schema, schema.value_schema) if self.in_lists else ()
        return any(child is not None and self._concerns(child) for child in children)

    def _struct(self, struct: Struct) -> Struct:
        values = []
        for field, value in zip(struct.schema.fields, struct.values, strict=True):
            item = field.schema.default if value is None else value
            if item is None and not field.schema.optional:
                raise DataException(f"Invalid value: null used for required field: '{field.name}'")
            values.append(self._value(item, field.schema))
        return Struct(struct.schema, values)

    def _value(self, value: Any, schema: Schema | None) -> Any:
        if value is None or schema is None:
            return value
        if schema.type is Type.STRUCT:
            return self._geometry(value) if schema.name == _GEOMETRY else self._struct(value)
        if self.in_lists and schema.type is Type.ARRAY:
            return [self._value(item, schema.value_schema) for item in value]
        if self.in_lists and schema.type is Type.MAP:
            return {self._value(k, schema.key_schema): self._value(v, schema.value_schema) for k, v in value.items()}
        return value

    def _geometry(self, geometry: Struct) -> Struct:
        srid, wkb = geometry.get_without_default("srid"), geometry.get_without_default("wkb")
        changed = geometry.schema.field("wkb")
        assert changed is not None
        values = list(geometry.values)
        values[changed.index] = None if wkb is None else self.change(bytes(wkb), srid)
        return Struct(geometry.schema, values)


class GeometryFormatTransformer(_GeometryTransform[R]):
    """Turns WKB into EWKB and back.

    The word of `format` is read as the original reads it: `wkb` says that WKB comes in (EWKB goes out), `ewkb` the reverse; and once an EWKB
    came, all that follow go out as WKB."""

    definition: Final = ConfigDef().define(
        "format",
        ConfigType.STRING,
        "wkb",
        one_of("wkb", "ewkb", ignore_case=True),
        Importance.LOW,
        "wkb: plain geometries get their SRID into their bytes, until the first that has it; ewkb: all geometries come out plain.",
        width=Width.MEDIUM,
        display_name="Target Format",
    )

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings."""
        return cls.definition

    def configure(self, props: Mapping[str, str]) -> None:
        super().configure(props)
        self._extended_comes: bool = self.definition.parse(props)["format"].lower() == "ewkb"

    def change(self, wkb: bytes, srid: int | None) -> bytes:
        if is_extended(wkb):
            self._extended_comes = True
        if self._extended_comes:
            return to_plain(wkb)
        if srid is None:
            raise DataException("Cannot convert to EWKB when SRID is null")
        return to_extended(wkb, srid)


class SwapGeometryCoordinates(_GeometryTransform[R]):
    """Exchanges x and y of geometries of the given SRIDs, also in lists and maps; one without SRID stays."""

    in_lists = True
    definition: Final = ConfigDef().define(
        "srids",
        ConfigType.STRING,
        None,
        importance=Importance.LOW,
        documentation="The SRIDs whose geometries are changed, separated by commas; without it 4326, 3857 and 4269.",
        width=Width.MEDIUM,
        display_name="Geometry SRIDs that should be considered for coordinate swapping",
    )

    @classmethod
    def config(cls) -> ConfigDef:
        """Debezium's settings."""
        return cls.definition

    def configure(self, props: Mapping[str, str]) -> None:
        """ConfigException for an SRID that is no number."""
        super().configure(props)
        text: str | None = self.definition.parse(props)["srids"]
        try:
            self._srids = {4326, 3857, 4269} if text is None else {int(item) for item in text.split(",")}
        except ValueError:
            raise ConfigException(
                f"Invalid value {text} for configuration srids: a list of numbers is expected", field="srids"
            ) from None

    def change(self, wkb: bytes, srid: int | None) -> bytes:
        return swap(wkb) if srid in self._srids else wkb
