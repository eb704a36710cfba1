//! The thin layer between headrace-core and Python: arguments in, columns and bytes out, the GIL released for the work.
//!
//! Every `Declined` becomes `headrace.native._core.DeclinedError`: the caller lets the Python twin do it.

mod arrow;
mod blocks;
mod buffer;
mod column;
mod copy_in;
mod copy_out;
mod from_python;
mod json;
mod layout;
mod mask;
mod objects;
mod packed;
mod pg_plan;
mod pgoutput;
mod resp;
mod single;
mod slots;
mod to_python;
mod types;

use pyo3::prelude::*;

pyo3::create_exception!(_core, DeclinedError, pyo3::exceptions::PyException, "Not done natively: the twin does it.");

/// A decline as Python sees it.
pub fn declined(error: headrace_core::error::Declined) -> PyErr {
    DeclinedError::new_err(error.to_string())
}

#[pymodule]
fn _core(py: Python<'_>, m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("DeclinedError", py.get_type::<DeclinedError>())?;
    m.add("VERSION", env!("CARGO_PKG_VERSION"))?;
    types::register(m)?;
    layout::register(m)?;
    mask::register(m)?;
    column::register(m)?;
    objects::register(m)?;
    buffer::register(m)?;
    json::register(m)?;
    packed::register(m)?;
    arrow::register(m)?;
    pg_plan::register(m)?;
    pgoutput::register(m)?;
    blocks::register(m)?;
    copy_in::register(m)?;
    copy_out::register(m)?;
    resp::register(m)?;
    single::register(m)?;
    Ok(())
}
