//! Column: a shared, immutable column of values.

use std::sync::Arc;

use headrace_core::arrow::fit;
use headrace_core::cast::{self, Target};
use headrace_core::column::{Column, Data, Scalar};
use headrace_core::moments::{self, Form};
use headrace_core::nulls::{self, Reading};
use headrace_core::{groups, ops};
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyString};

use crate::from_python;
use crate::layout::PyLayout;
use crate::mask::PyMask;
use crate::to_python;
use crate::{declined, DeclinedError};

/// The values of one field for all rows of a batch.
#[pyclass(frozen, module = "headrace.native._core", name = "Column")]
pub struct PyColumn(pub Arc<Column>);

#[pymethods]
impl PyColumn {
    /// From Python values as a `headrace.data` record holds them (Struct, Decimal, datetime …). DeclinedError for a value that does
    /// not fit the layout, or that needs more than it (a subclass of str, an int beyond 64 bits).
    #[staticmethod]
    fn of(layout: &PyLayout, values: &Bound<'_, PyList>) -> PyResult<Self> {
        Ok(PyColumn(Arc::new(from_python::column(values.py(), layout, values)?)))
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
        to_python::python(py, layout, &self.0)
    }

    /// The fields of a struct at `chosen` (None = all), read as transforms do: with `defaults` a null becomes its field's default;
    /// with `check` a null that is left in a required field of a struct that is there is a DeclinedError.
    #[pyo3(signature = (layout, chosen=None, *, defaults, check=true))]
    fn read(
        &self,
        py: Python<'_>,
        layout: &PyLayout,
        chosen: Option<Vec<usize>>,
        defaults: bool,
        check: bool,
    ) -> PyResult<Vec<Self>> {
        let chosen = chosen.unwrap_or_else(|| (0..layout.core.fields().len()).collect());
        let reading = match (defaults, check) {
            (true, true) => Reading::DefaultsChecked,
            (true, false) => Reading::Defaults,
            (false, true) => Reading::Checked,
            (false, false) => Reading::AsIs,
        };
        let read = py.detach(|| nulls::read(&self.0, &layout.core, &chosen, reading)).map_err(declined)?;
        Ok(read.into_iter().map(PyColumn).collect())
    }

    /// A struct of these fields that is null where this column is; there the fields are null as well.
    fn rebuilt(&self, py: Python<'_>, fields: Vec<PyRef<'_, PyColumn>>) -> PyResult<Self> {
        let fields = fields.iter().map(|one| one.0.clone()).collect();
        py.detach(|| nulls::struct_like(&self.0, fields)).map(|made| PyColumn(Arc::new(made))).map_err(declined)
    }

    /// Null where the mask is false.
    fn within(&self, py: Python<'_>, mask: &PyMask) -> PyResult<Self> {
        py.detach(|| nulls::within(&self.0, &mask.0)).map(|made| PyColumn(Arc::new(made))).map_err(declined)
    }

    /// Nulls replaced by this value of the layout, in the rows of `within` only (None = in all).
    #[pyo3(signature = (layout, value, within=None))]
    fn filled(
        &self,
        py: Python<'_>,
        layout: &PyLayout,
        value: &Bound<'_, PyAny>,
        within: Option<&PyMask>,
    ) -> PyResult<Self> {
        let value = from_python::scalar(value, &layout.core)?;
        py.detach(|| nulls::filled(&self.0, &value, within.map(|mask| mask.0.as_slice())))
            .map(|made| PyColumn(Arc::new(made)))
            .map_err(declined)
    }

    /// This value of the layout in every row that is not null.
    fn replaced(&self, layout: &PyLayout, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = value.py();
        let one = from_python::column(py, layout, &PyList::new(py, [value])?)?;
        nulls::replaced(&self.0, &one).map(|made| PyColumn(Arc::new(made))).map_err(declined)
    }

    /// This value of the layout in the rows for which the mask is true.
    fn put(&self, py: Python<'_>, layout: &PyLayout, value: &Bound<'_, PyAny>, mask: &PyMask) -> PyResult<Self> {
        let value = from_python::scalar(value, &layout.core)?;
        py.detach(|| nulls::put(&self.0, &value, &mask.0)).map(|made| PyColumn(Arc::new(made))).map_err(declined)
    }

    /// The values, which are of the layout, as another primitive type: int8 to int64, float32, float64, boolean or string.
    fn cast(&self, py: Python<'_>, layout: &PyLayout, target: &str) -> PyResult<Self> {
        let target = match target {
            "int8" => Target::Int8,
            "int16" => Target::Int16,
            "int32" => Target::Int32,
            "int64" => Target::Int64,
            "float32" => Target::Float32,
            "float64" => Target::Float64,
            "boolean" => Target::Bool,
            "string" => Target::Str,
            other => return Err(DeclinedError::new_err(format!("no type to cast to: {other}"))),
        };
        py.detach(|| cast::cast(&self.0, &layout.core.kind, target))
            .map(|made| PyColumn(Arc::new(made)))
            .map_err(declined)
    }

    /// Numbers of one form of timestamp as those of another: "Date" (days), "Time" (milliseconds of the day), "Timestamp" (milliseconds
    /// since the epoch), "unix" (units since the epoch that are `multiplier` milliseconds, or of which `divisor` make one).
    fn moments(&self, py: Python<'_>, source: &str, target: &str, multiplier: i64, divisor: i64) -> PyResult<Self> {
        let form = |name: &str| match name {
            "Date" => Ok(Form::Date),
            "Time" => Ok(Form::Time),
            "Timestamp" => Ok(Form::Timestamp),
            "unix" => Ok(Form::Unix { multiplier, divisor }),
            other => Err(DeclinedError::new_err(format!("no form of timestamp: {other}"))),
        };
        let (source, target) = (form(source)?, form(target)?);
        py.detach(|| moments::convert(&self.0, source, target)).map(|made| PyColumn(Arc::new(made))).map_err(declined)
    }

    /// Integers rounded down to multiples of `unit`.
    fn floored(&self, py: Python<'_>, unit: i64) -> PyResult<Self> {
        py.detach(|| moments::floored(&self.0, unit)).map(|made| PyColumn(Arc::new(made))).map_err(declined)
    }

    /// The column as one of the layout. DeclinedError for values of another kind, and for a null in a required field; a row that is null
    /// as a whole is one without schema.
    fn fitted(&self, py: Python<'_>, layout: &PyLayout) -> PyResult<Self> {
        py.detach(|| fit::fitted(&self.0, &layout.core)).map(PyColumn).map_err(declined)
    }

    /// The column with the marks of `before` where it has the very value that stands there for one that was not sent.
    fn marked(&self, py: Python<'_>, before: &PyColumn) -> Self {
        PyColumn(Arc::new(py.detach(|| fit::marked(&self.0, &before.0))))
    }

    /// The rows that are true, null being false.
    fn truths(&self) -> PyResult<PyMask> {
        match &self.0.data {
            Data::Null | Data::Bool(_) | Data::Const(Scalar::Bool(_)) => {
                Ok(PyMask((0..self.0.rows).map(|row| self.0.is_valid(row) && self.0.bool(row)).collect()))
            }
            _ => Err(DeclinedError::new_err("truth values are needed")),
        }
    }

    /// The first row that is not null.
    fn first(&self) -> Option<usize> {
        (0..self.0.rows).find(|&row| self.0.is_valid(row))
    }

    /// The rows of each combination of values in the columns, in the order of their first rows: that row and all of them. None when
    /// there are more than `limit`.
    #[staticmethod]
    fn groups(
        py: Python<'_>,
        columns: Vec<PyRef<'_, PyColumn>>,
        rows: usize,
        limit: usize,
    ) -> PyResult<Option<Vec<(u32, PyMask)>>> {
        let shared: Vec<Arc<Column>> = columns.iter().map(|one| one.0.clone()).collect();
        let found = py.detach(|| groups::groups(&shared, rows, limit)).map_err(declined)?;
        Ok(found.map(|made| made.into_iter().map(|(first, mask)| (first, PyMask(mask))).collect()))
    }

    /// The smallest and the largest integer; None when all are null.
    fn bounds(&self) -> Option<(i64, i64)> {
        groups::bounds(&self.0)
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
