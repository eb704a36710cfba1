//! Packed columns of encoded data: sizes, checksums, objects, rows, partitions.

use headrace_core::lz4::{self, Seams};
use headrace_core::packed::{self, Packed, Prefix};
use pyo3::buffer::PyBuffer as View;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::buffer::{room, PyBuffer};
use crate::declined;

/// Bytes of a Python object that are read without the GIL.
struct Borrowed(View<u8>);

impl<'py> FromPyObject<'py> for Borrowed {
    fn extract_bound(object: &Bound<'py, PyAny>) -> PyResult<Self> {
        let view = View::<u8>::get(object)?;
        if !view.readonly() || !view.is_c_contiguous() {
            return Err(PyTypeError::new_err("bytes that do not change are wanted, in one piece"));
        }
        Ok(Borrowed(view))
    }
}

impl Borrowed {
    fn bytes(&self) -> &[u8] {
        let size = self.0.len_bytes();
        if size == 0 {
            return &[];
        }
        // SAFETY: the view is contiguous, of that many bytes, and keeps its exporter from moving or freeing them while it lives. It is
        // read-only, and by the contract of packed columns nobody changes them through another door.
        unsafe { std::slice::from_raw_parts(self.0.buf_ptr().cast(), size) }
    }
}

/// `prefix_index` of the twin: None, an int, or bytes.
#[derive(FromPyObject)]
enum PrefixIndex {
    Same(usize),
    Each(Borrowed),
}

fn column<'a>(buffer: &'a Borrowed, lengths: &'a Borrowed, prefix: &'a Option<PrefixIndex>) -> Packed<'a> {
    Packed {
        buffer: buffer.bytes(),
        lengths: lengths.bytes(),
        prefix: match prefix {
            None => Prefix::None,
            Some(PrefixIndex::Same(index)) => Prefix::Same(*index),
            Some(PrefixIndex::Each(indexes)) => Prefix::Each(indexes.bytes()),
        },
    }
}

/// zlib's crc32 of several buffers one behind the other, going on from `start`.
#[pyfunction]
fn crc32(py: Python<'_>, parts: Vec<Borrowed>, start: u32) -> u32 {
    let parts: Vec<&[u8]> = parts.iter().map(Borrowed::bytes).collect();
    py.detach(|| packed::crc32(start, &parts))
}

/// How many bytes the data of these lengths have.
#[pyfunction]
fn packed_size(lengths: Borrowed) -> PyResult<usize> {
    packed::total(lengths.bytes()).map_err(declined)
}

/// The data as a list of bytes and None, without prefixes.
#[pyfunction]
fn packed_data<'py>(py: Python<'py>, buffer: Borrowed, lengths: Borrowed) -> PyResult<Bound<'py, PyList>> {
    let column = column(&buffer, &lengths, &None);
    let data = py.detach(|| column.each()).map_err(declined)?;
    PyList::new(py, data.into_iter().map(|datum| datum.map(|bytes| PyBytes::new(py, bytes))))
}

/// The rows at these positions (little-endian u32 each): buffer, lengths, and prefix indexes where each row has its own.
#[pyfunction]
#[allow(clippy::type_complexity)]
fn packed_take<'py>(
    py: Python<'py>,
    buffer: Borrowed,
    lengths: Borrowed,
    prefix: Option<PrefixIndex>,
    rows: Borrowed,
) -> PyResult<(PyBuffer, Bound<'py, PyBytes>, Option<Bound<'py, PyBytes>>)> {
    let column = column(&buffer, &lengths, &prefix);
    let rows = rows.bytes();
    let taken = py.detach(|| column.take(rows)).map_err(declined)?;
    let size = taken.buffer.len();
    let prefix = taken.prefix.map(|indexes| PyBytes::new(py, &indexes));
    Ok((PyBuffer::new(taken.buffer, size), PyBytes::new(py, &taken.lengths), prefix))
}

/// Positions (little-endian u32 each) of the rows of each partition, by Kafka's murmur2 of the key; rows without key go to `unkeyed`.
#[pyfunction]
fn packed_partitions<'py>(
    py: Python<'py>,
    buffer: Borrowed,
    lengths: Borrowed,
    prefixes: Vec<Borrowed>,
    prefix: Option<PrefixIndex>,
    partitions: u32,
    unkeyed: u32,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let column = column(&buffer, &lengths, &prefix);
    let prefixes: Vec<&[u8]> = prefixes.iter().map(Borrowed::bytes).collect();
    let found = py.detach(|| column.partitions(&prefixes, partitions, unkeyed)).map_err(declined)?;
    Ok(found.iter().map(|rows| PyBytes::new(py, rows)).collect())
}

/// The buffers, one behind the other, as blocks of LZ4; None unless that takes less than `limit` bytes. `seams`: number of a buffer that is
/// rows, their lengths and their seams.
#[pyfunction]
#[pyo3(signature = (parts, limit, seams=None))]
fn lz4_compress(
    py: Python<'_>,
    parts: Vec<Borrowed>,
    limit: usize,
    seams: Option<(usize, Borrowed, Borrowed)>,
) -> Option<PyBuffer> {
    let parts: Vec<&[u8]> = parts.iter().map(Borrowed::bytes).collect();
    let seams =
        seams.as_ref().map(|(part, lengths, gaps)| (*part, Seams { lengths: lengths.bytes(), gaps: gaps.bytes() }));
    py.detach(|| lz4::compress(&parts, limit, seams)).map(PyBuffer::whole)
}

/// The `size` bytes that were compressed.
#[pyfunction]
fn lz4_decompress(py: Python<'_>, blocks: Borrowed, size: usize) -> PyResult<PyBuffer> {
    let bytes = blocks.bytes();
    py.detach(|| {
        let mut to = room(size);
        let filled = to.get_mut(..size).unwrap_or(&mut []);
        lz4::decompress(bytes, filled).map(|()| PyBuffer::new(to, size))
    })
    .map_err(declined)
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(crc32, m)?)?;
    m.add_function(wrap_pyfunction!(lz4_compress, m)?)?;
    m.add_function(wrap_pyfunction!(lz4_decompress, m)?)?;
    m.add_function(wrap_pyfunction!(packed_size, m)?)?;
    m.add_function(wrap_pyfunction!(packed_data, m)?)?;
    m.add_function(wrap_pyfunction!(packed_take, m)?)?;
    m.add_function(wrap_pyfunction!(packed_partitions, m)?)
}
