//! Layout: made from a `headrace.data.Schema`, which it keeps for the structs it belongs to.

use std::sync::Arc;

use headrace_core::column::Scalar;
use headrace_core::layout::{Field, Kind, Layout};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The layout of a schema. ValueError for a schema that has no native form (a map whose keys are no text, a default of a kind that is no
/// scalar, a logical name on another type).
#[pyclass(frozen, module = "headrace.native._core", name = "Layout")]
pub struct PyLayout {
    pub core: Arc<Layout>,
    pub schema: Py<PyAny>,
    /// Fields of a struct; the element of a list; key and value of a map.
    pub children: Vec<Py<PyLayout>>,
}

#[pymethods]
impl PyLayout {
    #[new]
    fn new(schema: &Bound<'_, PyAny>) -> PyResult<Self> {
        build(schema)
    }

    #[getter]
    fn schema(&self, py: Python<'_>) -> Py<PyAny> {
        self.schema.clone_ref(py)
    }

    #[getter]
    fn optional(&self) -> bool {
        self.core.optional
    }

    /// One layout per field of a struct.
    #[getter]
    fn fields(&self, py: Python<'_>) -> Vec<Py<PyLayout>> {
        self.children.iter().map(|child| child.clone_ref(py)).collect()
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.core)
    }
}

fn unsupported(what: &str) -> PyErr {
    PyValueError::new_err(format!("no native form: {what}"))
}

fn build(schema: &Bound<'_, PyAny>) -> PyResult<PyLayout> {
    let py = schema.py();
    let type_name: String = schema.getattr("type")?.getattr("value")?.extract()?;
    let name: Option<String> = schema.getattr("name")?.extract()?;
    let mut children: Vec<Py<PyLayout>> = Vec::new();
    let mut child = |of: &Bound<'_, PyAny>| -> PyResult<Arc<Layout>> {
        if of.is_none() {
            return Err(unsupported("elements without schema"));
        }
        let made = build(of)?;
        let core = made.core.clone();
        children.push(Py::new(py, made)?);
        Ok(core)
    };
    let kind = match type_name.as_str() {
        "boolean" => Kind::Bool,
        "int8" => Kind::Int8,
        "int16" => Kind::Int16,
        "int32" => Kind::Int32,
        "int64" => Kind::Int64,
        "float" => Kind::Float32,
        "double" => Kind::Float64,
        "string" => Kind::Str,
        "bytes" => Kind::Bytes,
        "struct" => {
            let mut fields = Vec::new();
            for field in schema.getattr("fields")?.try_iter()? {
                let field = field?;
                fields
                    .push(Field { name: field.getattr("name")?.extract()?, layout: child(&field.getattr("schema")?)? });
            }
            Kind::Struct(fields)
        }
        "array" => Kind::List(child(&schema.getattr("value_schema")?)?),
        "map" => {
            let keys = child(&schema.getattr("key_schema")?)?;
            if keys.kind != Kind::Str || keys.optional {
                return Err(unsupported("a map whose keys are no text"));
            }
            Kind::Map(keys, child(&schema.getattr("value_schema")?)?)
        }
        other => return Err(unsupported(other)),
    };
    let kind = logical(kind, name.as_deref(), schema)?;
    let default = default(&schema.getattr("default")?, &kind)?;
    let optional: bool = schema.getattr("optional")?.extract()?;
    let core = Arc::new(Layout { kind, optional, default, name });
    Ok(PyLayout { core, schema: schema.clone().unbind(), children })
}

fn logical(kind: Kind, name: Option<&str>, schema: &Bound<'_, PyAny>) -> PyResult<Kind> {
    let Some(name) = name.and_then(|name| name.strip_prefix("org.apache.kafka.connect.data.")) else {
        return Ok(kind);
    };
    match (name, kind) {
        ("Decimal", Kind::Bytes) => {
            let parameters = schema.getattr("parameters")?;
            let text: Option<String> = match parameters.cast::<PyDict>() {
                Ok(dict) => dict.get_item("scale")?.map(|one| one.extract()).transpose()?,
                Err(_) => None,
            };
            let scale =
                text.and_then(|text| text.parse().ok()).ok_or_else(|| unsupported("a decimal without scale"))?;
            Ok(Kind::Decimal { scale })
        }
        ("Date", Kind::Int32) => Ok(Kind::Date),
        ("Time", Kind::Int32) => Ok(Kind::Time),
        ("Timestamp", Kind::Int64) => Ok(Kind::Timestamp),
        ("Decimal" | "Date" | "Time" | "Timestamp", _) => Err(unsupported("a logical name on another type")),
        (_, kind) => Ok(kind),
    }
}

fn default(value: &Bound<'_, PyAny>, kind: &Kind) -> PyResult<Option<Scalar>> {
    if value.is_none() {
        return Ok(None);
    }
    let plain = Layout { kind: kind.clone(), optional: false, default: None, name: None };
    crate::from_python::scalar(value, &plain).map(Some).map_err(|_| unsupported("a default that does not fit"))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyLayout>()
}
