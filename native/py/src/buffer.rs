//! Buffer: bytes made here that Python reads in place.

use std::ffi::c_int;

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;

/// Immutable bytes with the buffer protocol: `memoryview(buffer)`.
#[pyclass(frozen, module = "headrace.native._core", name = "Buffer")]
pub struct PyBuffer {
    bytes: Vec<u8>,
    /// How many of the bytes are meant.
    size: usize,
}

impl PyBuffer {
    /// The first `size` of `bytes`.
    pub fn new(bytes: Vec<u8>, size: usize) -> Self {
        let size = size.min(bytes.len());
        PyBuffer { bytes, size }
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

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyBuffer>()
}
