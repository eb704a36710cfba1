//! COPY … TO STDOUT, the snapshot's rows.

use std::sync::Arc;

use headrace_core::pg::binary::Wire;
use headrace_core::pg::copy_rows::{copy_plan, CopyRows, Found, Limits};
use headrace_core::pg::copy_stream::{CopyStream, Format, Next};
use headrace_core::pg::row::RowPlan;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::column::PyColumn;
use crate::pg_plan::{op, PyRowPlan};
use crate::{declined, DeclinedError};

/// Reads what the server sends during one COPY: rows become columns, or lines where a value is not taken. One thread uses it.
#[pyclass(module = "headrace.native._core", name = "CopyReader")]
pub struct PyCopyReader {
    stream: CopyStream,
    rows: CopyRows,
    sources: Vec<usize>,
}

#[pymethods]
impl PyCopyReader {
    /// `plan`: of the table's rows, None leaves them all to the twin. `sources`: which of the table's columns each field of the COPY is.
    /// `wires`: the binary form of each field, see `binary_text`; None for the text format. DeclinedError where these do not go together.
    #[new]
    #[pyo3(signature = (plan, sources, wires=None))]
    fn new(plan: Option<&PyRowPlan>, sources: Vec<usize>, wires: Option<Vec<String>>) -> PyResult<Self> {
        let stream = CopyStream::new(if wires.is_some() { Format::Binary } else { Format::Text });
        let wires: Vec<Wire> = wires.iter().flatten().map(|name| wire(name)).collect::<PyResult<_>>()?;
        let rows = CopyRows::new(copied(plan, &sources)?, wires).map_err(declined)?;
        Ok(PyCopyReader { stream, rows, sources })
    }

    /// Go on by the plan of another codec of the same table.
    fn go_on(&mut self, plan: Option<&PyRowPlan>) -> PyResult<()> {
        self.rows.go_on(copied(plan, &self.sources)?).map_err(declined)
    }

    /// Add what was received.
    fn feed(&mut self, py: Python<'_>, received: &[u8]) {
        let stream = &mut self.stream;
        py.detach(|| stream.feed(received));
    }

    /// The next rows: (how many, their columns, None, bytes they came in), or (how many, None, lines of the text format, bytes). None
    /// where no row is left in front of the next message. `max_rows`, `max_bytes`: once one is reached no row is added; until then rows
    /// are kept, unless `all` that are there are wanted. DeclinedError for bytes that are no COPY data.
    #[pyo3(signature = (max_rows, max_bytes, all))]
    fn decode<'py>(
        &mut self,
        py: Python<'py>,
        max_rows: usize,
        max_bytes: usize,
        all: bool,
    ) -> PyResult<Option<Piece<'py>>> {
        let (rows, stream) = (&mut self.rows, &mut self.stream);
        let limits = Limits { rows: max_rows, bytes: max_bytes };
        Ok(match py.detach(|| rows.decode(stream, limits, all)).map_err(declined)? {
            Found::Nothing => None,
            Found::Rows { rows, columns, bytes } => {
                Some((rows, Some(columns.into_iter().map(PyColumn).collect()), None, bytes))
            }
            Found::Lines { lines, bytes } => {
                let made = PyList::new(py, lines.iter().map(|line| PyBytes::new(py, line)))?;
                Some((lines.len(), None, Some(made), bytes))
            }
        })
    }

    /// The next message that is no row: (type, body); None where there is none before the next row, or not the whole of it.
    fn message<'py>(&mut self, py: Python<'py>) -> PyResult<Option<(u8, Bound<'py, PyBytes>)>> {
        let (found, behind) = match self.stream.peek().map_err(declined)? {
            (Next::Message(kind, body), behind) => ((kind, PyBytes::new(py, body)), behind),
            _ => return Ok(None),
        };
        self.stream.advance(behind);
        Ok(Some(found))
    }

    /// Rows that are decoded and not given out yet.
    #[getter]
    fn kept(&self) -> usize {
        self.rows.kept()
    }
}

type Piece<'py> = (usize, Option<Vec<PyColumn>>, Option<Bound<'py, PyList>>, usize);

fn copied(plan: Option<&PyRowPlan>, sources: &[usize]) -> PyResult<Option<Arc<RowPlan>>> {
    plan.map(|plan| copy_plan(&plan.0, sources).map(Arc::new).map_err(declined)).transpose()
}

pub fn wire(name: &str) -> PyResult<Wire> {
    Wire::parse(name).ok_or_else(|| PyValueError::new_err(format!("no binary form is called {name:?}")))
}

/// The text that the server would show of a value in binary form `wire`: a type's name, `array:` or `range:` before that of the element.
#[pyfunction]
fn pg_binary_text<'py>(py: Python<'py>, wire_name: &str, value: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let mut text = Vec::new();
    wire(wire_name)?.write_text(value, &mut text).map_err(declined)?;
    Ok(PyBytes::new(py, &text))
}

/// The column of values in binary form (None for NULL) as the op of a spec reads them. DeclinedError for one that it does not take.
#[pyfunction]
fn pg_binaries(spec: &Bound<'_, PyAny>, wire_name: &str, values: &Bound<'_, PyList>) -> PyResult<PyColumn> {
    let (op, wire) = (op(spec)?, wire(wire_name)?);
    let (mut out, mut scratch) = (op.out(), Vec::new());
    for value in values.iter() {
        if value.is_none() {
            out.null().map_err(declined)?;
        } else {
            let bytes = value.cast::<PyBytes>().map_err(|_| DeclinedError::new_err("no bytes"))?.as_bytes();
            op.decode_binary(&wire, bytes, &mut out, &mut scratch).map_err(declined)?;
        }
    }
    Ok(PyColumn(Arc::new(out.finish())))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyCopyReader>()?;
    m.add_function(wrap_pyfunction!(pg_binary_text, m)?)?;
    m.add_function(wrap_pyfunction!(pg_binaries, m)?)
}
