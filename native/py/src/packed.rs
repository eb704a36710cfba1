//! Packed columns of encoded data: partitioning, checksums, batches of the log.

use pyo3::prelude::*;

pub fn register(_m: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
