//! Mask: which rows of a batch.

use headrace_core::ops;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::declined;

/// One truth value per row; immutable.
#[pyclass(frozen, module = "headrace.native._core", name = "Mask")]
pub struct PyMask(pub Vec<bool>);

#[pymethods]
impl PyMask {
    #[new]
    fn new(rows: Vec<bool>) -> Self {
        PyMask(rows)
    }

    /// The same for all rows.
    #[staticmethod]
    fn constant(rows: usize, value: bool) -> Self {
        PyMask(vec![value; rows])
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __getitem__(&self, row: usize) -> PyResult<bool> {
        self.0.get(row).copied().ok_or_else(|| pyo3::exceptions::PyIndexError::new_err("no such row"))
    }

    fn __and__(&self, other: &PyMask) -> PyResult<Self> {
        self.with(other, |a, b| a & b)
    }

    fn __or__(&self, other: &PyMask) -> PyResult<Self> {
        self.with(other, |a, b| a | b)
    }

    fn __invert__(&self) -> Self {
        PyMask(self.0.iter().map(|one| !one).collect())
    }

    /// How many are true.
    fn count(&self) -> usize {
        self.0.iter().filter(|&&one| one).count()
    }

    fn all(&self) -> bool {
        self.0.iter().all(|&one| one)
    }

    fn any(&self) -> bool {
        self.0.iter().any(|&one| one)
    }

    /// One byte per row, 0 or 1: selectors for itertools.compress.
    fn selectors<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.iter().map(|&one| u8::from(one)).collect::<Vec<u8>>())
    }

    /// The rows that are true, in order.
    fn positions(&self) -> PyResult<Vec<u32>> {
        ops::positions(&self.0).map_err(declined)
    }
}

impl PyMask {
    fn with(&self, other: &PyMask, how: impl Fn(bool, bool) -> bool) -> PyResult<PyMask> {
        if self.0.len() != other.0.len() {
            return Err(PyValueError::new_err("masks of different lengths"));
        }
        Ok(PyMask(self.0.iter().zip(&other.0).map(|(&a, &b)| how(a, b)).collect()))
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyMask>()
}
