//! From the Python values of records to columns, row by row. Only what comes back as the very same value is taken.

use std::sync::Arc;

use headrace_core::builders::{Bins, Bools, Floats, Ints};
use headrace_core::column::{Column, Data, Scalar};
use headrace_core::decimals;
use headrace_core::layout::{Kind, Layout};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

use crate::declined;
use crate::layout::PyLayout;
use crate::to_python::mismatch;
use crate::types::{types, Types};

/// Decimals that are longer are read by Python, whose arithmetic is faster for them.
const FEW_DIGITS: usize = 200;

/// The column of these values, None for null. DeclinedError for a value the layout cannot hold as it is.
pub fn column(py: Python<'_>, layout: &PyLayout, values: &Bound<'_, PyList>) -> PyResult<Column> {
    let mut made = Gather::new(py, &layout.core, Some(layout), values.len(), types(py)?);
    for value in values.iter() {
        made.push(&value)?;
    }
    made.finish()
}

/// The scalar of one Python value that is not None; DeclinedError for a container.
pub fn scalar(value: &Bound<'_, PyAny>, layout: &Layout) -> PyResult<Scalar> {
    let mut made = Gather::new(value.py(), layout, None, 1, types(value.py())?);
    made.push(value)?;
    let one = made.finish()?;
    match &one.data {
        Data::Bool(_) => Ok(Scalar::Bool(one.bool(0))),
        Data::Int(_) => Ok(Scalar::Int(one.int(0))),
        Data::Float(_) => Ok(Scalar::Float(one.float(0))),
        Data::Bin(_) if one.unchanged.is_none() => Ok(Scalar::Bin(one.bin(0).into())),
        _ => Err(mismatch()),
    }
}

/// A column that grows.
struct Gather {
    made: Growing,
    types: &'static Types,
}

enum Growing {
    Bool(Bools),
    Int(Ints, i64),
    Float(Floats),
    Single(Floats),
    Text(Bins),
    Bytes(Bins),
    Decimal(Bins, i32),
    /// Dates and times by the function that gives their number.
    Moment(Ints, &'static Py<PyAny>),
    Struct(Rows, Vec<Gather>, OneSchema),
    List(Rows, Vec<u32>, Box<Gather>),
    Map(Rows, Vec<u32>, Box<(Gather, Gather)>),
}

/// The schema that structs must have: a layout's, or one equal to it.
struct OneSchema {
    wanted: Option<Py<PyAny>>,
    /// Another object that was found to be equal.
    equal: Option<Py<PyAny>>,
}

impl OneSchema {
    #[inline]
    fn check(&mut self, found: &Bound<'_, PyAny>) -> PyResult<()> {
        let is = |known: &Option<Py<PyAny>>| known.as_ref().is_some_and(|one| one.as_ptr() == found.as_ptr());
        if is(&self.wanted) || is(&self.equal) {
            return Ok(());
        }
        match &self.wanted {
            Some(wanted) if found.eq(wanted)? => {
                self.equal = Some(found.clone().unbind());
                Ok(())
            }
            _ => Err(mismatch()),
        }
    }
}

/// Which rows of a container there are.
#[derive(Default)]
struct Rows {
    valid: Vec<bool>,
    unchanged: Vec<usize>,
}

impl Rows {
    fn masks(self) -> (usize, Option<Vec<bool>>, Option<Vec<bool>>) {
        let rows = self.valid.len();
        let unchanged = (!self.unchanged.is_empty()).then(|| {
            let mut marks = vec![false; rows];
            self.unchanged.iter().for_each(|&row| marks[row] = true);
            marks
        });
        (rows, self.valid.iter().any(|one| !one).then_some(self.valid), unchanged)
    }
}

impl Gather {
    /// `of`: the layout as Python knows it; without it no struct fits.
    fn new(py: Python<'_>, layout: &Layout, of: Option<&PyLayout>, rows: usize, types: &'static Types) -> Gather {
        let inner = |index: usize, layout: &Layout| {
            Gather::new(py, layout, of.and_then(|of| of.children.get(index)).map(|one| one.get()), rows, types)
        };
        let ints = |bits: u32| Growing::Int(Ints::with_capacity(rows), i64::MAX >> (64 - bits));
        let bins = || Bins::with_capacity(rows, 0);
        let made = match &layout.kind {
            Kind::Bool => Growing::Bool(Bools::with_capacity(rows)),
            Kind::Int8 => ints(8),
            Kind::Int16 => ints(16),
            Kind::Int32 => ints(32),
            Kind::Int64 => ints(64),
            Kind::Float32 => Growing::Single(Floats::with_capacity(rows)),
            Kind::Float64 => Growing::Float(Floats::with_capacity(rows)),
            Kind::Str => Growing::Text(bins()),
            Kind::Bytes => Growing::Bytes(bins()),
            Kind::Decimal { scale } => Growing::Decimal(bins(), *scale),
            Kind::Date => Growing::Moment(Ints::with_capacity(rows), &types.from_date),
            Kind::Time => Growing::Moment(Ints::with_capacity(rows), &types.from_time),
            Kind::Timestamp => Growing::Moment(Ints::with_capacity(rows), &types.from_timestamp),
            Kind::Struct(fields) => Growing::Struct(
                Rows::default(),
                fields.iter().enumerate().map(|(index, field)| inner(index, &field.layout)).collect(),
                OneSchema { wanted: of.map(|of| of.schema.clone_ref(py)), equal: None },
            ),
            Kind::List(element) => Growing::List(Rows::default(), vec![0], Box::new(inner(0, element))),
            Kind::Map(key, value) => Growing::Map(Rows::default(), vec![0], Box::new((inner(0, key), inner(1, value)))),
        };
        Gather { made, types }
    }

    fn push(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if value.is_none() {
            self.push_null();
            return Ok(());
        }
        match &mut self.made {
            Growing::Bool(made) => made.push(value.cast_exact::<PyBool>().map_err(|_| mismatch())?.is_true()),
            Growing::Int(made, most) => {
                let number: i64 =
                    value.cast_exact::<PyInt>().map_err(|_| mismatch())?.extract().map_err(|_| mismatch())?;
                if number > *most || number < -*most - 1 {
                    return Err(mismatch());
                }
                made.push(number);
            }
            Growing::Float(made) => made.push(value.cast_exact::<PyFloat>().map_err(|_| mismatch())?.value()),
            Growing::Single(made) => {
                let number = value.cast_exact::<PyFloat>().map_err(|_| mismatch())?.value();
                if f64::from(number as f32).to_bits() != number.to_bits() && !number.is_nan() {
                    return Err(mismatch());
                }
                made.push(number);
            }
            Growing::Text(made) => {
                let text = value.cast::<PyString>().map_err(|_| mismatch())?;
                let marked = marked::<PyString>(value, &self.types.unchanged_text)?;
                // A lone surrogate has no UTF-8.
                made.push(text.to_str().map_err(|_| mismatch())?.as_bytes()).map_err(declined)?;
                if marked {
                    made.mark_unchanged();
                }
            }
            Growing::Bytes(made) => {
                let bytes = value.cast::<PyBytes>().map_err(|_| mismatch())?;
                let marked = marked::<PyBytes>(value, &self.types.unchanged_bytes)?;
                made.push(bytes.as_bytes()).map_err(declined)?;
                if marked {
                    made.mark_unchanged();
                }
            }
            Growing::Decimal(made, scale) => {
                if value.get_type().as_ptr() != self.types.decimal.as_ptr() {
                    return Err(mismatch());
                }
                let text = value.str()?;
                let text = text.to_str()?;
                if text.len() <= FEW_DIGITS {
                    decimals::write_unscaled_of(made.open(), text, *scale).map_err(declined)?;
                } else {
                    let bytes = self.types.from_decimal.call1(value.py(), (value, *scale)).map_err(|_| mismatch())?;
                    made.open().extend_from_slice(bytes.bind(value.py()).cast::<PyBytes>()?.as_bytes());
                }
                made.end().map_err(declined)?;
            }
            Growing::Moment(made, number) => {
                let number = number.call1(value.py(), (value,)).map_err(|_| mismatch())?;
                made.push(number.extract(value.py()).map_err(|_| mismatch())?);
            }
            Growing::Struct(rows, children, schema) => {
                let slots = &self.types.structure;
                if !slots.is(value) {
                    return Err(mismatch());
                }
                schema.check(&slots.get(value, 0)?)?;
                let values = slots.get(value, 1)?.cast_into_exact::<PyList>().map_err(|_| mismatch())?;
                if values.len() != children.len() {
                    return Err(mismatch());
                }
                for (child, value) in children.iter_mut().zip(values.iter()) {
                    child.push(&value)?;
                }
                rows.valid.push(true);
            }
            Growing::List(rows, offsets, element) => {
                let list = value.cast::<PyList>().map_err(|_| mismatch())?;
                if marked::<PyList>(value, &self.types.unchanged_list)? {
                    rows.unchanged.push(rows.valid.len());
                }
                for item in list.iter() {
                    element.push(&item)?;
                }
                rows.valid.push(true);
                offsets.push(end(offsets, list.len())?);
            }
            Growing::Map(rows, offsets, entry) => {
                let map = value.cast::<PyDict>().map_err(|_| mismatch())?;
                if marked::<PyDict>(value, &self.types.unchanged_map)? {
                    rows.unchanged.push(rows.valid.len());
                }
                for (key, value) in map.iter() {
                    entry.0.push(&key)?;
                    entry.1.push(&value)?;
                }
                rows.valid.push(true);
                offsets.push(end(offsets, map.len())?);
            }
        }
        Ok(())
    }

    fn push_null(&mut self) {
        match &mut self.made {
            Growing::Bool(made) => made.push_null(),
            Growing::Int(made, _) | Growing::Moment(made, _) => made.push_null(),
            Growing::Float(made) | Growing::Single(made) => made.push_null(),
            Growing::Text(made) | Growing::Bytes(made) | Growing::Decimal(made, _) => made.push_null(),
            Growing::Struct(rows, children, _) => {
                rows.valid.push(false);
                children.iter_mut().for_each(Gather::push_null);
            }
            Growing::List(rows, offsets, _) | Growing::Map(rows, offsets, _) => {
                rows.valid.push(false);
                offsets.push(offsets.last().copied().unwrap_or(0));
            }
        }
    }

    fn finish(self) -> PyResult<Column> {
        Ok(match self.made {
            Growing::Bool(made) => made.finish(),
            Growing::Int(made, _) | Growing::Moment(made, _) => made.finish(),
            Growing::Float(made) | Growing::Single(made) => made.finish(),
            Growing::Text(made) | Growing::Bytes(made) | Growing::Decimal(made, _) => made.finish(),
            Growing::Struct(rows, children, _) => {
                let children =
                    children.into_iter().map(|one| Ok(Arc::new(one.finish()?))).collect::<PyResult<Vec<_>>>()?;
                container(rows, Data::Struct(children))
            }
            Growing::List(rows, offsets, element) => container(rows, Data::List(offsets, Arc::new(element.finish()?))),
            Growing::Map(rows, offsets, entry) => {
                let (keys, values) = *entry;
                container(rows, Data::Map(offsets, Arc::new(keys.finish()?), Arc::new(values.finish()?)))
            }
        })
    }
}

fn container(rows: Rows, data: Data) -> Column {
    let (rows, valid, unchanged) = rows.masks();
    Column { rows, data, valid, unchanged }
}

fn end(offsets: &[u32], more: usize) -> PyResult<u32> {
    let last = offsets.last().copied().unwrap_or(0);
    u32::try_from(more).ok().and_then(|more| last.checked_add(more)).ok_or_else(mismatch)
}

/// Whether the value stands for one that was not sent. A value of any class but the plain one and `class` does not fit.
#[inline]
fn marked<T: pyo3::PyTypeInfo>(value: &Bound<'_, PyAny>, class: &Py<PyAny>) -> PyResult<bool> {
    if value.cast_exact::<T>().is_ok() {
        return Ok(false);
    }
    if value.get_type().as_ptr() == class.as_ptr() {
        return Ok(true);
    }
    Err(mismatch())
}
