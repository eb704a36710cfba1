//! COPY … FROM STDIN, the PostgreSQL sink's rows: sorted by what happens to them, then written in pieces.

use std::sync::Arc;

use headrace_core::copy_out::field::Field;
use headrace_core::copy_out::json_text::Json;
use headrace_core::copy_out::moment::{Clock, Instant};
use headrace_core::copy_out::text::TextOf;
use headrace_core::copy_out::{Encoder, Output, Place, Which};
use headrace_core::last_word::row_view::{Form, KeyFrom, Mark, OnNull, Rules};
use headrace_core::last_word::{sort, Part, Sorted};
use headrace_core::layout::{Kind, Layout};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::column::PyColumn;
use crate::layout::PyLayout;
use crate::{declined, DeclinedError};

/// What the rows of one kind of record mean to a sink.
#[pyclass(frozen, module = "headrace.native._core", name = "SinkRules")]
pub struct PyRules(Arc<Rules>);

type GivenPart<'py> = (usize, Option<PyRef<'py, PyColumn>>, Option<PyRef<'py, PyColumn>>, Vec<PyRef<'py, PyColumn>>);

#[pymethods]
impl PyRules {
    #[new]
    #[pyo3(signature = (*, envelope, key, key_fields, on_null, deletes, keep_all, marks, fields))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        envelope: Option<(usize, usize, usize)>,
        key: &str,
        key_fields: Vec<usize>,
        on_null: &str,
        deletes: bool,
        keep_all: bool,
        marks: Vec<(u32, usize, Option<PyRef<'_, PyColumn>>)>,
        fields: usize,
    ) -> PyResult<Self> {
        let form = match envelope {
            Some((op, before, after)) => Form::Envelope { op, before, after },
            None => Form::Row,
        };
        let key = match key {
            "none" => KeyFrom::None,
            "key" => KeyFrom::Key(key_fields),
            "plain" => KeyFrom::Plain,
            "value" => KeyFrom::Value(key_fields),
            "given" => KeyFrom::Given(key_fields.len()),
            _ => return Err(PyValueError::new_err("no such place of a key")),
        };
        let on_null = match on_null {
            "skip" => OnNull::Skip,
            "delete" => OnNull::Delete,
            "error" => OnNull::Error,
            _ => return Err(PyValueError::new_err("no such way with nulls")),
        };
        let marks = marks
            .into_iter()
            .map(|(position, at, values)| Mark { position, at, values: values.map(|one| one.0.clone()) })
            .collect();
        Ok(PyRules(Arc::new(Rules { form, key, on_null, deletes, keep_all, marks, fields })))
    }

    /// Sort the rows of blocks. A part: (rows, key, value, columns of a key that is made for it).
    fn sort(&self, py: Python<'_>, parts: Vec<GivenPart<'_>>, ordinals: Option<Vec<Vec<i64>>>) -> PyResult<PySorted> {
        let column = |one: PyRef<'_, PyColumn>| one.0.clone();
        let parts = parts
            .into_iter()
            .map(|(rows, key, value, given)| Part {
                rows,
                key: key.map(column),
                value: value.map(column),
                given: given.into_iter().map(column).collect(),
            })
            .collect();
        let rules = self.0.clone();
        py.detach(|| sort(rules, parts, ordinals.as_deref())).map(|made| PySorted(Arc::new(made))).map_err(declined)
    }
}

/// Deletes, rows, fresh rows, and per set of columns left out how many rows.
type Counts = (usize, usize, usize, Vec<(Vec<u32>, usize)>);

/// Rows by what happens to them.
#[pyclass(frozen, module = "headrace.native._core", name = "SortedRows")]
pub struct PySorted(Arc<Sorted>);

#[pymethods]
impl PySorted {
    /// For each segment how many deletes, rows and fresh rows it has, and of each set of columns left out its positions and how many rows.
    #[getter]
    fn segments(&self) -> Vec<Counts> {
        let partial = |one: &(Vec<u32>, Vec<_>)| (one.0.clone(), one.1.len());
        self.0
            .segments
            .iter()
            .map(|one| (one.deletes.len(), one.rows.len(), one.fresh.len(), one.partial.iter().map(partial).collect()))
            .collect()
    }
}

/// Writes rows as the data of COPY … FROM STDIN (FORMAT binary).
#[pyclass(frozen, module = "headrace.native._core", name = "CopyEncoder")]
pub struct PyEncoder(Arc<Encoder>);

type GivenOutput<'py> = (String, usize, PyRef<'py, PyLayout>, (String, Vec<i64>), bool, bool);

#[pymethods]
impl PyEncoder {
    /// Per column: "k" or "r" and the index there, the layout, (form, its numbers), whether null is an error, whether the layout's default
    /// stands in for null. DeclinedError for a form that does not fit its layout.
    #[new]
    fn new(columns: Vec<GivenOutput<'_>>) -> PyResult<Self> {
        let outputs = columns
            .into_iter()
            .map(|(place, at, layout, (form, numbers), required, default)| {
                Ok(Output {
                    place: if place == "k" { Place::Key(at) } else { Place::Row(at) },
                    field: field(&layout.core, &form, &numbers)?,
                    required,
                    default: if default { layout.core.default.clone() } else { None },
                })
            })
            .collect::<PyResult<Vec<_>>>()?;
        Ok(PyEncoder(Arc::new(Encoder::new(outputs).map_err(declined)?)))
    }

    /// The data in pieces of about `size` bytes. `which`: -1 rows, -2 deletes, -3 fresh rows, -4 the others, else the number of a set of columns left out.
    fn pieces(&self, sorted: &PySorted, segment: usize, which: isize, size: usize) -> PyPieces {
        let which = match which {
            -2 => Which::Deletes,
            -1 => Which::Rows,
            -3 => Which::Fresh,
            -4 => Which::Known,
            number => Which::Partial(number.max(0) as usize),
        };
        PyPieces { encoder: self.0.clone(), sorted: sorted.0.clone(), segment, which, size, next: Some(0) }
    }
}

/// Iterator of bytes. It raises DeclinedError at a row that is not done natively; what it gave before is then to be thrown away.
#[pyclass(module = "headrace.native._core", name = "CopyPieces")]
pub struct PyPieces {
    encoder: Arc<Encoder>,
    sorted: Arc<Sorted>,
    segment: usize,
    which: Which,
    size: usize,
    next: Option<usize>,
}

#[pymethods]
impl PyPieces {
    fn __iter__(one: PyRef<'_, Self>) -> PyRef<'_, Self> {
        one
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(from) = self.next else { return Ok(None) };
        let (encoder, sorted, size) = (&self.encoder, &self.sorted, self.size);
        let (segment, which) = (self.segment, self.which);
        let (made, next) = py
            .detach(|| {
                let mut out = Vec::with_capacity(size.saturating_add(size / 8));
                encoder.write(sorted, segment, which, from, size, &mut out).map(|next| (out, next))
            })
            .map_err(declined)?;
        self.next = next;
        Ok(Some(PyBytes::new(py, &made)))
    }
}

fn field(layout: &Layout, form: &str, numbers: &[i64]) -> PyResult<Field> {
    let unknown = || DeclinedError::new_err(format!("no native form {form}"));
    let number = |at: usize| numbers.get(at).copied().ok_or_else(unknown);
    let place = |at: usize| number(at).and_then(|one| usize::try_from(one).map_err(|_| unknown()));
    let element = || -> PyResult<Arc<Layout>> {
        match &layout.kind {
            Kind::List(element) => Ok(element.clone()),
            _ => Err(unknown()),
        }
    };
    if let Some(of) = form.strip_prefix("array ") {
        let oid = u32::try_from(number(0)?).map_err(|_| unknown())?;
        return Ok(Field::Array(oid, Box::new(field(element()?.as_ref(), of, numbers.get(1..).unwrap_or(&[]))?)));
    }
    if let Some(of) = form.strip_prefix("arraytext ") {
        return Ok(Field::ArrayText(text_of(of, numbers).ok_or_else(unknown)?));
    }
    if let Some(of) = form.strip_prefix("text ") {
        return Ok(Field::Text(text_of(of, numbers).ok_or_else(unknown)?));
    }
    if let Some(of) = form.strip_prefix("timestamp ") {
        return Ok(Field::Timestamp(instant(of).ok_or_else(unknown)?));
    }
    if let Some(of) = form.strip_prefix("date ") {
        return Ok(Field::Date(instant(of).ok_or_else(unknown)?));
    }
    if let Some(of) = form.strip_prefix("time ") {
        return Ok(Field::Time(clock(of).ok_or_else(unknown)?));
    }
    Ok(match form {
        "int2" => Field::Int { width: 2, signed: true },
        "int4" => Field::Int { width: 4, signed: true },
        "int8" => Field::Int { width: 8, signed: true },
        "oid" => Field::Int { width: 4, signed: false },
        "float4" => Field::Float4,
        "float8" => Field::Float8,
        "bool" => Field::Bool,
        "timetz" => Field::Timetz,
        "interval us" => Field::Interval { nanos: false },
        "interval ns" => Field::Interval { nanos: true },
        "numeric decimal" => Field::Numeric(i32::try_from(number(0)?).map_err(|_| unknown())?),
        "numeric int" => Field::NumericOfInt,
        "numeric float" => Field::NumericOfFloat,
        "numeric text" => Field::NumericOfText,
        "numeric variable" => Field::NumericOfVariable { scale: place(0)?, value: place(1)? },
        "uuid" => Field::Uuid,
        "bytea" => Field::Raw,
        "jsonb text" => Field::Jsonb(TextOf::Text),
        "jsonb json" => Field::JsonbOf(Json::of(layout).ok_or_else(unknown)?),
        "json" => Field::Json(Json::of(layout).ok_or_else(unknown)?),
        "bits" => Field::Bits(place(0)?),
        "bit of bool" => Field::BitOfBool,
        "point" => Field::Point { x: place(0)?, y: place(1)? },
        "hstore" => Field::Hstore,
        _ => return Err(unknown()),
    })
}

fn text_of(name: &str, numbers: &[i64]) -> Option<TextOf> {
    Some(match name {
        "text" => TextOf::Text,
        "int" => TextOf::Int,
        "float" => TextOf::Float,
        "bool" => TextOf::Bool,
        "decimal" => TextOf::Decimal(numbers.first().and_then(|one| i32::try_from(*one).ok())?),
        "bytes" => TextOf::Bytes,
        _ => return None,
    })
}

fn instant(name: &str) -> Option<Instant> {
    Some(match name {
        "ts_ms" => Instant::Millis,
        "ts_us" => Instant::Micros,
        "ts_ns" => Instant::Nanos,
        "datetime" => Instant::BoundedMillis,
        "date_days" => Instant::Days,
        "date" => Instant::BoundedDays,
        "ts_iso" | "ts_zoned" => Instant::IsoTimestamp,
        "date_iso" => Instant::IsoDate,
        _ => return None,
    })
}

fn clock(name: &str) -> Option<Clock> {
    Some(match name {
        "time_ms" => Clock::Millis,
        "time_us" => Clock::Micros,
        "time_ns" => Clock::Nanos,
        "time" => Clock::BoundedMillis,
        "time_iso" | "time_zoned" => Clock::Iso,
        _ => return None,
    })
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyRules>()?;
    m.add_class::<PySorted>()?;
    m.add_class::<PyEncoder>()?;
    m.add_class::<PyPieces>()
}
