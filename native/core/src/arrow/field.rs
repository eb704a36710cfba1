//! What is said of a column in Arrow's words: only the types that columns have. Others are read as one of these, or declined.

/// A type. Children: the fields of a struct; one, the item, of a list; two, key and value, of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    Null,
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Utf8,
    Binary,
    Decimal {
        precision: u32,
        scale: i32,
    },
    /// Days.
    Date,
    /// Milliseconds of the day.
    Time,
    /// Milliseconds since the epoch, UTC.
    Timestamp,
    Struct,
    List,
    Map,
}

/// A named column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub nullable: bool,
    pub metadata: Vec<(String, String)>,
    pub kind: Type,
    pub children: Vec<Field>,
}

/// More digits than that have no decimal of 128 bits.
pub const DIGITS_128: u32 = 38;
