//! PostgreSQL's logical replication stream: bytes of the connection in, columns of change events out.

use std::sync::Arc;

use headrace_core::column::Column;
use headrace_core::pg::binary::Wire;
use headrace_core::pg::changes::TableBlock;
use headrace_core::pg::envelope::{Clock, Source};
use headrace_core::pg::places::{Carried, Context, Event, Places};
use headrace_core::pg::stream::Stream;
use headrace_core::pg::stream_state::{Counts, Open, Route, Rules, State, Stop};
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::column::PyColumn;
use crate::copy_in::wire;
use crate::declined;
use crate::pg_plan::PyRowPlan;

/// (xid, commit time in microseconds, end of the transaction before).
type Mark = (Option<u32>, i64, u64);
/// (number of its context, position, number at the position, operation, where its transaction ends if it was the last, else 0).
type EventParts = (u32, u64, u32, &'static str, u64);
type Standing = (bool, bool, u64, u32, u64, Option<u64>, u64, bool);
type Counted = (u64, u64, u64, u64, u64, u64, Option<u32>, Option<i64>);
type Last = (u32, Mark, EventParts, bool);
type Shown = (Standing, u64, Option<Counted>, Vec<u32>, Option<Last>);

/// See `headrace_core::pg::stream`. One thread uses it.
#[pyclass(module = "headrace.native._core", name = "ReplicationStream")]
pub struct PyStream {
    core: Stream,
    chunk: Option<Py<PyBytes>>,
    texts: [Arc<[u8]>; 4],
}

#[pymethods]
impl PyStream {
    /// `texts`: version, connector, server and database of the source block. `skipped`: of c, u, d. `skip_unchanged`: leave out updates
    /// that change nothing. `position`: transactions that committed before it are done; the transaction that is partly done or None.
    /// `start`: where the stream begins, the commit seen last.
    #[new]
    fn new(
        texts: (String, String, String, String),
        tombstones: bool,
        skipped: &str,
        skip_unchanged: bool,
        position: (u64, Option<u32>),
        start: (u64, Option<u64>),
    ) -> Self {
        let rules = Rules {
            tombstones,
            skip_inserts: skipped.contains('c'),
            skip_updates: skipped.contains('u'),
            skip_deletes: skipped.contains('d'),
            skip_unchanged,
            done_before: position.0,
            partly_done: position.1,
        };
        let state = State::at(start.0, start.1);
        let context = Context { previous_end: start.0, commit_seen: start.1, ..Context::default() };
        let texts = [texts.0, texts.1, texts.2, texts.3].map(|text| text.into_bytes().into());
        PyStream { core: Stream::new(rules, state, context), chunk: None, texts }
    }

    /// Have `show` tell of the transactions that came last.
    fn track(&mut self) {
        self.core.begun.get_or_insert_with(Default::default);
    }

    /// A table whose rows are done here; answers its number. `wires`: the binary forms of its values, None where all come as texts.
    #[pyo3(signature = (plan, schema, table, wires=None))]
    fn add_table(
        &mut self,
        plan: &PyRowPlan,
        schema: &str,
        table: &str,
        wires: Option<Vec<String>>,
    ) -> PyResult<usize> {
        let plan = match known(wires)? {
            Some(wires) => Arc::new(plan.0.with_wires(&wires).map_err(declined)?),
            None => plan.0.clone(),
        };
        let [version, connector, server, database] = self.texts.clone();
        let source = Source {
            version,
            connector,
            server,
            database,
            schema: schema.as_bytes().into(),
            table: table.as_bytes().into(),
        };
        Ok(self.core.add_table(plan, source))
    }

    /// Forget a table that has no rows and no relation's rows; another may get its number. DeclinedError for one that has.
    fn drop_table(&mut self, number: usize) -> PyResult<()> {
        self.core.drop_table(number).map_err(declined)
    }

    /// The rows of a relation go to that table; to nobody for None, to the twin for a negative number. `wires`: as of `add_table`.
    #[pyo3(signature = (relation, table, wires=None))]
    fn route(&mut self, relation: u32, table: Option<i64>, wires: Option<Vec<String>>) -> PyResult<()> {
        let route = match table {
            None => Route::LeftOut,
            Some(number) => usize::try_from(number).map_or(Route::Twin, Route::Table),
        };
        self.core.route(relation, route, known(wires)?);
        Ok(())
    }

    /// The next bytes; nothing may be pending of the ones before.
    fn add(&mut self, py: Python<'_>, chunk: Py<PyBytes>) {
        let before = self.chunk.replace(chunk);
        self.core.next_chunk(before.as_ref().map_or(&[], |before| before.as_bytes(py)));
    }

    /// Go on until there are `limit` records. Answers why it ends: "drained", "full", "twin" (see `for_twin`) or "foreign" (see `rest`).
    fn run(&mut self, py: Python<'_>, limit: usize) -> &'static str {
        let chunk = self.chunk.as_ref().map(|chunk| chunk.clone_ref(py));
        let bytes = chunk.as_ref().map_or(&[][..], |chunk| chunk.as_bytes(py));
        let core = &mut self.core;
        // A chunk of a few messages is not worth giving the lock away for.
        let stop = if bytes.len() > 4096 { py.detach(|| core.run(bytes, limit)) } else { core.run(bytes, limit) };
        match stop {
            Stop::Drained => {
                self.chunk = None;
                "drained"
            }
            Stop::Full => "full",
            Stop::Twin => "twin",
            Stop::Foreign => "foreign",
        }
    }

    /// How many whole messages are left.
    fn pending(&self, py: Python<'_>) -> usize {
        self.core.pending(self.chunk.as_ref().map_or(&[], |chunk| chunk.as_bytes(py)))
    }

    /// The payloads that the twin does next, their values as texts. They are done for this stream. DeclinedError for a binary value that
    /// is not known; the stream is of no more use then.
    fn for_twin<'py>(&mut self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let chunk = self.chunk.as_ref().map(|chunk| chunk.clone_ref(py));
        let found = self.core.for_twin(chunk.as_ref().map_or(&[], |chunk| chunk.as_bytes(py))).map_err(declined)?;
        Ok(found.iter().map(|payload| PyBytes::new(py, payload)).collect())
    }

    /// The bytes from a message on that is no CopyData; they are done for this stream.
    fn rest<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let chunk = self.chunk.take();
        let rest = self.core.take_rest(chunk.as_ref().map_or(&[], |chunk| chunk.as_bytes(py)));
        PyBytes::new(py, &rest)
    }

    /// How many records the batch has.
    #[getter]
    fn records(&self) -> usize {
        self.core.records()
    }

    /// What has changed since it was last asked: where the stream stands (in a transaction, it is all done already, position, number at
    /// the position, last end, commit seen, reached, reply wanted, which then no longer is); the number of times that what events share
    /// has changed; what was counted, None for nothing (created, updated, deleted, filtered, unchanged, transactions, last xid, last
    /// commit's time); the transactions that came last, if they are tracked; the event whose offset the last record carries, None when it was the twin's: its number, mark and parts, and
    /// whether it is its transaction's last so far, and that is not over.
    fn show(&mut self) -> PyResult<Shown> {
        let state = &mut self.core.state;
        let standing = (
            state.in_transaction,
            state.skip_all,
            state.lsn,
            state.events,
            state.last_end,
            state.commit_seen,
            state.reached,
            std::mem::take(&mut state.reply_wanted),
        );
        let last = match state.carried {
            Carried::Given(_) => None,
            Carried::Event(number) => {
                let open = state.open == Open::Event(number);
                let (mark, parts) = event(&self.core.places, number)?;
                Some((number, mark, parts, open))
            }
        };
        let counts = std::mem::take(&mut self.core.counts);
        let counted = (counts != Counts::default()).then_some((
            counts.created,
            counts.updated,
            counts.deleted,
            counts.filtered,
            counts.unchanged,
            counts.transactions,
            counts.last_xid,
            counts.last_commit_us,
        ));
        let begun = self.core.begun.as_mut().map_or_else(Vec::new, |begun| begun.drain(..).collect());
        Ok((standing, self.core.context_version, counted, begun, last))
    }

    /// What the events that come now share, and where they came from: mark, origin, its position.
    fn context(&self) -> (Mark, Option<String>, Option<u64>) {
        let context = self.core.places.contexts.last().cloned().unwrap_or_default();
        let origin = context.origin.as_ref().map(|name| String::from_utf8_lossy(name).into_owned());
        (mark(&context), origin, context.origin_lsn)
    }

    /// The event was the last of its transaction.
    fn complete(&mut self, event: u32, end: u64) {
        self.core.complete_event(event, end);
    }

    /// Go on where the twin has come to. `state` as `show` gives it; `passive`: transactions are its for now; `open`: "same", "none" or
    /// "twin", which is told of the commit. `given`: the offset of that number is the last. `context`: what events share now, None for
    /// no change; answers how often that has changed.
    #[pyo3(signature = (state, passive, open, given=None, context=None))]
    fn resume(
        &mut self,
        state: Standing,
        passive: bool,
        open: &str,
        given: Option<u32>,
        context: Option<(Mark, Option<String>, Option<u64>)>,
    ) -> PyResult<u64> {
        let now = &self.core.state;
        let open = match open {
            "same" => now.open,
            "none" => Open::None,
            "twin" => Open::Twin,
            other => return Err(PyValueError::new_err(format!("open is {other:?}"))),
        };
        let carried = given.map_or(now.carried, Carried::Given);
        let (in_transaction, skip_all, lsn, events, last_end, commit_seen, reached, reply_wanted) = state;
        let state = State {
            in_transaction,
            skip_all,
            passive,
            lsn,
            events,
            last_end,
            commit_seen,
            reached,
            reply_wanted,
            open,
            carried,
        };
        let context = context.map(|((xid, commit_us, previous_end), origin, origin_lsn)| Context {
            xid,
            commit_us,
            previous_end,
            commit_seen,
            origin: origin.map(|name| name.into_bytes().into()),
            origin_lsn,
        });
        self.core.resume(state, context).map_err(declined)?;
        Ok(self.core.context_version)
    }

    /// Enter records that the twin made, with the numbers of their offsets; answers the ordinal of the first.
    fn add_given(&mut self, numbers: Vec<u32>) -> usize {
        let first = self.core.records();
        self.core.add_given(numbers.into_iter());
        first
    }

    /// All that has come, made at `clock_ns`: of each table its number, key (None without), value, and ordinals as native 32-bit
    /// integers; and the places. The batch is empty then, and number 0 is the offset of the record before.
    #[allow(clippy::type_complexity)]
    fn take<'py>(
        &mut self,
        py: Python<'py>,
        clock_ns: i64,
    ) -> PyResult<(Vec<(usize, Option<PyColumn>, PyColumn, Bound<'py, PyBytes>)>, PyPlaces)> {
        let core = &mut self.core;
        let (blocks, places) = py.detach(|| core.take(Clock::at(clock_ns))).map_err(declined)?;
        let column = |made: Column| PyColumn(Arc::new(made));
        let blocks = blocks
            .into_iter()
            .map(|(number, TableBlock { key, value, ordinals })| {
                let ordinals: Vec<u8> = ordinals.iter().flat_map(|one| one.to_ne_bytes()).collect();
                (number, key.map(column), column(value), PyBytes::new(py, &ordinals))
            })
            .collect();
        Ok((blocks, PyPlaces(places)))
    }
}

/// Where the records of a batch lie in the log.
#[pyclass(frozen, module = "headrace.native._core", name = "Places")]
pub struct PyPlaces(Places);

#[pymethods]
impl PyPlaces {
    fn __len__(&self) -> usize {
        self.0.records.len()
    }

    /// The number of the offset that the twin made for it, or the event whose offset a record carries, with its mark.
    fn at<'py>(&self, py: Python<'py>, ordinal: usize) -> PyResult<Bound<'py, PyAny>> {
        match self.0.records.get(ordinal) {
            Some(Carried::Given(number)) => Ok(number.into_pyobject(py)?.into_any()),
            Some(Carried::Event(number)) => {
                let (mark, parts) = event(&self.0, *number)?;
                Ok(PyTuple::new(py, [mark.into_pyobject(py)?.into_any(), parts.into_pyobject(py)?.into_any()])?
                    .into_any())
            }
            None => Err(PyIndexError::new_err("no such record")),
        }
    }
}

fn known(wires: Option<Vec<String>>) -> PyResult<Option<Vec<Wire>>> {
    wires.map(|names| names.iter().map(|name| wire(name)).collect()).transpose()
}

fn mark(context: &Context) -> Mark {
    (context.xid, context.commit_us, context.previous_end)
}

fn event(places: &Places, number: u32) -> PyResult<(Mark, EventParts)> {
    let found: Option<(&Event, &Context)> = places
        .events
        .get(number as usize)
        .and_then(|event| Some((event, places.contexts.get(event.context as usize)?)));
    let (event, context) = found.ok_or_else(|| PyIndexError::new_err("no such event"))?;
    Ok((mark(context), (event.context, event.lsn, event.events, event.operation.word(), event.done_at)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyStream>()?;
    m.add_class::<PyPlaces>()
}
