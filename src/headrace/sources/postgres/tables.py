"""TableCodec: everything compiled for one shape of one table: schemas, row decoders, key and record builders."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.cdc.envelope import envelope_schema
from headrace.cdc.filters import MessageKeys, NameFilter
from headrace.cdc.masks import ColumnMasks, Mask
from headrace.cdc.topics import Adjust, TopicNames
from headrace.data import STRING_SCHEMA, Header, Schema, SchemaBuilder, Struct, Type
from headrace.data.columns import layout_of
from headrace.data.unchanged import Unchanged
from headrace.errors import ConfigException, DataException
from headrace.native import pgoutput
from headrace.sources.postgres.shapes import ColumnShape, TableShape
from headrace.sources.postgres.types.defaults import default_value
from headrace.sources.postgres.types.mapping import plan
from headrace.sources.postgres.types.modes import Modes
from headrace.sources.postgres.types.native_rows import NativeOutput, row_plan
from headrace.sources.postgres.types.registry import ResolvedType, TypeRegistry
from headrace.sources.postgres.types.source_types import PropagatedTypes, length_and_scale
from headrace.sources.postgres.types.type_plan import TypePlan, UnexpectedNullError

if TYPE_CHECKING:
    from headrace.native._core import RowPlan

logger = logging.getLogger(__name__)


class TableOptions(NamedTuple):
    """What the settings say about tables in general."""

    modes: Modes
    topics: TopicNames
    source_schema: Schema
    headers: tuple[Header, ...]
    columns: NameFilter
    masks: ColumnMasks
    keys: MessageKeys
    propagated: PropagatedTypes
    schema_names: Adjust
    field_names: Adjust
    on_bad_value: str = "warn"
    database: str = ""


class _Field(NamedTuple):
    """One column to be decoded: where it comes from, the schema, how."""

    source: int
    shape: ColumnShape
    type: ResolvedType
    plan: TypePlan
    schema: Schema
    mask: Mask | None


class TableCodec:
    """`decode_new`, `decode_old`, `decode_key`: rows of the stream (complete new, complete old, old with the identity's columns only);
    `decode_copy`: a COPY line of `copy_columns`, whose places in the shape are `copy_sources`, of `copy_types`. A row is a list: the value's fields, then what only the key needs."""

    def __init__(self, shape: TableShape, registry: TypeRegistry, options: TableOptions) -> None:
        self.shape = shape
        self.options = options
        self._registry = registry
        self.topic = options.topics.table(shape.schema, shape.table)
        self._key_field = options.topics.key_field(shape.schema, shape.table)
        registry.load(column.type_oid for column in shape.columns)
        fields = self._fields(shape.columns, registry)
        key_names = self._key_names(fields)
        self._values = [field for field in fields if options.columns(f"{shape.name}.{field.shape.name}")]
        self._build_schemas(fields, key_names)
        self._compile(fields, key_names)
        self.key_in_identity = set(key_names) <= shape.identity_columns

    def _fields(self, columns: Sequence[ColumnShape], registry: TypeRegistry) -> list[_Field]:
        fields = []
        for source, column in enumerate(columns):
            resolved = self._resolved(column, registry)
            made = plan(resolved, registry, self.options.modes)
            if made is None:
                logger.info("Column %s.%s of type %s is left out.", self.shape.name, column.name, resolved.declared)
                continue
            name = f"{self.shape.name}.{column.name}"
            length, _ = length_and_scale(resolved)
            mask = self.options.masks.mask(name, f"{self.options.database}.{name}", length=length)
            schema = self._schema(column, resolved, made, mask=mask)
            applied = mask if mask is not None and _masked(mask, made, schema) else None
            if mask is not None and applied is None and not mask.cuts:
                # The schema calls it masked, as Debezium's does.
                logger.warning(
                    "Column %s.%s goes unmasked: masks hide text, and its type is %s. Leave it out with column.exclude.list.",
                    self.shape.name,
                    column.name,
                    resolved.declared,
                )
            fields.append(_Field(source, column, resolved, made, schema, applied))
        return fields

    def _resolved(self, column: ColumnShape, registry: TypeRegistry) -> ResolvedType:
        try:
            return registry.resolve(column.type_oid, column.typmod)
        except DataException as error:
            if error.code != "PG_TYPE_UNKNOWN":
                raise
        # The stream is behind the catalog: what it still sends of a dropped type is the server's text of it.
        logger.warning(
            "The type of column %s.%s has been dropped; its values are taken as text.", self.shape.name, column.name
        )
        return ResolvedType(column.type_oid, "text", "text", "pg_catalog", -1, False, None, None)

    def _schema(
        self,
        column: ColumnShape,
        resolved: ResolvedType,
        made: TypePlan,
        *,
        in_key: bool = False,
        mask: Mask | None = None,
    ) -> Schema:
        def builder() -> SchemaBuilder:
            result = made.builder()
            if column.comment:
                result.doc(column.comment)
            if not in_key and not (mask is not None and mask.alone):
                for key, value in self.options.propagated.parameters(self.shape, column, resolved):
                    result.parameter(key, value)
            if mask is not None:
                result.parameter(*mask.parameter)
            return result.optional() if column.optional or made.optional else result

        schema = builder().build()
        default = default_value(column.default, resolved, made, schema)
        return schema if default is None else builder().default(default).build()

    def _key_names(self, fields: Sequence[_Field]) -> tuple[str, ...]:
        shape = self.shape
        wanted = self.options.keys.columns(shape.name, f"{self.options.database}.{shape.name}")
        known = {field.shape.name: field.shape.name for field in fields}
        if wanted is None:
            return tuple(name for name in shape.key if name in known)
        folded = {name.lower(): name for name in known}
        missing = [name for name in wanted if name not in known and name.lower() not in folded]
        if missing:
            raise ConfigException(
                f"message.key.columns names {', '.join(missing)}, which {shape.name} does not have.",
                code="MESSAGE_KEY_COLUMNS_INVALID",
                field="message.key.columns",
                remedy="Name columns of the table.",
            )
        return tuple(known.get(name) or folded[name.lower()] for name in wanted)

    def _build_schemas(self, fields: Sequence[_Field], key_names: Sequence[str]) -> None:
        adjust, rename = self.options.schema_names, self.options.field_names
        row = SchemaBuilder.struct().name(adjust(f"{self.topic}.Value")).optional()
        for field in self._values:
            row.field(rename(field.shape.name), field.schema)
        self.row_schema = row.build()
        self.envelope_schema = envelope_schema(
            adjust(f"{self.topic}.Envelope"), self.row_schema, self.options.source_schema
        )
        self.key_schema: Schema | None = None
        if key_names or self._key_field is not None:
            by_name = {field.shape.name: field for field in fields}
            key = SchemaBuilder.struct().name(adjust(f"{self.topic}.Key"))
            for name in key_names:
                field = by_name[name]
                key.field(rename(name), self._schema(field.shape, field.type, field.plan, in_key=True))
            if self._key_field is not None:
                key.field(self._key_field[0], STRING_SCHEMA)
            self.key_schema = key.build()

    def _compile(self, fields: Sequence[_Field], key_names: Sequence[str]) -> None:
        outputs = list(self._values)
        slots: list[int] = []
        by_name = {field.shape.name: field for field in fields}
        for name in key_names:
            field = by_name[name]
            # A key is never masked, and may hold columns the value leaves out.
            shown = next((at for at, one in enumerate(outputs) if one.shape.name == name and one.mask is None), None)
            if shown is None:
                shown = len(outputs)
                outputs.append(field._replace(mask=None))
            slots.append(shown)
        self.width = len(self.shape.columns)
        self.value_count = len(self._values)
        self.has_extras = len(outputs) > self.value_count
        self._outputs = outputs
        names = self._names(outputs)
        marks = [_mark(field) for field in outputs]
        full = [self._column(slot, field, names, marks[slot]) for slot, field in enumerate(outputs)]
        partial = [
            column._replace(null=self._zero(field), on_null=None) for column, field in zip(full, outputs, strict=True)
        ]
        self.decode_new = pgoutput.tuple_decoder(self.width, full, names)
        self.decode_old = self.decode_new
        self.decode_key = pgoutput.tuple_decoder(self.width, partial, names)
        self._full, self._partial, self._scope = full, partial, names
        self._column_decoders: dict[tuple[int, ...], pgoutput.CopyDecoder] = {}
        types = {field.source: field.type for field in outputs}
        self.copy_sources = sorted(types)
        self.copy_types = [types[source] for source in self.copy_sources]
        self.copy_columns = [self.shape.columns[source].name for source in self.copy_sources]
        places = {source: at for at, source in enumerate(self.copy_sources)}
        copied = [column._replace(source=places[column.source]) for column in full]
        self.decode_copy = pgoutput.copy_decoder(len(self.copy_columns), copied, names)
        self._copied = copied
        self.toast_slots = [
            (slot, marks[slot])
            for slot, field in enumerate(outputs)
            if field.type.element is not None or marks[slot] is not None
        ]
        self.key_slots = tuple(slots)
        self.key_constant = None if self._key_field is None else self._key_field[1]
        self.key_columns = tuple(key_names)
        self.value_columns = tuple(field.shape.name for field in self._values)
        self.toast_marks = dict(self.toast_slots)
        self.key_of = _key_builder(self.key_schema, slots, self._key_field)

    def _names(self, outputs: Sequence[_Field]) -> dict[str, Any]:
        names: dict[str, Any] = {}
        for slot, field in enumerate(outputs):
            names.update(field.plan.names)
            names[f"schema_{slot}"] = field.schema
            names[f"mask_{slot}"] = None if field.mask is None else field.mask.apply
        return names

    def _column(self, slot: int, field: _Field, names: dict[str, Any], unchanged: Any) -> pgoutput.Column:
        from_bytes = field.plan.bytes_code.replace("SCHEMA", f"schema_{slot}")
        from_text = field.plan.text_code.replace("SCHEMA", f"schema_{slot}")
        if field.mask is not None:
            from_bytes, from_text = f"mask_{slot}({from_bytes})", f"mask_{slot}({from_text})"
        null = None if field.mask is None else field.mask.null
        on_null = None if field.shape.optional or null is not None else _refusal(field.shape.name)
        return pgoutput.Column(field.source, from_bytes, from_text, unchanged, null, on_null)

    def _zero(self, field: _Field) -> Any:
        """What stands for a value that was not sent; masks work on it as on any other."""
        mask = field.mask
        if mask is not None and mask.null is not None:
            return mask.null
        if field.shape.optional:
            return None
        default = field.schema.default
        value = default if default is not None else field.plan.zero(field.schema)
        return value if mask is None else mask.apply(value)

    def tolerant(self, raw: Sequence[Any], *, partial: bool = False, copied: bool = False) -> list[Any]:
        """A row whose values were refused once, made value by value as event.converting.failure.handling.mode says: a value that
        cannot be carried becomes null; in a required column it is an error always."""
        row = []
        columns = self._copied if copied else self._partial if partial else self._full
        for slot, (column, field) in enumerate(zip(columns, self._outputs, strict=True)):
            value = raw[column.source]
            if value is None:
                row.append(column.null if column.on_null is None or copied else column.on_null())
            elif value is pgoutput.UNCHANGED:
                row.append(column.unchanged)
            else:
                row.append(self._one(slot, field, column, value))
        return row

    def _one(self, slot: int, field: _Field, column: pgoutput.Column, text: str) -> Any:
        try:
            return eval(column.from_text, {**self._scope, "x": text})
        except DataException as error:
            if self.options.on_bad_value == "fail" or not field.shape.optional:
                # A required column has no value that would not be taken for the row's own.
                raise
            if self.options.on_bad_value == "warn":
                logger.warning(
                    "Column %s.%s: %s The value is left out.", self.shape.name, field.shape.name, error.message
                )
            return self._zero(field)

    @cached_property
    def native(self) -> RowPlan | None:
        """How the Rust core makes the rows; None where it cannot, so that the decoders here do them all."""
        schemas = [self.envelope_schema] if self.key_schema is None else [self.envelope_schema, self.key_schema]
        if any(layout_of(schema) is None for schema in schemas) or self._key_structs_differ():
            return None
        outputs = []
        for slot, (field, full, partial) in enumerate(zip(self._outputs, self._full, self._partial, strict=True)):
            refused = full.on_null is not None
            fills = slot in self.toast_marks
            outputs.append(
                NativeOutput(
                    field.source,
                    field.plan.native,
                    field.mask,
                    field.schema,
                    full.null,
                    refused,
                    full.unchanged,
                    partial.null,
                    fills,
                )
            )
        key = None
        if self.key_schema is not None:
            key = self.key_slots, None if self._key_field is None else self._key_field[1], self.key_in_identity
        return row_plan(self.width, outputs, self.value_count, key)

    def _key_structs_differ(self) -> bool:
        """Whether a struct in the key bears another schema than the key says: a column has one kind of struct."""
        fields = () if self.key_schema is None else self.key_schema.fields
        return any(
            not field.schema.type.is_primitive and field.schema != self._outputs[slot].schema
            for field, slot in zip(fields, self.key_slots, strict=False)
        )

    def decode_columns(self, slots: Sequence[int]) -> pgoutput.CopyDecoder:
        """A decoder for COPY lines of the columns in these slots of the value, in this order."""
        known = self._column_decoders.get(tuple(slots))
        if known is None:
            columns = [self._full[slot]._replace(source=at) for at, slot in enumerate(slots)]
            known = self._column_decoders[tuple(slots)] = pgoutput.copy_decoder(len(slots), columns, self._scope)
        return known

    def loosened(self, names: Collection[str]) -> TableCodec:
        """A codec of the same table for which the columns of these names may be NULL."""
        columns = tuple(c._replace(optional=True) if c.name in names else c for c in self.shape.columns)
        return TableCodec(self.shape._replace(columns=columns), self._registry, self.options)

    def slow(self) -> TableCodec:
        """A codec of the same table that decodes value by value, see `tolerant`."""

        def decode(payload: bytes, pos: int, partial: bool = False) -> tuple[list[Any], int]:
            raw, end = pgoutput.raw_tuple(payload, pos)
            return self.tolerant(raw, partial=partial), end

        twin = copy.copy(self)
        twin.decode_new = twin.decode_old = decode
        twin.decode_key = lambda payload, pos: decode(payload, pos, True)
        twin.decode_copy = lambda line: self.tolerant(pgoutput.raw_copy(line), copied=True)
        twin.__dict__["native"] = None
        return twin

    def fill_unchanged(self, new: list[Any], old: Sequence[Any]) -> None:
        """Take values that were not sent from the old row, which a full replica identity has."""
        for slot, mark in self.toast_slots:
            if new[slot] is mark or isinstance(new[slot], Unchanged):
                new[slot] = old[slot]

    def lacks(self, row: Sequence[Any]) -> bool:
        """Whether the row has values that were not sent."""
        return any(row[slot] is mark or isinstance(row[slot], Unchanged) for slot, mark in self.toast_slots)

    def row(self, values: list[Any]) -> Struct:
        """before or after from a decoded row."""
        return Struct(self.row_schema, values[: self.value_count] if self.has_extras else values)


def _refusal(column: str) -> Callable[[], Any]:
    def refuse() -> Any:
        raise UnexpectedNullError(column)

    return refuse


def _masked(mask: Mask, made: TypePlan, schema: Schema) -> bool:
    """Whether the mask changes values of such a column; the schema tells of it in any case."""
    if not mask.cuts:
        return made.plain_text
    return schema.type is Type.STRING or (schema.type is Type.BYTES and schema.name is None)


def _mark(field: _Field) -> Any:
    """The field's marker of an unchanged value; a struct bears the field's own schema."""
    mark = field.plan.unchanged
    return Struct(field.schema, mark.values) if isinstance(mark, Struct) else mark


def _key_builder(
    schema: Schema | None, slots: Sequence[int], added: tuple[str, str] | None
) -> Callable[[list[Any]], Struct | None]:
    if schema is None:
        return lambda row: None
    scope: dict[str, Any] = {"Struct": Struct, "schema": schema}
    values = [f"row[{slot}]" for slot in slots]
    if added is not None:
        scope["added"] = added[1]
        values.append("added")
    code = f"lambda row: Struct(schema, [{', '.join(values)}])"
    made: Callable[[list[Any]], Struct | None] = eval(code, scope)
    return made
