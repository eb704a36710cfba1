//! JSON as Kafka Connect's JsonConverter writes and reads it.

use std::sync::atomic::{AtomicUsize, Ordering};

use headrace_core::json::{encode, Encoded, Options, Plan};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::{room, PyBuffer};
use crate::column::PyColumn;
use crate::declined;
use crate::layout::PyLayout;

/// Rows below which the work is too short for letting the GIL go.
const FEW_ROWS: usize = 64;
/// Bytes of room beyond what the rows are expected to need; the most that is asked for before any row is written.
const MARGIN: usize = 256;
const LARGEST_GUESS: usize = 64 << 20;

/// Writes the values of one layout. `numeric`: decimals as numbers; `replace`: nulls as their schema's default; `tail`: bytes behind each
/// value. DeclinedError for a layout that is not done natively.
#[pyclass(frozen, module = "headrace.native._core")]
pub struct JsonEncoder {
    plan: Plan,
    /// Bytes per row of the batch before.
    usual: AtomicUsize,
}

#[pymethods]
impl JsonEncoder {
    #[new]
    #[pyo3(signature = (layout, *, numeric=false, replace=true, tail=Vec::new()))]
    fn new(layout: &PyLayout, numeric: bool, replace: bool, tail: Vec<u8>) -> PyResult<Self> {
        let plan = Plan::new(&layout.core, Options { numeric, replace, tail }).map_err(declined)?;
        Ok(JsonEncoder { plan, usual: AtomicUsize::new(0) })
    }

    /// The texts one behind the other, and their lengths as little-endian int32, -1 for a null row. DeclinedError for rows of which the twin
    /// has to say what they are.
    fn encode<'py>(&self, py: Python<'py>, column: &PyColumn) -> PyResult<(PyBuffer, Bound<'py, PyBytes>)> {
        let column = &column.0;
        let usual = self.usual.load(Ordering::Relaxed);
        let wanted = (usual + usual / 8 + 1).saturating_mul(column.rows).saturating_add(MARGIN).min(LARGEST_GUESS);
        let work = || encode(&self.plan, column, room(wanted));
        let made = if column.rows < FEW_ROWS { work() } else { py.detach(work) };
        let Encoded { bytes, size, lengths } = made.map_err(declined)?;
        self.usual.store(size / column.rows.max(1), Ordering::Relaxed);
        let lengths: Vec<u8> = lengths.into_iter().flat_map(i32::to_le_bytes).collect();
        Ok((PyBuffer::new(bytes, size), PyBytes::new(py, &lengths)))
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<JsonEncoder>()
}
