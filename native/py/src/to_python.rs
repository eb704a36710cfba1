//! From columns to the Python values of records, row by row: what transforms written for single records get.

use headrace_core::column::{Column, Data, Scalar};
use headrace_core::layout::Kind;
use headrace_core::{decimals, moments};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyList, PyString};

use crate::layout::PyLayout;
use crate::types::{types, Types};
use crate::DeclinedError;

/// Makes the values of a column.
pub struct Maker<'a> {
    column: &'a Column,
    kind: Made<'a>,
    types: &'static Types,
}

enum Made<'a> {
    Nulls,
    /// One object for all rows that have a value.
    Shared(Py<PyAny>),
    Bool,
    Int(&'a [i64]),
    Float(&'a [f64]),
    Text,
    Bytes,
    Decimal(i32),
    Date,
    Time,
    Timestamp,
    Struct(&'a Py<PyAny>, Vec<Maker<'a>>),
    List(&'a [u32], Box<Maker<'a>>),
    Map(&'a [u32], Box<Maker<'a>>, Box<Maker<'a>>),
}

impl<'a> Maker<'a> {
    /// DeclinedError for a column that is not of the layout.
    pub fn new(py: Python<'_>, layout: &'a PyLayout, column: &'a Column) -> PyResult<Maker<'a>> {
        let types = types(py)?;
        if let (Data::Const(value), None) = (&column.data, &column.unchanged) {
            let one = Column::constant(1, value.clone());
            let made = Maker::spelled(py, layout, &one, types)?.make(py, 0)?;
            return Ok(Maker { column, kind: Made::Shared(made), types });
        }
        Maker::spelled(py, layout, column, types)
    }

    fn spelled(py: Python<'_>, layout: &'a PyLayout, column: &'a Column, types: &'static Types) -> PyResult<Maker<'a>> {
        let inner = |index: usize, column: &'a Column| -> PyResult<Maker<'a>> {
            Maker::new(py, layout.children.get(index).ok_or_else(mismatch)?.get(), column)
        };
        let kind = match (&layout.core.kind, &column.data) {
            (_, Data::Null) => Made::Nulls,
            (Kind::Bool, Data::Bool(_) | Data::Const(Scalar::Bool(_))) => Made::Bool,
            (Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64, Data::Int(values)) => Made::Int(values),
            (Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64, Data::Const(Scalar::Int(value))) => {
                Made::Int(std::slice::from_ref(value))
            }
            (Kind::Float32 | Kind::Float64, Data::Float(values)) => Made::Float(values),
            (Kind::Float32 | Kind::Float64, Data::Const(Scalar::Float(value))) => {
                Made::Float(std::slice::from_ref(value))
            }
            (Kind::Str, Data::Bin(_) | Data::Const(Scalar::Bin(_))) => Made::Text,
            (Kind::Bytes, Data::Bin(_) | Data::Const(Scalar::Bin(_))) => Made::Bytes,
            (Kind::Decimal { scale }, Data::Bin(_) | Data::Const(Scalar::Bin(_))) => Made::Decimal(*scale),
            (Kind::Date, Data::Int(_) | Data::Const(Scalar::Int(_))) => Made::Date,
            (Kind::Time, Data::Int(_) | Data::Const(Scalar::Int(_))) => Made::Time,
            (Kind::Timestamp, Data::Int(_) | Data::Const(Scalar::Int(_))) => Made::Timestamp,
            (Kind::Struct(fields), Data::Struct(columns)) if columns.len() == fields.len() => {
                let children =
                    columns.iter().enumerate().map(|(index, one)| inner(index, one)).collect::<PyResult<_>>()?;
                Made::Struct(&layout.schema, children)
            }
            (Kind::List(_), Data::List(offsets, items)) => Made::List(offsets, Box::new(inner(0, items)?)),
            (Kind::Map(..), Data::Map(offsets, keys, items)) => {
                Made::Map(offsets, Box::new(inner(0, keys)?), Box::new(inner(1, items)?))
            }
            _ => return Err(mismatch()),
        };
        Ok(Maker { column, kind, types })
    }

    /// The value of a row.
    pub fn make(&self, py: Python<'_>, row: usize) -> PyResult<Py<PyAny>> {
        let column = self.column;
        if !column.is_valid(row) {
            return Ok(py.None());
        }
        Ok(match &self.kind {
            Made::Nulls => py.None(),
            Made::Shared(one) => one.clone_ref(py),
            Made::Bool => PyBool::new(py, column.bool(row)).to_owned().into_any().unbind(),
            Made::Int(values) => values.get(row).copied().ok_or_else(mismatch)?.into_pyobject(py)?.into_any().unbind(),
            Made::Float(values) => PyFloat::new(py, values.get(row).copied().ok_or_else(mismatch)?).into_any().unbind(),
            Made::Text => {
                let text = PyString::new(py, std::str::from_utf8(column.bin(row))?);
                self.marked(py, row, text.into_any(), &self.types.unchanged_text)?
            }
            Made::Bytes => {
                self.marked(py, row, PyBytes::new(py, column.bin(row)).into_any(), &self.types.unchanged_bytes)?
            }
            Made::Decimal(scale) => self.decimal(py, column.bin(row), *scale)?,
            Made::Date => match i64::checked_add(column.int(row), moments::EPOCH_ORDINAL) {
                // date.fromordinal knows the years 1 to 9999.
                Some(ordinal @ 1..=moments::LAST_ORDINAL) => self.types.date_of_ordinal.call1(py, (ordinal,))?,
                _ => self.types.to_date.call1(py, (column.int(row),))?,
            },
            Made::Time => self.types.to_time.call1(py, (column.int(row),))?,
            Made::Timestamp => self.types.to_timestamp.call1(py, (column.int(row),))?,
            Made::Struct(schema, children) => self.structure(py, row, schema, children)?,
            Made::List(offsets, element) => {
                let made = listed(py, range(offsets, row)?, |at| element.make(py, at))?;
                self.marked(py, row, made.into_any(), &self.types.unchanged_list)?
            }
            Made::Map(offsets, keys, values) => {
                let made = PyDict::new(py);
                for at in range(offsets, row)? {
                    made.set_item(keys.make(py, at)?, values.make(py, at)?)?;
                }
                self.marked(py, row, made.into_any(), &self.types.unchanged_map)?
            }
        })
    }

    /// The value itself, or what stands for one that was not sent.
    #[inline]
    fn marked(&self, py: Python<'_>, row: usize, value: Bound<'_, PyAny>, class: &Py<PyAny>) -> PyResult<Py<PyAny>> {
        if self.column.is_unchanged(row) {
            return class.call1(py, (value,));
        }
        Ok(value.unbind())
    }

    fn structure(&self, py: Python<'_>, row: usize, schema: &Py<PyAny>, children: &[Maker<'a>]) -> PyResult<Py<PyAny>> {
        let values = listed(py, 0..children.len(), |index| match children.get(index) {
            Some(child) => child.make(py, row),
            None => Err(mismatch()),
        })?;
        let slots = &self.types.structure;
        let made = slots.make(py)?;
        slots.set(&made, 0, schema)?;
        slots.set(&made, 1, &values.into_any().unbind())?;
        Ok(made.unbind())
    }

    fn decimal(&self, py: Python<'_>, unscaled: &[u8], scale: i32) -> PyResult<Py<PyAny>> {
        match decimals::text(unscaled, scale) {
            Some(text) => self.types.decimal.call1(py, (PyString::new(py, std::str::from_utf8(&text)?),)),
            None => self.types.to_decimal.call1(py, (PyBytes::new(py, unscaled), scale)),
        }
    }
}

/// A list of what `make` makes of each number.
fn listed<'py>(
    py: Python<'py>,
    numbers: std::ops::Range<usize>,
    make: impl Fn(usize) -> PyResult<Py<PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let mut failed = None;
    let made = PyList::new(
        py,
        numbers.map(|number| {
            make(number).unwrap_or_else(|error| {
                failed.get_or_insert(error);
                py.None()
            })
        }),
    )?;
    failed.map_or(Ok(made), Err)
}

fn range(offsets: &[u32], row: usize) -> PyResult<std::ops::Range<usize>> {
    match (offsets.get(row), offsets.get(row + 1)) {
        (Some(&start), Some(&end)) if start <= end => Ok(start as usize..end as usize),
        _ => Err(mismatch()),
    }
}

/// One Python object per row.
pub fn python<'py>(py: Python<'py>, layout: &PyLayout, column: &Column) -> PyResult<Bound<'py, PyList>> {
    let maker = Maker::new(py, layout, column)?;
    listed(py, 0..column.rows, |row| maker.make(py, row))
}

pub fn mismatch() -> PyErr {
    DeclinedError::new_err("a value that does not fit its layout")
}
