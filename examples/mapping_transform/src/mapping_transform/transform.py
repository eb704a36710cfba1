"""The transform: rename, apply the rules, validate. A record that fails is handled as errors.tolerance says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.data import Field, Schema, SchemaBuilder, Type
from headrace.spi import ConfigDef, ConnectRecord, DataException, Struct, Transform
from mapping_transform import rules
from mapping_transform.settings import SETTINGS, VERSION, parse_mapping

Rule = Callable[[Any], str]


class MappingTransform(Transform[ConnectRecord]):
    """Works on values. Topic, partition, key, timestamp and headers stay; a record without value passes as it is."""

    @classmethod
    def version(cls) -> str:
        return VERSION

    @classmethod
    def config(cls) -> ConfigDef:
        return SETTINGS

    def configure(self, props: Mapping[str, str]) -> None:
        config = SETTINGS.parse(props)
        self._mapping = parse_mapping(config["field.mapping"])
        self._structs = config["data.type"] == "avro"
        self._required: list[str] = config["required.fields"] if config["validation.enabled"] else []
        self._rules: dict[str, Rule] = dict.fromkeys(config["email.fields"], rules.email)
        self._rules |= dict.fromkeys(config["timestamp.fields"], rules.timestamp)
        self._schemas: dict[Schema, Schema] = {}

    def apply(self, record: ConnectRecord) -> ConnectRecord | None:
        """DataException for a value of the other kind, a value that a rule refuses, a required field that is missing."""
        value = record.value
        if value is None:
            return record
        if self._structs:
            if not isinstance(value, Struct):
                raise DataException(
                    f"With data.type=avro a struct is needed, not a {type(value).__name__}.", field="data.type"
                )
            schema = self._schema(value.schema)
            names = [field.name for field in schema.fields]
            row = self._checked(zip(names, (value[field.name] for field in value.schema.fields), strict=True))
            return record.new_record(value_schema=schema, value=Struct(schema, list(row.values())))
        if not isinstance(value, dict):
            raise DataException(
                f"With data.type=json a map is needed, not a {type(value).__name__}.", field="data.type"
            )
        renamed = [(self._mapping.get(name, name), item) for name, item in value.items()]
        if len(dict(renamed)) < len(renamed):
            raise DataException(
                f"field.mapping gives two fields one name: {[name for name, _ in renamed]}", field="field.mapping"
            )
        return record.new_record(value=self._checked(renamed))

    def _checked(self, fields: Any) -> dict[str, Any]:
        row = {name: self._ruled(name, value) for name, value in fields}
        for name in self._required:
            if row.get(name) in (None, ""):
                raise DataException(
                    f"The required field {name} is missing.", code="FIELD_MISSING", field="required.fields"
                )
        return row

    def _ruled(self, name: str, value: Any) -> Any:
        rule = self._rules.get(name)
        return value if rule is None or value is None else rule(value)

    def _schema(self, schema: Schema) -> Schema:
        """The schema of the results, made once for each schema that comes."""
        made = self._schemas.get(schema)
        if made is None:
            names = [self._mapping.get(field.name, field.name) for field in schema.fields]
            if len(set(names)) < len(names):
                raise DataException(f"field.mapping gives two fields one name: {sorted(names)}", field="field.mapping")
            fields = [
                Field(name, field.index, self._field(name, field.schema))
                for name, field in zip(names, schema.fields, strict=True)
            ]
            made = self._schemas[schema] = Schema(
                Type.STRUCT,
                optional=schema.optional,
                name=schema.name,
                version=schema.version,
                doc=schema.doc,
                parameters=schema.parameters,
                fields=fields,
            )
        return made

    def _field(self, name: str, schema: Schema) -> Schema:
        """Fields with a rule become text."""
        if name not in self._rules:
            return schema
        text = SchemaBuilder.string()
        return (text.optional() if schema.optional else text).build()
