//! Op: how one PostgreSQL value becomes one cell of a column. One op per meaning that the Python type plans know.
//!
//! An op reads the server's text (`decode_text`) and, where the type has one that is known, its binary form (`decode_binary`). The
//! Python expression of the same plan is the definition: whatever an op does not take for certain it declines.

use std::collections::HashSet;
use std::sync::Arc;

use super::out::Out;

/// The types whose text is the value. Told apart by their binary forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextOf {
    /// Types whose binary form is the text: text, varchar, bpchar, name, "char", citext, json, xml, enums.
    Plain,
    Jsonb,
    Uuid,
    Ltree,
    /// inet and cidr.
    Inet,
    Cidr,
    Macaddr,
    Macaddr8,
    /// A type whose binary form is not the text and is not read: ranges, tsvector, extensions'.
    Other,
}

/// How bytes become text, or that they stay bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Raw,
    Base64,
    Base64Url,
    Hex,
}

/// What dates, times and timestamps become. Not every type has every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Dates: days since 1970-01-01. Also what Connect's Date is.
    Days,
    /// Milliseconds of the day, or since the epoch. Also what Connect's Time and Timestamp are.
    Millis,
    Micros,
    Nanos,
    /// ISO 8601 in UTC, `Z` behind.
    Iso,
}

/// What interval becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Micros,
    Iso,
}

/// What money becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Money {
    /// A decimal of so many places.
    Decimal(u32),
    /// A double of the amount rounded to so many places.
    Double(u32),
    /// The amount in as many places as the server shows.
    Text,
}

/// What hstore becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hstore {
    Json,
    Map,
}

/// What shortens or hides a text once it is decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mask {
    /// The same text for all.
    Stars(Arc<[u8]>),
    /// At most so many units of UTF-16 of a text.
    CutText(usize),
    CutBytes(usize),
}

/// One value's way. The builder it needs is `Op::out`.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// int2, int4, int8.
    Int,
    /// As Int, unsigned in its binary form.
    Oid,
    Bool,
    /// bit(1) and varbit(1) as truth value.
    BitBool,
    Float4,
    Float8,
    Text(TextOf),
    /// One of these labels, all else is declined.
    Enum(Arc<HashSet<Box<[u8]>>>),
    /// numeric of a fixed scale, which may be negative: the unscaled value.
    Decimal(i32),
    /// numeric of any scale: struct of scale and unscaled value.
    VariableDecimal,
    /// numeric as the server prints it, NaN and infinity by Debezium's names.
    NumericText,
    NumericDouble,
    Money(Money),
    Bytea(Encoding),
    /// The server's text of a type that is not known, as bytes or encoded.
    Opaque(Encoding),
    /// bit(n), varbit: little-endian bytes without leading zeros.
    Bits,
    Date(Unit),
    Time(Unit),
    TimeTz,
    Timestamp(Unit),
    /// ISO text with so many digits of a second, 0 = as many as needed.
    TimestampTz(u8),
    Interval(Span),
    Hstore(Hstore),
    /// point: struct of x, y, WKB, a null srid.
    Point,
    /// PostGIS: struct of EWKB and srid.
    Geometry,
    /// pgvector's vector: list of doubles.
    Vector,
    /// An array, flat. `nulls`: elements may be null.
    Array {
        element: Box<Op>,
        nulls: bool,
    },
    Masked(Box<Op>, Mask),
}

impl Op {
    /// An empty builder for the values.
    pub fn out(&self) -> Out {
        match self {
            Op::Int | Op::Oid => Out::ints(),
            Op::Bool | Op::BitBool => Out::bools(),
            Op::Float4 | Op::Float8 | Op::NumericDouble | Op::Money(Money::Double(_)) => Out::floats(),
            Op::Date(unit) | Op::Time(unit) | Op::Timestamp(unit) => match unit {
                Unit::Iso => Out::bins(),
                _ => Out::ints(),
            },
            Op::Interval(Span::Micros) => Out::ints(),
            Op::VariableDecimal => Out::structure(vec![Out::ints(), Out::bins()]),
            Op::Point => Out::structure(vec![Out::floats(), Out::floats(), Out::bins(), Out::ints()]),
            Op::Geometry => Out::structure(vec![Out::bins(), Out::ints()]),
            Op::Vector => Out::list(Out::floats()),
            Op::Hstore(Hstore::Map) => Out::map(Out::bins(), Out::bins()),
            Op::Array { element, .. } => Out::list(element.out()),
            Op::Masked(inner, _) => inner.out(),
            Op::Text(_)
            | Op::Enum(_)
            | Op::Decimal(_)
            | Op::NumericText
            | Op::Money(_)
            | Op::Bytea(_)
            | Op::Opaque(_)
            | Op::Bits
            | Op::TimeTz
            | Op::TimestampTz(_)
            | Op::Interval(Span::Iso)
            | Op::Hstore(Hstore::Json) => Out::bins(),
        }
    }

    /// Whether two different texts of the server are surely two different values.
    pub fn tells_texts_apart(&self) -> bool {
        matches!(
            self,
            Op::Int
                | Op::Oid
                | Op::Bool
                | Op::BitBool
                | Op::Text(_)
                | Op::Enum(_)
                | Op::Decimal(_)
                | Op::Bytea(_)
                | Op::Opaque(_)
                | Op::Date(Unit::Days)
        )
    }
}
