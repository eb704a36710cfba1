//! Single values as Kafka's serializers write and read them.

use std::sync::Arc;

use headrace_core::single::{decode, encode, Form};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::{read, PyBuffer};
use crate::column::PyColumn;
use crate::declined;
use crate::layout::PyLayout;

fn form(name: &str) -> PyResult<Form> {
    Ok(match name {
        "text" => Form::Text,
        "bytes" => Form::Bytes,
        "int2" => Form::Int(2),
        "int4" => Form::Int(4),
        "int8" => Form::Int(8),
        "single" => Form::Single,
        "double" => Form::Double,
        "bool" => Form::Bool,
        _ => return Err(PyValueError::new_err("an unknown form")),
    })
}

/// The data of all rows, and their lengths as little-endian int32, -1 for a null row. DeclinedError for values the form is not for.
#[pyfunction]
fn encode_single<'py>(
    py: Python<'py>,
    name: &str,
    layout: &PyLayout,
    column: &PyColumn,
) -> PyResult<(PyBuffer, Bound<'py, PyBytes>)> {
    let form = form(name)?;
    let made = py.detach(|| encode(form, &layout.core.kind, &column.0)).map_err(declined)?;
    let lengths: Vec<u8> = made.lengths.into_iter().flat_map(i32::to_le_bytes).collect();
    let size = made.bytes.len();
    Ok((PyBuffer::new(made.bytes, size), PyBytes::new(py, &lengths)))
}

/// The data as a column. DeclinedError for data that are not of the form, and for nulls.
#[pyfunction]
fn decode_single(py: Python<'_>, name: &str, buffer: &Bound<'_, PyAny>, lengths: &[u8]) -> PyResult<PyColumn> {
    let form = form(name)?;
    let column = read(buffer, |bytes| py.detach(|| decode(form, bytes, lengths)))?.map_err(declined)?;
    Ok(PyColumn(Arc::new(column)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(encode_single, m)?)?;
    m.add_function(wrap_pyfunction!(decode_single, m)?)
}
