//! Objects: many objects of one class, filled from columns, lists and shared values: the records of a block.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple, PyType};

use crate::column::PyColumn;
use crate::layout::PyLayout;
use crate::slots::SlotClass;
use crate::to_python::Maker;

/// Makes objects of a class with `__slots__` without a call of its Python code.
#[pyclass(frozen, module = "headrace.native._core", name = "Objects")]
pub struct PyObjects {
    class: SlotClass,
    slots: usize,
}

/// Where the values of one slot come from.
enum Source<'a, 'py> {
    Same(Py<PyAny>),
    Each(Bound<'py, PyList>),
    Values(Maker<'a>),
    /// The object where the column has a value, None where it has none.
    Where(&'a PyColumn, Py<PyAny>),
}

type Kept<'py> = (Option<PyRef<'py, PyLayout>>, Option<PyRef<'py, PyColumn>>);

#[pymethods]
impl PyObjects {
    /// TypeError unless every name is a slot of the class or of a base.
    #[new]
    fn new(class: &Bound<'_, PyType>, slots: Vec<String>) -> PyResult<Self> {
        Ok(PyObjects { class: SlotClass::of(class, &slots)?, slots: slots.len() })
    }

    /// `rows` objects. `sources`, one for each slot: ("same", value), ("each", list), ("values", layout, column), ("where", column, value):
    /// the value where the column has one, else None.
    fn make<'py>(
        &self,
        py: Python<'py>,
        rows: usize,
        sources: Vec<Bound<'py, PyTuple>>,
    ) -> PyResult<Bound<'py, PyList>> {
        if sources.len() != self.slots {
            return Err(PyValueError::new_err("one source for each slot"));
        }
        // Held while makers borrow from them.
        let mut kept: Vec<Kept<'py>> = Vec::new();
        for source in &sources {
            let kind: String = source.get_item(0)?.extract()?;
            kept.push(match kind.as_str() {
                "values" => (Some(source.get_item(1)?.extract()?), Some(source.get_item(2)?.extract()?)),
                "where" => (None, Some(source.get_item(1)?.extract()?)),
                _ => (None, None),
            });
        }
        let mut made = Vec::with_capacity(sources.len());
        for (source, (layout, column)) in sources.iter().zip(&kept) {
            made.push(match (layout, column) {
                (Some(layout), Some(column)) if column.0.rows == rows => {
                    Source::Values(Maker::new(py, layout, &column.0)?)
                }
                (None, Some(column)) if column.0.rows == rows => Source::Where(column, source.get_item(2)?.unbind()),
                (None, None) => {
                    let value = source.get_item(1)?;
                    if source.get_item(0)?.extract::<String>()? == "same" {
                        Source::Same(value.unbind())
                    } else {
                        let list = value.cast_into::<PyList>()?;
                        if list.len() != rows {
                            return Err(PyValueError::new_err("one value for each row"));
                        }
                        Source::Each(list)
                    }
                }
                _ => return Err(PyTypeError::new_err("a column of as many rows")),
            });
        }
        let mut objects = Vec::with_capacity(rows);
        let none = py.None();
        for row in 0..rows {
            let object = self.class.make(py)?;
            for (slot, source) in made.iter().enumerate() {
                match source {
                    Source::Same(value) => self.class.set(&object, slot, value)?,
                    Source::Each(list) => self.class.set(&object, slot, list.get_item(row)?.as_unbound())?,
                    Source::Values(maker) => self.class.set(&object, slot, &maker.make(py, row)?)?,
                    Source::Where(column, value) => {
                        self.class.set(&object, slot, if column.0.is_valid(row) { value } else { &none })?;
                    }
                }
            }
            objects.push(object);
        }
        PyList::new(py, objects)
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyObjects>()
}
