//! Between columns and the Python values of records. Not the hot path: for transforms written per record, and for tests.

use std::sync::Arc;

use headrace_core::builders::{Bins, Bools, Floats, Ints};
use headrace_core::column::{Column, Data, Scalar};
use headrace_core::layout::{Kind, Layout};
use headrace_core::ops;
use pyo3::prelude::*;
use pyo3::type_object::PyTypeInfo;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

use crate::layout::PyLayout;
use crate::types::types;
use crate::{declined, DeclinedError};

type Given<'py> = Option<Bound<'py, PyAny>>;

/// One Python object per row.
pub fn python(py: Python<'_>, layout: &PyLayout, column: &Column) -> PyResult<Vec<Py<PyAny>>> {
    let rows = column.rows;
    let none = py.None();
    if matches!(column.data, Data::Null) {
        return Ok((0..rows).map(|_| none.clone_ref(py)).collect());
    }
    let each = |make: &dyn Fn(usize) -> PyResult<Py<PyAny>>| -> PyResult<Vec<Py<PyAny>>> {
        (0..rows).map(|row| if column.is_valid(row) { make(row) } else { Ok(none.clone_ref(py)) }).collect()
    };
    let types = types(py)?;
    match &layout.core.kind {
        Kind::Bool => each(&|row| Ok(PyBool::new(py, column.bool(row)).to_owned().into_any().unbind())),
        Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => {
            each(&|row| Ok(column.int(row).into_pyobject(py)?.into_any().unbind()))
        }
        Kind::Float32 | Kind::Float64 => each(&|row| Ok(PyFloat::new(py, column.float(row)).into_any().unbind())),
        Kind::Str => {
            let shared = match &column.data {
                Data::Const(Scalar::Bin(value)) => Some(text(py, value)?),
                _ => None,
            };
            each(&|row| match &shared {
                Some(one) => Ok(one.clone_ref(py)),
                None if column.is_unchanged(row) => types.unchanged_text.call1(py, (text(py, column.bin(row))?,)),
                None => text(py, column.bin(row)),
            })
        }
        Kind::Bytes => each(&|row| {
            let bytes = PyBytes::new(py, column.bin(row));
            if column.is_unchanged(row) {
                return types.unchanged_bytes.call1(py, (bytes,));
            }
            Ok(bytes.into_any().unbind())
        }),
        Kind::Decimal { scale } => each(&|row| types.to_decimal.call1(py, (PyBytes::new(py, column.bin(row)), *scale))),
        Kind::Date => each(&|row| types.to_date.call1(py, (column.int(row),))),
        Kind::Time => each(&|row| types.to_time.call1(py, (column.int(row),))),
        Kind::Timestamp => each(&|row| types.to_timestamp.call1(py, (column.int(row),))),
        Kind::Struct(fields) => {
            let mut parts = Vec::with_capacity(fields.len());
            for (field, child) in layout.children.iter().zip(column.children()) {
                parts.push(python(py, field.get(), child)?.into_iter());
            }
            let mut made = Vec::with_capacity(rows);
            for row in 0..rows {
                let values: Vec<Py<PyAny>> = parts.iter_mut().filter_map(Iterator::next).collect();
                made.push(if column.is_valid(row) {
                    types.structure.call1(py, (&layout.schema, PyList::new(py, values)?))?
                } else {
                    none.clone_ref(py)
                });
            }
            Ok(made)
        }
        Kind::List(_) => {
            let (Data::List(offsets, items), Some(element)) = (&column.data, layout.children.first()) else {
                return Err(mismatch());
            };
            let values = python(py, element.get(), items)?;
            each(&|row| {
                let made = PyList::new(py, slice(&values, offsets, row)?.iter().map(|one| one.clone_ref(py)))?;
                if column.is_unchanged(row) {
                    return types.unchanged_list.call1(py, (made,));
                }
                Ok(made.into_any().unbind())
            })
        }
        Kind::Map(..) => {
            let (Data::Map(offsets, keys, items), [key, value]) = (&column.data, layout.children.as_slice()) else {
                return Err(mismatch());
            };
            let (keys, values) = (python(py, key.get(), keys)?, python(py, value.get(), items)?);
            each(&|row| {
                let made = PyDict::new(py);
                for (key, value) in slice(&keys, offsets, row)?.iter().zip(slice(&values, offsets, row)?) {
                    made.set_item(key, value)?;
                }
                if column.is_unchanged(row) {
                    return types.unchanged_map.call1(py, (made,));
                }
                Ok(made.into_any().unbind())
            })
        }
    }
}

fn slice<'a, T>(values: &'a [T], offsets: &[u32], row: usize) -> PyResult<&'a [T]> {
    match (offsets.get(row), offsets.get(row + 1)) {
        (Some(&start), Some(&end)) => values.get(start as usize..end as usize).ok_or_else(mismatch),
        _ => Err(mismatch()),
    }
}

fn text(py: Python<'_>, value: &[u8]) -> PyResult<Py<PyAny>> {
    Ok(PyString::new(py, std::str::from_utf8(value)?).into_any().unbind())
}

fn mismatch() -> PyErr {
    DeclinedError::new_err("a value that does not fit its layout")
}

/// The scalar of one Python value that is not None.
pub fn scalar(value: &Bound<'_, PyAny>, kind: &Kind) -> PyResult<Scalar> {
    let py = value.py();
    let int = |function: &Py<PyAny>| -> PyResult<Scalar> {
        let number = function.call1(py, (value,)).map_err(|_| mismatch())?;
        Ok(Scalar::Int(number.extract(py).map_err(|_| mismatch())?))
    };
    Ok(match kind {
        Kind::Bool => Scalar::Bool(value.cast_exact::<PyBool>().map_err(|_| mismatch())?.is_true()),
        Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => {
            let number: i64 = value.cast_exact::<PyInt>().map_err(|_| mismatch())?.extract().map_err(|_| mismatch())?;
            let bits = match kind {
                Kind::Int8 => 8,
                Kind::Int16 => 16,
                Kind::Int32 => 32,
                _ => 64,
            };
            if bits < 64 && (number < -(1 << (bits - 1)) || number >= 1 << (bits - 1)) {
                return Err(mismatch());
            }
            Scalar::Int(number)
        }
        Kind::Float32 | Kind::Float64 => Scalar::Float(value.cast_exact::<PyFloat>().map_err(|_| mismatch())?.value()),
        Kind::Str => {
            let text = value.cast_exact::<PyString>().map_err(|_| mismatch())?;
            // A lone surrogate has no UTF-8.
            Scalar::Bin(text.extract::<String>().map_err(|_| mismatch())?.as_bytes().into())
        }
        Kind::Bytes => Scalar::Bin(value.cast_exact::<PyBytes>().map_err(|_| mismatch())?.as_bytes().into()),
        Kind::Decimal { scale } => {
            let made = types(py)?.from_decimal.call1(py, (value, *scale)).map_err(|_| mismatch())?;
            Scalar::Bin(made.bind(py).cast::<PyBytes>()?.as_bytes().into())
        }
        Kind::Date => int(&types(py)?.from_date)?,
        Kind::Time => int(&types(py)?.from_time)?,
        Kind::Timestamp => int(&types(py)?.from_timestamp)?,
        Kind::Struct(_) | Kind::List(_) | Kind::Map(..) => return Err(mismatch()),
    })
}

/// The column of these values, None for null.
pub fn column(layout: &Layout, given: &[Given<'_>]) -> PyResult<Column> {
    match &layout.kind {
        Kind::Bool => {
            let mut made = Bools::with_capacity(given.len());
            for one in given {
                match one.as_ref().map(|value| scalar(value, &layout.kind)).transpose()? {
                    Some(Scalar::Bool(value)) => made.push(value),
                    _ => made.push_null(),
                }
            }
            Ok(made.finish())
        }
        Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Date | Kind::Time | Kind::Timestamp => {
            let mut made = Ints::with_capacity(given.len());
            for one in given {
                match one.as_ref().map(|value| scalar(value, &layout.kind)).transpose()? {
                    Some(Scalar::Int(value)) => made.push(value),
                    _ => made.push_null(),
                }
            }
            Ok(made.finish())
        }
        Kind::Float32 | Kind::Float64 => {
            let mut made = Floats::with_capacity(given.len());
            for one in given {
                match one.as_ref().map(|value| scalar(value, &layout.kind)).transpose()? {
                    Some(Scalar::Float(value)) => made.push(value),
                    _ => made.push_null(),
                }
            }
            Ok(made.finish())
        }
        Kind::Str | Kind::Bytes | Kind::Decimal { .. } => texts(layout, given),
        Kind::Struct(fields) => {
            let mut children = Vec::with_capacity(fields.len());
            let rows: Vec<Option<Bound<'_, PyList>>> =
                given.iter().map(|one| one.as_ref().map(struct_values).transpose()).collect::<PyResult<_>>()?;
            for (at, field) in fields.iter().enumerate() {
                let mut parts: Vec<Given<'_>> = Vec::with_capacity(rows.len());
                for row in &rows {
                    parts.push(match row {
                        Some(values) if values.len() == fields.len() => {
                            let value = values.get_item(at)?;
                            if value.is_none() {
                                None
                            } else {
                                Some(value)
                            }
                        }
                        Some(_) => return Err(mismatch()),
                        None => None,
                    });
                }
                children.push(Arc::new(column(&field.layout, &parts)?));
            }
            let valid = rows.iter().any(Option::is_none).then(|| rows.iter().map(Option::is_some).collect());
            ops::structure(given.len(), children, valid).map_err(declined)
        }
        Kind::List(element) => {
            let mut inner = Vec::new();
            let (offsets, valid) = ranges(given, |value| {
                let list = value.cast::<PyList>().map_err(|_| mismatch())?;
                inner.extend(list.iter().map(|one| if one.is_none() { None } else { Some(one) }));
                Ok(inner.len())
            })?;
            let items = column(element, &inner)?;
            let unchanged = marks(given, PyList::type_object)?;
            Ok(Column { rows: given.len(), data: Data::List(offsets, Arc::new(items)), valid, unchanged })
        }
        Kind::Map(key, value) => {
            let (mut keys, mut values) = (Vec::new(), Vec::new());
            let (offsets, valid) = ranges(given, |one| {
                let dict = one.cast::<PyDict>().map_err(|_| mismatch())?;
                for (key, value) in dict.iter() {
                    keys.push(Some(key));
                    values.push(if value.is_none() { None } else { Some(value) });
                }
                Ok(keys.len())
            })?;
            let (keys, values) = (column(key, &keys)?, column(value, &values)?);
            Ok(Column {
                rows: given.len(),
                data: Data::Map(offsets, Arc::new(keys), Arc::new(values)),
                valid,
                unchanged: marks(given, PyDict::type_object)?,
            })
        }
    }
}

fn struct_values<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    let values = value.getattr("values").map_err(|_| mismatch())?;
    values.cast_into::<PyList>().map_err(|_| mismatch())
}

/// The containers that stand for values that were not sent, None for none. A subclass of any other kind does not fit.
fn marks<'py, T>(given: &[Given<'py>], plain: impl Fn(Python<'py>) -> Bound<'py, T>) -> PyResult<Option<Vec<bool>>> {
    let mut marks = Vec::new();
    for (row, one) in given.iter().enumerate() {
        if let Some(value) = one.as_ref().filter(|value| !value.get_type().is(plain(value.py()))) {
            if !value.is_instance(types(value.py())?.unchanged.bind(value.py()))? {
                return Err(mismatch());
            }
            marks.resize(given.len(), false);
            if let Some(mark) = marks.get_mut(row) {
                *mark = true;
            }
        }
    }
    Ok((!marks.is_empty()).then_some(marks))
}

/// Offsets and validity of containers; `add` answers how many elements there are in all.
fn ranges<'py>(
    given: &[Given<'py>],
    mut add: impl FnMut(&Bound<'py, PyAny>) -> PyResult<usize>,
) -> PyResult<(Vec<u32>, Option<Vec<bool>>)> {
    let mut offsets = vec![0u32];
    let mut end = 0u32;
    for one in given {
        if let Some(value) = one {
            end = u32::try_from(add(value)?).map_err(|_| mismatch())?;
        }
        offsets.push(end);
    }
    let valid = given.iter().any(Option::is_none).then(|| given.iter().map(Option::is_some).collect());
    Ok((offsets, valid))
}

fn texts(layout: &Layout, given: &[Given<'_>]) -> PyResult<Column> {
    let mut made = Bins::with_capacity(given.len(), 0);
    for one in given {
        let Some(value) = one else {
            made.push_null();
            continue;
        };
        let py = value.py();
        let marked = value.is_instance(types(py)?.unchanged.bind(py))?;
        let plain = if marked { plain_of(value, &layout.kind)? } else { value.clone() };
        match scalar(&plain, &layout.kind)? {
            Scalar::Bin(bytes) => made.push(&bytes).map_err(declined)?,
            _ => return Err(mismatch()),
        }
        if marked {
            made.mark_unchanged();
        }
    }
    Ok(made.finish())
}

fn plain_of<'py>(value: &Bound<'py, PyAny>, kind: &Kind) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    match kind {
        Kind::Str => Ok(value.cast::<PyString>().map_err(|_| mismatch())?.str()?.into_any()),
        Kind::Bytes => Ok(PyBytes::new(py, value.cast::<PyBytes>().map_err(|_| mismatch())?.as_bytes()).into_any()),
        _ => Err(mismatch()),
    }
}
