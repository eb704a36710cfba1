//! Buffer: bytes made here that Python reads in place.

use std::ffi::c_int;
use std::sync::Mutex;

use pyo3::buffer::PyBuffer as View;
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Immutable bytes with the buffer protocol: `memoryview(buffer)`.
#[pyclass(frozen, module = "headrace.native._core", name = "Buffer")]
pub struct PyBuffer {
    bytes: Vec<u8>,
    /// How many of the bytes are meant.
    size: usize,
    /// Whether the memory is kept for the next batch.
    again: bool,
}

/// Old buffers, for the next batch: fresh memory costs a page fault for every four KiB, which is as much as filling it.
static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
const SPARES: usize = 8;
const MOST_SPARE: usize = 20 << 20;
const LARGEST_SPARE: usize = 8 << 20;
const SMALLEST_SPARE: usize = 64 << 10;
/// One that is so many times as large as is wanted is kept for those who need it.
const TOO_LARGE: usize = 4;
/// Sizes differ by about this part of them.
const STEPS: usize = 16;

/// Initialised bytes to be written over, `wanted` of them or some more.
pub fn room(wanted: usize) -> Vec<u8> {
    // Rows grow slowly: what was asked for before shall still be large enough.
    let wanted = wanted.checked_next_multiple_of((wanted / STEPS).max(1).next_power_of_two()).unwrap_or(wanted);
    if wanted >= SMALLEST_SPARE {
        if let Ok(mut spare) = SPARE.lock() {
            let most = wanted.saturating_mul(TOO_LARGE);
            let fitting = spare.iter().enumerate().filter(|(_, one)| (wanted..=most).contains(&one.len()));
            if let Some(at) = fitting.min_by_key(|(_, one)| one.len()).map(|(at, _)| at) {
                return spare.swap_remove(at);
            }
        }
    }
    vec![0; wanted]
}

impl Drop for PyBuffer {
    fn drop(&mut self) {
        if !self.again || !(SMALLEST_SPARE..=LARGEST_SPARE).contains(&self.bytes.len()) {
            return;
        }
        if let Ok(mut spare) = SPARE.lock() {
            spare.push(std::mem::take(&mut self.bytes));
            while spare.len() > SPARES || spare.iter().map(Vec::len).sum::<usize>() > MOST_SPARE {
                spare.remove(0);
            }
        }
    }
}

impl PyBuffer {
    /// The first `size` of `bytes`.
    pub fn new(bytes: Vec<u8>, size: usize) -> Self {
        let size = size.min(bytes.len());
        PyBuffer { bytes, size, again: true }
    }

    /// All of `bytes`, whose memory is not asked for by `room`.
    pub fn whole(bytes: Vec<u8>) -> Self {
        PyBuffer { size: bytes.len(), bytes, again: false }
    }
}

#[pymethods]
impl PyBuffer {
    fn __len__(&self) -> usize {
        self.size
    }

    /// # Safety
    /// Called by Python with a view to be filled; it keeps this object alive as long as the view is, and the bytes neither move nor change.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let this = slf.get();
        let size = ffi::Py_ssize_t::try_from(this.size).map_err(|_| PyBufferError::new_err("too large"))?;
        // SAFETY: the pointer and the size are those of the vector; it is filled as read-only, so nobody writes through the pointer.
        let filled = unsafe {
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), this.bytes.as_ptr().cast_mut().cast(), size, 1, flags)
        };
        if filled == 0 {
            Ok(())
        } else {
            Err(PyErr::fetch(slf.py()))
        }
    }
}

/// What `work` makes of the bytes of an object with the buffer protocol. They are read in place, except those that may be written to.
pub fn read<T>(buffer: &Bound<'_, PyAny>, work: impl FnOnce(&[u8]) -> T) -> PyResult<T> {
    if let Ok(bytes) = buffer.cast::<PyBytes>() {
        return Ok(work(bytes.as_bytes()));
    }
    let view = View::<u8>::get(buffer)?;
    match Bytes::of(&view) {
        Some(bytes) => Ok(work(bytes.get())),
        None => Ok(work(&view.to_vec(buffer.py())?)),
    }
}

/// The bytes of a view that nobody may write through.
struct Bytes<'a>(&'a View<u8>);

impl<'a> Bytes<'a> {
    /// None for a view that is writable or has gaps.
    fn of(view: &'a View<u8>) -> Option<Bytes<'a>> {
        (view.readonly() && view.is_c_contiguous() && view.item_count() > 0).then_some(Bytes(view))
    }

    fn get(&self) -> &'a [u8] {
        // SAFETY: the view is of bytes, without gaps, and holds its memory for as long as the result may be used. It is read-only, and what
        // the data of a packed column are made of (bytes, mapped segments, `Buffer`) is not changed by anybody else either.
        unsafe { std::slice::from_raw_parts(self.0.buf_ptr().cast::<u8>(), self.0.len_bytes()) }
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyBuffer>()
}
