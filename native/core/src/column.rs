//! Column: the values of one field for all rows of a batch. Immutable once built, shared by `Arc`.

use std::sync::Arc;

/// A single value of a kind that is no container. `Bin` holds text (UTF-8) and bytes alike.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
    Bin(Arc<[u8]>),
}

/// The values. Where a row is null (see `Column::valid`) the slot holds anything (0, "", an empty list).
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Every row is null, whatever the kind.
    Null,
    /// Every row that is not null has this value.
    Const(Scalar),
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Bin(Bin),
    /// Children have as many rows as the struct; where it is null they are, too.
    Struct(Vec<Arc<Column>>),
    List(Offsets, Arc<Column>),
    Map(Offsets, Arc<Column>, Arc<Column>),
}

/// Row i is `offsets[i]..offsets[i + 1]` of what they index; one more than rows, never falling.
pub type Offsets = Vec<u32>;

/// Texts or bytes, one behind the other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bin {
    pub offsets: Offsets,
    pub bytes: Vec<u8>,
}

impl Bin {
    /// Row `i`; empty for one that is out of range.
    #[inline]
    pub fn get(&self, i: usize) -> &[u8] {
        match (self.offsets.get(i), self.offsets.get(i + 1)) {
            (Some(&start), Some(&end)) => self.bytes.get(start as usize..end as usize).unwrap_or(&[]),
            _ => &[],
        }
    }
}

/// `valid`: false for null; None = no nulls (`Data::Null` needs none). `unchanged`: true where the value stands for a TOAST value that was
/// not sent (the slot holds the placeholder); None = nowhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub rows: usize,
    pub data: Data,
    pub valid: Option<Vec<bool>>,
    pub unchanged: Option<Vec<bool>>,
}

impl Column {
    pub fn new(rows: usize, data: Data) -> Self {
        Column { rows, data, valid: None, unchanged: None }
    }

    pub fn null(rows: usize) -> Self {
        Column::new(rows, Data::Null)
    }

    pub fn constant(rows: usize, value: Scalar) -> Self {
        Column::new(rows, Data::Const(value))
    }

    pub fn text(rows: usize, value: &str) -> Self {
        Column::constant(rows, Scalar::Bin(value.as_bytes().into()))
    }

    /// Whether row `i` has a value.
    #[inline]
    pub fn is_valid(&self, i: usize) -> bool {
        match (&self.data, &self.valid) {
            (Data::Null, _) => false,
            (_, None) => true,
            (_, Some(valid)) => valid.get(i).copied().unwrap_or(false),
        }
    }

    #[inline]
    pub fn is_unchanged(&self, i: usize) -> bool {
        self.unchanged.as_ref().is_some_and(|u| u.get(i).copied().unwrap_or(false))
    }

    pub fn has_nulls(&self) -> bool {
        matches!(self.data, Data::Null) || self.valid.as_ref().is_some_and(|v| v.iter().any(|one| !one))
    }

    /// The integer of row `i` (a valid one); 0 for other data.
    #[inline]
    pub fn int(&self, i: usize) -> i64 {
        match &self.data {
            Data::Int(values) => values.get(i).copied().unwrap_or(0),
            Data::Const(Scalar::Int(value)) => *value,
            _ => 0,
        }
    }

    #[inline]
    pub fn float(&self, i: usize) -> f64 {
        match &self.data {
            Data::Float(values) => values.get(i).copied().unwrap_or(0.0),
            Data::Const(Scalar::Float(value)) => *value,
            _ => 0.0,
        }
    }

    #[inline]
    pub fn bool(&self, i: usize) -> bool {
        match &self.data {
            Data::Bool(values) => values.get(i).copied().unwrap_or(false),
            Data::Const(Scalar::Bool(value)) => *value,
            _ => false,
        }
    }

    /// Text or bytes of row `i`; empty for other data.
    #[inline]
    pub fn bin(&self, i: usize) -> &[u8] {
        match &self.data {
            Data::Bin(bin) => bin.get(i),
            Data::Const(Scalar::Bin(value)) => value,
            _ => &[],
        }
    }

    /// The children of a struct; empty for other data (`Null` included: its fields are all null).
    pub fn children(&self) -> &[Arc<Column>] {
        match &self.data {
            Data::Struct(children) => children,
            _ => &[],
        }
    }

    /// Bytes held, roughly, for bounds of queues.
    pub fn size(&self) -> usize {
        let flags = self.valid.as_ref().map_or(0, Vec::len) + self.unchanged.as_ref().map_or(0, Vec::len);
        flags
            + match &self.data {
                Data::Null | Data::Const(_) => 16,
                Data::Bool(values) => values.len(),
                Data::Int(values) => values.len() * 8,
                Data::Float(values) => values.len() * 8,
                Data::Bin(bin) => bin.bytes.len() + bin.offsets.len() * 4,
                Data::Struct(children) => children.iter().map(|child| child.size()).sum(),
                Data::List(offsets, items) => offsets.len() * 4 + items.size(),
                Data::Map(offsets, keys, values) => offsets.len() * 4 + keys.size() + values.size(),
            }
    }
}
