"""What transforms share: record copies, the key or value side, schemas derived once per source schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from headrace.config import ConfigDef, ConfigType
from headrace.data import ConnectRecord, Field, Schema, Struct, Type
from headrace.data.batch import Block
from headrace.errors import DataException, SchemaBuilderException
from headrace.spi.transform import R, Transform
from headrace.transforms.blocks import Side, side_of, with_side

if TYPE_CHECKING:
    from headrace.native._core import Column

T = TypeVar("T")

_LIMIT: Final = 20_000
_COPIES: Final = 1024

NULL_DEFAULTS: Final = ConfigDef().define(
    "replace.null.with.default",
    ConfigType.BOOLEAN,
    True,
    documentation="Whether a null field is replaced by its schema's default.",
)
"""The key that KIP-1040 gave most transforms; embed it."""


class SchemaCache(Generic[T]):
    """What was derived from a schema, found by the schema object first and by equality second; bounded.

    The bound on different schemas is well above the tables of a large database: with fewer places than tables everything would be derived
    again and again. Equal copies of a schema, as sources make them that build one for each record, have a small bound of their own.
    """

    __slots__ = ("_by_identity", "_by_value", "_copies")

    def __init__(self) -> None:
        # Holding a schema keeps its id from being given to another object.
        self._by_identity: dict[int, tuple[Schema, T]] = {}
        self._copies: dict[int, tuple[Schema, T]] = {}
        self._by_value: dict[Schema, T] = {}

    def get(self, schema: Schema, make: Callable[[Schema], T]) -> T:
        """The derived object; `make(schema)` when there is none yet."""
        known = self._by_identity.get(id(schema)) or self._copies.get(id(schema))
        if known is not None:
            return known[1]
        if schema in self._by_value:
            made = self._by_value[schema]
            if len(self._copies) >= _COPIES:
                self._copies.clear()
            self._copies[id(schema)] = schema, made
            return made
        made = make(schema)
        if len(self._by_value) >= _LIMIT:
            for one in (self._by_value, self._by_identity, self._copies):
                one.clear()
        self._by_value[schema] = made
        self._by_identity[id(schema)] = schema, made
        return made


_COPIERS: dict[type, Callable[[Any], Any]] = {}


def copy_record(record: R) -> R:
    """What `record.new_record()` gives, by code generated for the record's class."""
    copier = _COPIERS.get(record.__class__)
    if copier is None:
        copier = _COPIERS[record.__class__] = _make_copier(record.__class__)
    copied: R = copier(record)
    return copied


def _make_copier(cls: type[ConnectRecord]) -> Callable[[Any], Any]:
    lines = ["def copier(r):", "    c = new(cls)"]
    lines += [f"    c.{slot} = r.{slot}" for slot in cls._copied_slots()]
    lines += ["    c._headers = r.header_items", "    return c"]
    scope: dict[str, Any] = {"new": cls.__new__, "cls": cls}
    exec("\n".join(lines), scope)
    copier: Callable[[Any], Any] = scope["copier"]
    return copier


Reader = Callable[[list[Any]], list[Any]]
"""From a struct's values to those of a new struct."""


def compile_reader(schema: Schema, indexes: Sequence[int] | None, *, replace_nulls: bool) -> Reader:
    """Code that reads the values at `indexes` (None: all) of a struct of `schema` into a new list.

    With `replace_nulls` a null becomes its field's default. The code raises DataException for a null that is left in a
    required field: Connect checks what it puts into a new struct.
    """
    whole = indexes is None
    chosen = range(len(schema.fields)) if indexes is None else indexes
    scope: dict[str, Any] = {"missing": _missing_field, "S": schema}
    lines = ["def read(v):", "    r = v.copy()" if whole else f"    r = [{', '.join(f'v[{i}]' for i in chosen)}]"]
    checks: list[str] = []
    for at, index in enumerate(chosen):
        field = schema.fields[index].schema
        if replace_nulls and field.default is not None:
            scope[f"d{at}"] = field.default
            lines.append(f"    if r[{at}] is None: r[{at}] = d{at}")
        elif not field.optional:
            checks.append(f"r[{at}] is None")
    if checks:
        lines.append(f"    if {' or '.join(checks)}: missing(S, {list(chosen)}, r)")
    lines.append("    return r")
    exec("\n".join(lines), scope)
    reader: Reader = scope["read"]
    return reader


def _missing_field(schema: Schema, indexes: list[int], values: list[Any]) -> None:
    for index, value in zip(indexes, values, strict=True):
        field = schema.fields[index]
        if value is None and not field.schema.optional:
            raise DataException(
                f'Invalid value: null used for required field: "{field.name}", schema type: {field.schema.type.name}'
            )


def struct_like(
    schema: Schema, fields: list[tuple[str, Schema]], *, optional: bool = False, default: Any = None
) -> Schema:
    """A struct schema with the name, version, doc and parameters of `schema` and other fields. SchemaBuilderException for a
    field name that is empty or comes twice."""
    check_names([name for name, _ in fields])
    return Schema(
        Type.STRUCT,
        optional=optional,
        default=default,
        name=schema.name,
        version=schema.version,
        doc=schema.doc,
        parameters=schema.parameters,
        fields=[Field(name, index, field) for index, (name, field) in enumerate(fields)],
    )


def check_names(names: list[str]) -> None:
    """SchemaBuilderException for a field name that is empty or comes twice."""
    if "" in names:
        raise SchemaBuilderException("fieldName cannot be null.")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SchemaBuilderException(f"Cannot create field because of field name duplication {twice}")


def derived(schema: Schema, **changes: Any) -> Schema:
    """A copy of `schema` with the named attributes replaced."""
    attributes = {
        name: getattr(schema, name)
        for name in (
            "optional",
            "default",
            "name",
            "version",
            "doc",
            "parameters",
            "fields",
            "key_schema",
            "value_schema",
        )
    }
    return Schema(changes.pop("type", schema.type), **{**attributes, **changes})


def require_struct(value: Any, purpose: str) -> Struct:
    """The value, if it is a struct; DataException otherwise."""
    if not isinstance(value, Struct):
        raise DataException(f"Only Struct objects supported for [{purpose}], found: {_kind(value)}")
    return value


def require_map(value: Any, purpose: str) -> dict[Any, Any]:
    """The value, if it is a map (as schemaless records hold); DataException otherwise."""
    if not isinstance(value, dict):
        raise DataException(f"Only Map objects supported in absence of schema for [{purpose}], found: {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__


class SidedTransform(Transform[R]):
    """A transform of a record's key or value: a subclass per side sets `is_key`."""

    is_key: ClassVar[bool] = False
    definition: ClassVar[ConfigDef]

    @classmethod
    def config(cls) -> ConfigDef:
        """The declared settings."""
        return cls.definition

    def settings(self, props: Mapping[str, str]) -> dict[str, Any]:
        """The parsed settings."""
        return self.definition.parse(props)

    def schema_of(self, record: ConnectRecord) -> Schema | None:
        """The schema of the side this transform works on."""
        return record.key_schema if self.is_key else record.value_schema

    def value_of(self, record: ConnectRecord) -> Any:
        """The value of that side."""
        return record.key if self.is_key else record.value

    def with_value(self, record: R, schema: Schema | None, value: Any) -> R:
        """A copy of the record with that side replaced."""
        copied = copy_record(record)
        if self.is_key:
            copied.key_schema, copied.key = schema, value
        else:
            copied.value_schema, copied.value = schema, value
        return copied

    def side_of(self, block: Block) -> Side:
        """That side of a block."""
        return side_of(block, self.is_key)

    def with_side(self, block: Block, schema: Schema | None, column: Column | None) -> list[Block] | None:
        """The block with that side replaced; None for a schema that has no native form."""
        made = with_side(block, self.is_key, schema, column)
        return None if made is None else [made]
