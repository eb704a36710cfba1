//! A replication connection's bytes, split into what goes on and what is of transactions that are not committed yet.

use headrace_core::pg::blocks::{Blocks, Kind, Piece};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// See `headrace_core::pg::blocks`.
#[pyclass(module = "headrace.native._core", name = "StreamBlocks")]
#[derive(Default)]
struct PyBlocks(Blocks);

#[pymethods]
impl PyBlocks {
    #[new]
    fn new() -> Self {
        PyBlocks::default()
    }

    /// The pieces of the next bytes: of each its kind ("plain", "block", "end", "foreign", "malformed"), transaction and bytes.
    fn split<'py>(&mut self, py: Python<'py>, chunk: &[u8]) -> Vec<(&'static str, u32, Bound<'py, PyBytes>)> {
        let blocks = &mut self.0;
        // A chunk of a few messages is not worth giving the lock away for.
        let pieces = if chunk.len() > 4096 { py.detach(|| blocks.split(chunk)) } else { blocks.split(chunk) };
        pieces.into_iter().map(|Piece { kind, xid, bytes }| (word(kind), xid, PyBytes::new(py, &bytes))).collect()
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Plain => "plain",
        Kind::Block => "block",
        Kind::End => "end",
        Kind::Foreign => "foreign",
        Kind::Malformed => "malformed",
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyBlocks>()
}
