//! Arrow's C data interface, as Python libraries hand it to each other: the Arrow PyCapsule interface.
//!
//! Source: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html.

use std::ffi::{CStr, CString};
use std::sync::Arc;

use headrace_core::arrow::abi::{ArrowArray, ArrowArrayStream, ArrowSchema};
use headrace_core::arrow::field::{Field, Type};
use headrace_core::arrow::{export, import};
use headrace_core::column::Column;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::column::PyColumn;
use crate::{declined, DeclinedError};

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";

/// A column for any consumer of Arrow data: `pyarrow.array(one)`, `polars.Series(one)`, `nanoarrow.array(one)`.
#[pyclass(frozen, module = "headrace.native._core", name = "ArrowArray")]
pub struct PyArrowArray {
    field: Field,
    column: Arc<Column>,
}

#[pymethods]
impl PyArrowArray {
    /// `field`: (name, nullable, metadata pairs, type, precision, scale, children), see headrace.data.arrow.
    #[new]
    fn new(field: &Bound<'_, PyTuple>, column: &PyColumn) -> PyResult<Self> {
        Ok(PyArrowArray { field: field_of(field)?, column: column.0.clone() })
    }

    fn __len__(&self) -> usize {
        self.column.rows
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        PyCapsule::new(py, export::schema(&self.field).map_err(declined)?, Some(CString::from(SCHEMA)))
    }

    /// DeclinedError for a value that its Arrow type does not hold. A schema that is asked for is not followed, as the interface allows.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let _ = requested_schema;
        let array = py.detach(|| export::array(&self.field, &self.column)).map_err(declined)?;
        Ok((self.__arrow_c_schema__(py)?, PyCapsule::new(py, array, Some(CString::from(ARRAY)))?))
    }
}

/// What a capsule holds, taken out of it: a capsule is emptied once.
fn held<T>(
    capsule: &Bound<'_, PyAny>,
    name: &CStr,
    take: unsafe fn(*mut T) -> T,
    released: fn(&T) -> bool,
) -> PyResult<T> {
    let wrong = || PyTypeError::new_err(format!("not a capsule of {name:?}"));
    let capsule = capsule.cast::<PyCapsule>().map_err(|_| wrong())?;
    if capsule.name()? != Some(name) {
        return Err(wrong());
    }
    // SAFETY: a capsule of this name points to a struct of this kind, by the PyCapsule interface; it lives as long as the capsule, which
    // is borrowed here, and the GIL keeps others from it.
    let made = unsafe { take(capsule.pointer().cast::<T>()) };
    if released(&made) {
        return Err(DeclinedError::new_err("Arrow data that were taken already"));
    }
    Ok(made)
}

/// (field, Column) of any object with `__arrow_c_array__` or `__arrow_c_stream__`. TypeError for others, DeclinedError for a type that has no
/// counterpart and for values that a column does not hold (a time finer than a millisecond, a number beyond 64 bits).
#[pyfunction]
fn arrow_import<'py>(given: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyTuple>, PyColumn)> {
    let py = given.py();
    let (field, column) = if given.hasattr("__arrow_c_array__")? {
        let pair = given.call_method0("__arrow_c_array__")?.cast_into::<PyTuple>()?;
        let schema = held(&pair.get_item(0)?, SCHEMA, ArrowSchema::take, |one| one.release.is_none())?;
        let array = held(&pair.get_item(1)?, ARRAY, ArrowArray::take, |one| one.release.is_none())?;
        py.detach(move || import::array(schema, array)).map_err(declined)?
    } else if given.hasattr("__arrow_c_stream__")? {
        let capsule = given.call_method0("__arrow_c_stream__")?;
        let stream = held(&capsule, STREAM, ArrowArrayStream::take, |one| one.release.is_none())?;
        // With the GIL: a stream of Python objects may need it, and calls back.
        import::stream(stream).map_err(declined)?
    } else {
        return Err(PyTypeError::new_err("an object with __arrow_c_array__ or __arrow_c_stream__ is needed"));
    };
    Ok((tuple_of(py, &field)?, PyColumn(Arc::new(column))))
}

fn field_of(given: &Bound<'_, PyTuple>) -> PyResult<Field> {
    let text = |index: usize| -> PyResult<String> { given.get_item(index)?.extract() };
    let kind = match text(3)?.as_str() {
        "null" => Type::Null,
        "bool" => Type::Bool,
        "int8" => Type::Int8,
        "int16" => Type::Int16,
        "int32" => Type::Int32,
        "int64" => Type::Int64,
        "float32" => Type::Float32,
        "float64" => Type::Float64,
        "string" => Type::Utf8,
        "binary" => Type::Binary,
        "decimal" => Type::Decimal { precision: given.get_item(4)?.extract()?, scale: given.get_item(5)?.extract()? },
        "date" => Type::Date,
        "time" => Type::Time,
        "timestamp" => Type::Timestamp,
        "struct" => Type::Struct,
        "list" => Type::List,
        "map" => Type::Map,
        other => return Err(PyTypeError::new_err(format!("no Arrow type: {other}"))),
    };
    let children = given.get_item(6)?.cast_into::<PyTuple>()?;
    Ok(Field {
        name: text(0)?,
        nullable: given.get_item(1)?.extract()?,
        metadata: given.get_item(2)?.extract()?,
        kind,
        children: children.iter().map(|child| field_of(child.cast::<PyTuple>()?)).collect::<PyResult<_>>()?,
    })
}

fn tuple_of<'py>(py: Python<'py>, field: &Field) -> PyResult<Bound<'py, PyTuple>> {
    let (kind, precision, scale) = match &field.kind {
        Type::Null => ("null", 0, 0),
        Type::Bool => ("bool", 0, 0),
        Type::Int8 => ("int8", 0, 0),
        Type::Int16 => ("int16", 0, 0),
        Type::Int32 => ("int32", 0, 0),
        Type::Int64 => ("int64", 0, 0),
        Type::Float32 => ("float32", 0, 0),
        Type::Float64 => ("float64", 0, 0),
        Type::Utf8 => ("string", 0, 0),
        Type::Binary => ("binary", 0, 0),
        Type::Decimal { precision, scale } => ("decimal", *precision, *scale),
        Type::Date => ("date", 0, 0),
        Type::Time => ("time", 0, 0),
        Type::Timestamp => ("timestamp", 0, 0),
        Type::Struct => ("struct", 0, 0),
        Type::List => ("list", 0, 0),
        Type::Map => ("map", 0, 0),
    };
    let children = field.children.iter().map(|child| tuple_of(py, child)).collect::<PyResult<Vec<_>>>()?;
    let metadata = PyTuple::new(py, &field.metadata)?;
    (&field.name, field.nullable, metadata, kind, precision, scale, PyTuple::new(py, children)?).into_pyobject(py)
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyArrowArray>()?;
    m.add_function(wrap_pyfunction!(arrow_import, m)?)
}
