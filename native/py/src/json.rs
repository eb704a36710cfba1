//! JSON as Kafka Connect's JsonConverter writes and reads it.

use pyo3::prelude::*;

pub fn register(_m: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
