//! The Python classes values are made of. `headrace.data` hands them over once, so that this module need not know where they live.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

use crate::slots::SlotClass;

/// `unchanged_text(text)`, `unchanged_bytes(bytes)` and so on; the others convert numbers and bytes to logical
/// values and back.
pub struct Types {
    /// Struct with the slots `schema` and `values`.
    pub structure: SlotClass,
    pub decimal: Py<PyAny>,
    pub date_of_ordinal: Py<PyAny>,
    pub unchanged_text: Py<PyAny>,
    pub unchanged_bytes: Py<PyAny>,
    pub unchanged_list: Py<PyAny>,
    pub unchanged_map: Py<PyAny>,
    pub to_decimal: Py<PyAny>,
    pub to_date: Py<PyAny>,
    pub to_time: Py<PyAny>,
    pub to_timestamp: Py<PyAny>,
    pub from_decimal: Py<PyAny>,
    pub from_date: Py<PyAny>,
    pub from_time: Py<PyAny>,
    pub from_timestamp: Py<PyAny>,
}

static TYPES: PyOnceLock<Types> = PyOnceLock::new();

/// What was handed over; an error before that.
pub fn types(py: Python<'_>) -> PyResult<&'static Types> {
    TYPES.get(py).ok_or_else(|| pyo3::exceptions::PyRuntimeError::new_err("headrace.data.columns is not imported"))
}

/// Hand the classes over; the first call counts.
#[pyfunction]
#[pyo3(signature = (**given))]
fn use_types(py: Python<'_>, given: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
    let given = given.ok_or_else(|| pyo3::exceptions::PyTypeError::new_err("no types"))?;
    let get = |name: &str| -> PyResult<Py<PyAny>> {
        Ok(given.get_item(name)?.ok_or_else(|| pyo3::exceptions::PyKeyError::new_err(name.to_owned()))?.unbind())
    };
    let made = Types {
        structure: SlotClass::of(
            get("structure")?.bind(py).cast::<PyType>()?,
            &["schema".to_owned(), "values".to_owned()],
        )?,
        decimal: get("decimal")?,
        date_of_ordinal: get("date_of_ordinal")?,
        unchanged_text: get("unchanged_text")?,
        unchanged_bytes: get("unchanged_bytes")?,
        unchanged_list: get("unchanged_list")?,
        unchanged_map: get("unchanged_map")?,
        to_decimal: get("to_decimal")?,
        to_date: get("to_date")?,
        to_time: get("to_time")?,
        to_timestamp: get("to_timestamp")?,
        from_decimal: get("from_decimal")?,
        from_date: get("from_date")?,
        from_time: get("from_time")?,
        from_timestamp: get("from_timestamp")?,
    };
    TYPES.get_or_init(py, || made);
    Ok(())
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(use_types, m)?)
}
