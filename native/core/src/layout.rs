//! Layout: what a Connect schema says that matters for bytes: kinds, names, nullability, defaults.

use std::sync::Arc;

use crate::column::Scalar;

/// The kind of a value, logical types of Connect included. How its column holds it:
///
/// | kind | `Data` |
/// |---|---|
/// | Int8 … Int64, Date (days), Time (ms), Timestamp (ms) | `Int` |
/// | Float32 (already rounded to single), Float64 | `Float` |
/// | Bool | `Bool` |
/// | Str (UTF-8, always valid), Bytes | `Bin` |
/// | Decimal: org.apache.kafka.connect.data.Decimal | `Bin`: the unscaled value, big-endian two's complement, as short as can be (BigInteger.toByteArray) |
/// | Struct, List, Map | their own |
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Str,
    Bytes,
    Decimal { scale: i32 },
    Date,
    Time,
    Timestamp,
    Struct(Vec<Field>),
    List(Arc<Layout>),
    Map(Arc<Layout>, Arc<Layout>),
}

/// One field of a struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: String,
    pub layout: Arc<Layout>,
}

/// A schema's layout. `default`: what null stands for where nulls are replaced by defaults; only kinds with scalars have one.
/// `name`: the schema's name, for the few encoders that look at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    pub kind: Kind,
    pub optional: bool,
    pub default: Option<Scalar>,
    pub name: Option<String>,
}

impl Layout {
    /// The fields of a struct, empty for all else.
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            Kind::Struct(fields) => fields,
            _ => &[],
        }
    }
}
