"""Schemas and conversions of PostGIS's and pgvector's types.

Source: Debezium's PostgisGeometry and Vectors. The server prints a geometry as hexadecimal EWKB, a vector as `[1,2.5]`, a sparse one as
`{1:1,3:2.5}/5`: the elements that are not zero, and how many there are.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from headrace.cdc import semantic
from headrace.data import FLOAT32_SCHEMA, FLOAT64_SCHEMA, Schema, SchemaBuilder, Struct
from headrace.data.unchanged import unchanged_value
from headrace.errors import DataException
from headrace.sources.postgres.types.modes import Modes
from headrace.sources.postgres.types.type_plan import TypePlan, text_plan

_HAS_SRID: Final = 0x20000000
_EMPTY_COLLECTION: Final = bytes.fromhex("010700000000000000")
_VECTORS: Final = {"vector": ("DoubleVector", FLOAT64_SCHEMA), "halfvec": ("FloatVector", FLOAT32_SCHEMA)}


def plan_extension(name: str, modes: Modes) -> TypePlan | None:
    """The plan of geometry, geography, vector, halfvec or sparsevec, None for any other type."""
    if name in _VECTORS:
        return _vector(*_VECTORS[name], modes)
    if name == "sparsevec":
        return _structure(semantic.sparse_vector, sparse_values, lambda: [0, {}], modes)
    if name in ("geometry", "geography"):
        builder = semantic.geometry if name == "geometry" else semantic.geography
        made = _structure(builder, ewkb_values, lambda: [_EMPTY_COLLECTION, None], modes)
        return replace(made, optional=name == "geometry")
    return None


def _structure(
    builder: Callable[[], SchemaBuilder],
    values: Callable[[str], list[Any]],
    empty: Callable[[], list[Any]],
    modes: Modes,
) -> TypePlan:
    # Each kind has names of its own: a row's decoder knows them all together.
    name = values.__name__
    made = text_plan(builder, f"Struct(SCHEMA, {name}(x))", None, modes, {"Struct": Struct, name: values})
    mark = unchanged_value(builder().build(), modes.placeholder)
    native = "geometry" if values is ewkb_values else None
    return replace(made, zero=lambda schema: Struct(schema, empty()), unchanged=mark, native=native)


def _vector(semantic_name: str, element: Schema, modes: Modes) -> TypePlan:
    code = "[float(item) for item in x[1:-1].split(',')]"

    def builder() -> SchemaBuilder:
        return SchemaBuilder.array(element).name(f"io.debezium.data.{semantic_name}").version(1)

    made = text_plan(builder, code, None, modes, {})
    mark = unchanged_value(builder().build(), modes.placeholder)
    # The elements of a halfvec are more than the single precision of its schema holds.
    native = "vector" if element is FLOAT64_SCHEMA else None
    return replace(made, zero=lambda schema: [], unchanged=mark, native=native)


def sparse_values(text: str) -> list[Any]:
    """Dimensions and elements of a sparse vector. DataException VECTOR_TOO_LONG beyond 16 bits."""
    elements, _, dimensions = text.rpartition("/")
    pairs = (item.split(":") for item in elements[1:-1].split(",") if item)
    vector = {int(place): float(value) for place, value in pairs}
    if int(dimensions) > 32_767:
        raise DataException(
            f"A sparse vector of {dimensions} dimensions does not fit into the 16 bits that its schema has for them.",
            code="VECTOR_TOO_LONG",
            field="column.exclude.list",
            remedy="Leave the column out.",
        )
    return [int(dimensions), vector]


def ewkb_values(text: str) -> list[Any]:
    """EWKB and spatial reference id, None when it has none."""
    wkb = bytes.fromhex(text)
    order = "<" if wkb[0] else ">"
    [kind] = struct.unpack_from(f"{order}I", wkb, 1)
    srid = struct.unpack_from(f"{order}i", wkb, 5)[0] if kind & _HAS_SRID else None
    return [wkb, srid]
