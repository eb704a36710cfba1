//! Column: a shared, immutable column of values.

use std::sync::Arc;

use headrace_core::column::{Column, Data, Scalar};
use headrace_core::ops;
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyString};

use crate::declined;
use crate::layout::PyLayout;
use crate::mask::PyMask;
use crate::values;

/// The values of one field for all rows of a batch.
#[pyclass(frozen, module = "headrace.native._core", name = "Column")]
pub struct PyColumn(pub Arc<Column>);

#[pymethods]
impl PyColumn {
    /// From Python values as a `headrace.data` record holds them (Struct, Decimal, datetime …). DeclinedError for a value that does
    /// not fit the layout, or that needs more than it (a subclass of str, an int beyond 64 bits).
    #[staticmethod]
    fn of(layout: &PyLayout, values: &Bound<'_, PyList>) -> PyResult<Self> {
        let given: Vec<Option<Bound<'_, PyAny>>> =
            values.iter().map(|one| if one.is_none() { None } else { Some(one) }).collect();
        Ok(PyColumn(Arc::new(values::column(&layout.core, &given)?)))
    }

    /// The same value (None, bool, int, float, str, bytes) in every row.
    #[staticmethod]
    fn constant(value: &Bound<'_, PyAny>, rows: usize) -> PyResult<Self> {
        let column = if value.is_none() {
            Column::null(rows)
        } else if let Ok(one) = value.cast_exact::<PyBool>() {
            Column::constant(rows, Scalar::Bool(one.is_true()))
        } else if let Ok(one) = value.cast_exact::<PyInt>() {
            Column::constant(rows, Scalar::Int(one.extract()?))
        } else if let Ok(one) = value.cast_exact::<PyFloat>() {
            Column::constant(rows, Scalar::Float(one.extract()?))
        } else if let Ok(one) = value.cast::<PyString>() {
            Column::text(rows, &one.extract::<String>()?)
        } else if let Ok(one) = value.cast::<PyBytes>() {
            Column::constant(rows, Scalar::Bin(one.as_bytes().into()))
        } else {
            return Err(PyTypeError::new_err("a constant is None, bool, int, float, str or bytes"));
        };
        Ok(PyColumn(Arc::new(column)))
    }

    /// Integers of any width, from a buffer-like sequence of Python ints.
    #[staticmethod]
    fn ints(values: Vec<i64>) -> Self {
        PyColumn(Arc::new(Column::new(values.len(), Data::Int(values))))
    }

    /// A struct of these columns; `valid`: the rows that are not null, None = all.
    #[staticmethod]
    #[pyo3(signature = (rows, fields, valid=None))]
    fn structure(rows: usize, fields: Vec<PyRef<'_, PyColumn>>, valid: Option<&PyMask>) -> PyResult<Self> {
        let children = fields.iter().map(|one| one.0.clone()).collect();
        let made = ops::structure(rows, children, valid.map(|mask| mask.0.clone())).map_err(declined)?;
        Ok(PyColumn(Arc::new(made)))
    }

    fn __len__(&self) -> usize {
        self.0.rows
    }

    /// Field number `index` of a struct; all null where no row has one.
    fn field(&self, index: usize) -> PyResult<Self> {
        match &self.0.data {
            Data::Struct(children) => children
                .get(index)
                .map(|one| PyColumn(one.clone()))
                .ok_or_else(|| PyIndexError::new_err("no such field")),
            Data::Null => Ok(PyColumn(Arc::new(Column::null(self.0.rows)))),
            _ => Err(PyTypeError::new_err("not a struct")),
        }
    }

    /// All fields of a struct that has `count` of them.
    fn fields(&self, count: usize) -> PyResult<Vec<Self>> {
        (0..count).map(|index| self.field(index)).collect()
    }

    /// The rows that are not null.
    fn valid(&self) -> PyMask {
        PyMask((0..self.0.rows).map(|row| self.0.is_valid(row)).collect())
    }

    /// Whether a row is null.
    #[getter]
    fn has_nulls(&self) -> bool {
        self.0.has_nulls()
    }

    /// Whether a value stands for one that was not sent.
    #[getter]
    fn has_unchanged(&self) -> bool {
        self.0.unchanged.as_ref().is_some_and(|one| one.iter().any(|&mark| mark))
    }

    /// The rows whose value is this text or these bytes.
    fn equals(&self, py: Python<'_>, value: &[u8]) -> PyMask {
        let column = &self.0;
        PyMask(py.detach(|| (0..column.rows).map(|row| column.is_valid(row) && column.bin(row) == value).collect()))
    }

    fn filter(&self, py: Python<'_>, mask: &PyMask) -> PyResult<Self> {
        py.detach(|| ops::filter(&self.0, &mask.0)).map(|made| PyColumn(Arc::new(made))).map_err(declined)
    }

    /// The rows from `start` up to `stop`.
    fn slice(&self, py: Python<'_>, start: usize, stop: usize) -> PyResult<Self> {
        py.detach(|| ops::slice(&self.0, start, stop)).map(|made| PyColumn(Arc::new(made))).map_err(declined)
    }

    /// The rows at these positions, in this order.
    fn take(&self, py: Python<'_>, rows: Vec<u32>) -> PyResult<Self> {
        py.detach(|| ops::take(&self.0, &rows)).map(|made| PyColumn(Arc::new(made))).map_err(declined)
    }

    /// The values as a `headrace.data` record holds them, None for null.
    fn values<'py>(&self, py: Python<'py>, layout: &PyLayout) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, values::python(py, layout, &self.0)?)
    }

    /// Bytes held, roughly.
    #[getter]
    fn size(&self) -> usize {
        self.0.size()
    }

    fn __repr__(&self) -> String {
        format!("Column({} rows)", self.0.rows)
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyColumn>()
}
