//! Redis: the commands of a sink's rows, and the answers to them.

use std::sync::{Arc, Mutex};

use headrace_core::layout::{Kind, Layout};
use headrace_core::resp::form::Form;
use headrace_core::resp::placeholder::Placeholder;
use headrace_core::resp::plan::{field_of, Defaults, Envelope, KeyPiece, Plan, Target};
use headrace_core::resp::replies::Scanner;
use headrace_core::resp::rows::{Commands, Part, Sequence, Span};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::column::PyColumn;
use crate::layout::PyLayout;
use crate::{declined, DeclinedError};

/// How the rows of one pair of schemas become commands.
#[pyclass(frozen, module = "headrace.native._core", name = "RespPlan")]
pub struct PyPlan(Arc<Plan>);

/// A literal, or the number of a field of the key (-1: the key itself) and whether it must be there.
type GivenPiece = (Option<Vec<u8>>, isize, bool);

#[pymethods]
impl PyPlan {
    /// `write`: the type, in lower case. `defaults`: per field of the row what a null is written as; `old_defaults`: of the old row.
    /// `placeholder`: the text and its UUID. DeclinedError for schemas that are not done natively.
    #[new]
    #[pyo3(signature = (*, key_layout, key, member, collection, layout, envelope, write, defaults, old_defaults, placeholder, ttl))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        key_layout: Option<&PyLayout>,
        key: Vec<GivenPiece>,
        member: Vec<GivenPiece>,
        collection: bool,
        layout: Option<&PyLayout>,
        envelope: Option<(usize, Option<usize>, usize)>,
        write: &str,
        defaults: Defaults,
        old_defaults: Defaults,
        placeholder: (Vec<u8>, Vec<u8>),
        ttl: u64,
    ) -> PyResult<Self> {
        let of_key = key_layout.map(|one| one.core.as_ref());
        let pieces = |given: Vec<GivenPiece>| given.into_iter().map(|one| piece(of_key, one)).collect::<PyResult<_>>();
        let (key, member) = (pieces(key)?, pieces(member)?);
        let envelope = envelope.map(|(op, before, after)| Envelope { op, before, after });
        let value = layout.map(|one| target(&one.core, envelope, write, defaults, old_defaults)).transpose()?;
        let (text, uuid) = placeholder;
        let placeholder = Placeholder { text, uuid };
        Ok(PyPlan(Arc::new(Plan { key, member, collection, envelope, value, placeholder, ttl })))
    }
}

fn piece(layout: Option<&Layout>, (literal, at, required): GivenPiece) -> PyResult<KeyPiece> {
    if let Some(text) = literal {
        return Ok(KeyPiece::Literal(text));
    }
    let layout = layout.ok_or_else(|| DeclinedError::new_err("records without a key"))?;
    match usize::try_from(at) {
        Err(_) => Ok(KeyPiece::Whole(Form::of(layout).map_err(declined)?)),
        Ok(at) => {
            let form = field_of(layout, at).and_then(|field| Form::of(field)).map_err(declined)?;
            Ok(KeyPiece::Field { at, form, required })
        }
    }
}

fn target(
    layout: &Arc<Layout>,
    envelope: Option<Envelope>,
    write: &str,
    defaults: Defaults,
    old_defaults: Defaults,
) -> PyResult<Target> {
    let mut before = None;
    let row = match envelope {
        None => layout,
        Some(envelope) => {
            if field_of(layout, envelope.op).map_err(declined)?.kind != Kind::Str {
                return Err(DeclinedError::new_err("an operation that is no text"));
            }
            before = envelope.before.map(|at| field_of(layout, at)).transpose().map_err(declined)?;
            field_of(layout, envelope.after).map_err(declined)?
        }
    };
    match write {
        "hash" => Target::hash(row, defaults),
        "string" => Target::text(row),
        "json" => Target::document(row, defaults, true),
        "json_string" => Target::document(row, defaults, false),
        "stream" => Target::entry(row, defaults, before.map(|one| (one.as_ref(), old_defaults))),
        "list" => Ok(Target::List),
        "set" => Ok(Target::Set),
        "zset" => Target::scores(row),
        _ => return Err(PyValueError::new_err("no such way to write")),
    }
    .map_err(declined)
}

type GivenPart<'py> =
    (Option<PyRef<'py, PyPlan>>, Option<PyRef<'py, PyColumn>>, Option<PyRef<'py, PyColumn>>, Vec<i64>);

/// The rows of a batch in the order of their ordinals.
#[pyclass(frozen, module = "headrace.native._core", name = "RespRows")]
pub struct PyRows(Sequence);

#[pymethods]
impl PyRows {
    /// A part: (plan, key, value, ordinals); without a plan its rows are the twin's. `skips`: ranges of ordinals to be left out.
    #[new]
    fn new(parts: Vec<GivenPart<'_>>, skips: Vec<(i64, i64)>) -> PyResult<Self> {
        let column = |one: PyRef<'_, PyColumn>| one.0.clone();
        let parts = parts
            .into_iter()
            .map(|(plan, key, value, ordinals)| Part {
                plan: plan.map(|one| one.0.clone()),
                key: key.map(column),
                value: value.map(column),
                ordinals,
            })
            .collect();
        Sequence::new(parts, &skips).map(PyRows).map_err(declined)
    }

    fn __len__(&self) -> usize {
        self.0.origins.len()
    }

    /// The commands from row number `start` on, of at most `count` rows, ended by the first row that reaches `limit` bytes.
    fn encode(&self, py: Python<'_>, start: usize, count: usize, limit: usize) -> PyResult<PyCommands> {
        py.detach(|| self.0.encode(start, count, limit)).map(PyCommands).map_err(declined)
    }
}

/// The commands of some rows that follow each other.
#[pyclass(frozen, module = "headrace.native._core", name = "RespCommands")]
pub struct PyCommands(Commands);

#[pymethods]
impl PyCommands {
    fn __len__(&self) -> usize {
        self.0.ends.len()
    }

    /// (row, part, row of the part) of each row whose commands the twin has to make.
    #[getter]
    fn twins(&self) -> Vec<(u32, u32, u32)> {
        let of = |&row: &u32| self.0.origins.get(row as usize).map(|one| (row, one.part, one.row));
        self.0.twins.iter().filter_map(of).collect()
    }

    /// With the twin's commands put in, and how many answers they give; if they are fewer, cut before the first row that has none.
    fn spliced(&self, given: Vec<(Bound<'_, PyBytes>, u32)>) -> PyResult<PyCommands> {
        let given: Vec<(&[u8], u32)> = given.iter().map(|(bytes, replies)| (bytes.as_bytes(), *replies)).collect();
        self.0.spliced(&given).map(PyCommands).map_err(declined)
    }

    /// Where a piece from row `start` on ends that is to end with the first row that reaches `limit` bytes.
    fn cut(&self, start: usize, limit: usize) -> usize {
        self.0.cut(start, limit)
    }

    /// The commands of rows `start` to below `stop`, and how many answers they give.
    fn piece<'py>(&self, py: Python<'py>, start: usize, stop: usize) -> (Bound<'py, PyBytes>, u32) {
        let (bytes, replies) = self.0.piece(start, stop);
        (PyBytes::new(py, bytes), replies)
    }

    /// (run, first ordinal, last ordinal, first ordinal with commands) of what the runs that begin at `starts` have of these rows.
    fn spans(&self, start: usize, stop: usize, starts: Vec<i64>) -> Vec<(usize, i64, i64, Option<i64>)> {
        let of = |one: Span| (one.run, one.first, one.last, one.first_written);
        self.0.spans(start, stop, &starts).into_iter().map(of).collect()
    }

    /// (part, row of the part, ordinal) of rows `start` to below `stop`.
    fn origins(&self, start: usize, stop: usize) -> Vec<(u32, u32, i64)> {
        let rows = self.0.origins.get(start..stop.min(self.0.origins.len())).unwrap_or(&[]);
        rows.iter().map(|one| (one.part, one.row, one.ordinal)).collect()
    }
}

/// Finds the end of the answers to a pipeline.
#[pyclass(frozen, module = "headrace.native._core", name = "RespScanner")]
pub struct PyScanner(Mutex<Scanner>);

#[pymethods]
impl PyScanner {
    #[new]
    fn new(replies: u64) -> Self {
        PyScanner(Mutex::new(Scanner::new(replies)))
    }

    /// Takes the next bytes. (errors, nulls): whether there were such answers, as soon as all are there; None before. DeclinedError
    /// for what is no answer, or one too many.
    fn feed(&self, bytes: &[u8]) -> PyResult<Option<(bool, bool)>> {
        let mut scanner = self.0.lock().map_err(|_| DeclinedError::new_err("a scanner that failed"))?;
        Ok(scanner.feed(bytes).map_err(declined)?.map(|found| (found.errors, found.nulls)))
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyPlan>()?;
    m.add_class::<PyRows>()?;
    m.add_class::<PyCommands>()?;
    m.add_class::<PyScanner>()
}
