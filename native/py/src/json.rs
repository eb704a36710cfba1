//! JSON as Kafka Connect's JsonConverter writes and reads it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use headrace_core::json::{decode, encode, Data, Encoded, Index, Options, Plan, Shape};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::{read, room, PyBuffer};
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

    /// The texts one behind the other, their lengths as little-endian int32, -1 for a null row, and their seams as little-endian u16.
    /// DeclinedError for rows of which the twin has to say what they are.
    #[allow(clippy::type_complexity)]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        column: &PyColumn,
    ) -> PyResult<(PyBuffer, Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        let column = &column.0;
        let usual = self.usual.load(Ordering::Relaxed);
        let wanted = (usual + usual / 8 + 1).saturating_mul(column.rows).saturating_add(MARGIN).min(LARGEST_GUESS);
        let work = || encode(&self.plan, column, room(wanted));
        let made = if column.rows < FEW_ROWS { work() } else { py.detach(work) };
        let Encoded { bytes, size, lengths, seams } = made.map_err(declined)?;
        self.usual.store(size / column.rows.max(1), Ordering::Relaxed);
        let lengths: Vec<u8> = lengths.into_iter().flat_map(i32::to_le_bytes).collect();
        let seams: Vec<u8> = seams.into_iter().flat_map(u16::to_le_bytes).collect();
        Ok((PyBuffer::new(bytes, size), PyBytes::new(py, &lengths), PyBytes::new(py, &seams)))
    }
}

/// Reads the values of one layout. `replace`: nulls are read as their schema's default. DeclinedError for a layout that is not done natively.
#[pyclass(frozen, module = "headrace.native._core")]
pub struct JsonDecoder {
    shape: Shape,
}

#[pymethods]
impl JsonDecoder {
    #[new]
    #[pyo3(signature = (layout, *, replace=true))]
    fn new(layout: &PyLayout, replace: bool) -> PyResult<Self> {
        Ok(JsonDecoder { shape: Shape::new(&layout.core, replace).map_err(declined)? })
    }

    /// The first data of `buffer`, as many as begin with `prefix` and have the number `wanted` in `index`, as a column; `lengths`, `index` as in
    /// a packed column, `tail`: bytes behind each payload. DeclinedError for data of which the twin has to say what they are.
    #[pyo3(signature = (buffer, lengths, *, prefix, tail, index=None, wanted=0))]
    #[allow(clippy::too_many_arguments)]
    fn decode(
        &self,
        py: Python<'_>,
        buffer: &Bound<'_, PyAny>,
        lengths: &[u8],
        prefix: &[u8],
        tail: &[u8],
        index: Option<&[u8]>,
        wanted: u64,
    ) -> PyResult<PyColumn> {
        let rows = lengths.len() / 4;
        let index = index.map(|bytes| Index { bytes, width: bytes.len() / rows.max(1), wanted });
        let work = |bytes: &[u8]| decode(&self.shape, &Data { bytes, lengths, prefix, tail, index });
        let run = |bytes: &[u8]| if rows < FEW_ROWS { work(bytes) } else { py.detach(|| work(bytes)) };
        let column = read(buffer, run)?;
        Ok(PyColumn(Arc::new(column.map_err(declined)?)))
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<JsonEncoder>()?;
    m.add_class::<JsonDecoder>()
}
