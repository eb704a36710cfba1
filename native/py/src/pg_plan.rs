//! RowPlan: how rows of a PostgreSQL table become columns, from what the Python table codec says.

use std::collections::HashSet;
use std::sync::Arc;

use headrace_core::pg::plan::{Encoding, Hstore, Mask, Money, Op, Span, TextOf, Unit};
use headrace_core::pg::row::{KeyPlan, Null, Output, RowPlan};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::column::PyColumn;
use crate::declined;

/// How the rows of one shape of one table become columns; see `headrace_core::pg::row::RowPlan`.
#[pyclass(frozen, module = "headrace.native._core", name = "RowPlan")]
pub struct PyRowPlan(pub Arc<RowPlan>);

/// (source, spec, null, unchanged, zero, fills): see `PyRowPlan::new`.
type Given<'py> = (
    usize,
    Bound<'py, PyAny>,
    Option<PyRef<'py, PyColumn>>,
    bool,
    Option<PyRef<'py, PyColumn>>,
    Option<PyRef<'py, PyColumn>>,
    bool,
);

#[pymethods]
impl PyRowPlan {
    /// `width`: values in the server's row. `outputs`: of each column that is made: place of the value; spec of its op; a column of one
    /// row that NULL becomes, None for null; whether NULL is refused instead; columns of one row that stand for a value that was not
    /// sent, and for NULL in an old row of the identity's columns, None for no native form; whether an unsent value is taken from a complete old row. The first
    /// `values` are the record's fields. `key`: the outputs of the key, a text added to it or None, whether old rows have it.
    #[new]
    #[pyo3(signature = (width, outputs, values, key=None))]
    fn new(
        width: usize,
        outputs: Vec<Given<'_>>,
        values: usize,
        key: Option<(Vec<usize>, Option<String>, bool)>,
    ) -> PyResult<Self> {
        let outputs = outputs
            .into_iter()
            .map(|(source, spec, null, refused, unchanged, zero, fills)| {
                let null = match (null, refused) {
                    (_, true) => Null::Refused,
                    (Some(value), _) => Null::Value(value.0.clone()),
                    (None, _) => Null::Null,
                };
                let (unchanged, zero) = (unchanged.map(|one| one.0.clone()), zero.map(|one| one.0.clone()));
                Ok(Output { source, op: op(&spec)?, null, unchanged, zero, fills, wire: None })
            })
            .collect::<PyResult<Vec<_>>>()?;
        let key = key.map(|(slots, added, in_identity)| KeyPlan {
            slots,
            added: added.map(|text| text.as_bytes().into()),
            in_identity,
        });
        Ok(PyRowPlan(Arc::new(RowPlan::new(width, outputs, values, key).map_err(declined)?)))
    }
}

/// The op of a type plan's spec: a word, or a tuple of a word and what it needs. ValueError for one that is not known.
pub fn op(spec: &Bound<'_, PyAny>) -> PyResult<Op> {
    if let Ok(word) = spec.cast::<PyString>() {
        return plain(word.to_cow()?.as_ref());
    }
    let parts = spec.cast::<PyTuple>().map_err(|_| PyTypeError::new_err("a spec is a word or a tuple"))?;
    let word: String = parts.get_item(0)?.extract()?;
    let text = |at: usize| -> PyResult<String> { parts.get_item(at)?.extract() };
    Ok(match word.as_str() {
        "text" => Op::Text(text_of(&text(1)?)),
        "enum" => {
            let labels: Vec<String> = parts.get_item(1)?.extract()?;
            let labels: HashSet<Box<[u8]>> = labels.into_iter().map(|label| label.into_bytes().into()).collect();
            Op::Enum(Arc::new(labels))
        }
        "decimal" => Op::Decimal(parts.get_item(1)?.extract()?),
        "money" => Op::Money(match text(1)?.as_str() {
            "decimal" => Money::Decimal(parts.get_item(2)?.extract()?),
            "double" => Money::Double(parts.get_item(2)?.extract()?),
            "text" => Money::Text,
            other => return Err(unknown(other)),
        }),
        "bytea" => Op::Bytea(encoding(&text(1)?)?),
        "opaque" => Op::Opaque(encoding(&text(1)?)?),
        "date" => Op::Date(unit(&text(1)?)?),
        "time" => Op::Time(unit(&text(1)?)?),
        "timestamp" => Op::Timestamp(unit(&text(1)?)?),
        "timestamptz" => Op::TimestampTz(parts.get_item(1)?.extract()?),
        "interval" => Op::Interval(match text(1)?.as_str() {
            "us" => Span::Micros,
            "iso" => Span::Iso,
            other => return Err(unknown(other)),
        }),
        "hstore" => Op::Hstore(match text(1)?.as_str() {
            "json" => Hstore::Json,
            "map" => Hstore::Map,
            other => return Err(unknown(other)),
        }),
        "array" => Op::Array { element: Box::new(op(&parts.get_item(1)?)?), nulls: parts.get_item(2)?.extract()? },
        "masked" => Op::Masked(
            Box::new(op(&parts.get_item(1)?)?),
            match text(2)?.as_str() {
                "stars" => Mask::Stars(text(3)?.into_bytes().into()),
                "text" => Mask::CutText(parts.get_item(3)?.extract()?),
                "bytes" => Mask::CutBytes(parts.get_item(3)?.extract()?),
                other => return Err(unknown(other)),
            },
        ),
        other => return Err(unknown(other)),
    })
}

fn plain(word: &str) -> PyResult<Op> {
    Ok(match word {
        "int" => Op::Int,
        "oid" => Op::Oid,
        "bool" => Op::Bool,
        "bit" => Op::BitBool,
        "bits" => Op::Bits,
        "float4" => Op::Float4,
        "float8" => Op::Float8,
        "variable" => Op::VariableDecimal,
        "numeric text" => Op::NumericText,
        "numeric double" => Op::NumericDouble,
        "timetz" => Op::TimeTz,
        "point" => Op::Point,
        "geometry" => Op::Geometry,
        "vector" => Op::Vector,
        other => return Err(unknown(other)),
    })
}

fn text_of(name: &str) -> TextOf {
    match name {
        "text" | "varchar" | "bpchar" | "name" | "char" | "citext" | "json" | "xml" | "enum" => TextOf::Plain,
        "jsonb" => TextOf::Jsonb,
        "uuid" => TextOf::Uuid,
        "ltree" => TextOf::Ltree,
        "inet" => TextOf::Inet,
        "cidr" => TextOf::Cidr,
        "macaddr" => TextOf::Macaddr,
        "macaddr8" => TextOf::Macaddr8,
        _ => TextOf::Other,
    }
}

fn encoding(name: &str) -> PyResult<Encoding> {
    Ok(match name {
        "bytes" => Encoding::Raw,
        "base64" => Encoding::Base64,
        "base64-url-safe" => Encoding::Base64Url,
        "hex" => Encoding::Hex,
        other => return Err(unknown(other)),
    })
}

fn unit(name: &str) -> PyResult<Unit> {
    Ok(match name {
        "days" => Unit::Days,
        "ms" => Unit::Millis,
        "us" => Unit::Micros,
        "ns" => Unit::Nanos,
        "iso" => Unit::Iso,
        other => return Err(unknown(other)),
    })
}

fn unknown(word: &str) -> PyErr {
    PyValueError::new_err(format!("no op is called {word:?}"))
}

/// The column of the server's texts (None for NULL) as the op of a spec reads them. DeclinedError for one that it does not take.
#[pyfunction]
fn pg_texts(spec: &Bound<'_, PyAny>, texts: &Bound<'_, PyList>) -> PyResult<PyColumn> {
    let op = op(spec)?;
    let mut out = op.out();
    for text in texts.iter() {
        if text.is_none() {
            out.null().map_err(declined)?;
        } else {
            op.decode_text(text.cast::<PyBytes>()?.as_bytes(), &mut out).map_err(declined)?;
        }
    }
    Ok(PyColumn(Arc::new(out.finish())))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyRowPlan>()?;
    m.add_function(wrap_pyfunction!(pg_texts, m)?)
}
