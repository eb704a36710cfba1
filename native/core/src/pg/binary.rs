//! Binary values as the types' send functions write them: what a type's bytes are, and the text its output function would give.
//!
//! The text is what the Python twin reads, so a value that is not taken as it is goes by its text, here and there. Texts are those of a
//! session with datestyle ISO, intervalstyle postgres, time zone UTC, bytea_output hex. Source: PostgreSQL's src/backend/utils/adt.

use super::binary_array;
use super::binary_misc;
use super::binary_numeric;
use super::binary_time;
use crate::error::{Declined, Result};

/// How a type's values come in binary format.
#[derive(Debug, Clone, PartialEq)]
pub enum Wire {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    /// text, varchar, bpchar, name, json, enums: the text itself.
    Text,
    /// A version byte, then the text.
    Jsonb,
    Bytea,
    Uuid,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    /// `infinite`: the extreme values stand for infinity (servers from 17).
    Interval {
        infinite: bool,
    },
    Inet,
    MacAddr,
    MacAddr8,
    Bits,
    Point,
    Array(Box<Wire>),
    Range(Box<Wire>),
}

impl Wire {
    /// From its name: the type's own, `array:` or `range:` before that of the element. None for a type whose format is not known here.
    pub fn parse(name: &str) -> Option<Wire> {
        if let Some(element) = name.strip_prefix("array:") {
            // Arrays of arrays are no type of their own.
            return match Wire::parse(element)? {
                Wire::Array(_) => None,
                wire => Some(Wire::Array(Box::new(wire))),
            };
        }
        if let Some(element) = name.strip_prefix("range:") {
            return match Wire::parse(element)? {
                Wire::Array(_) | Wire::Range(_) => None,
                wire => Some(Wire::Range(Box::new(wire))),
            };
        }
        Some(match name {
            "bool" => Wire::Bool,
            "int2" => Wire::Int2,
            "int4" => Wire::Int4,
            "int8" => Wire::Int8,
            "oid" => Wire::Oid,
            "float4" => Wire::Float4,
            "float8" => Wire::Float8,
            "numeric" => Wire::Numeric,
            "text" => Wire::Text,
            "jsonb" => Wire::Jsonb,
            "bytea" => Wire::Bytea,
            "uuid" => Wire::Uuid,
            "date" => Wire::Date,
            "time" => Wire::Time,
            "timetz" => Wire::TimeTz,
            "timestamp" => Wire::Timestamp,
            "timestamptz" => Wire::TimestampTz,
            "interval" => Wire::Interval { infinite: true },
            "interval_finite" => Wire::Interval { infinite: false },
            "inet" => Wire::Inet,
            "macaddr" => Wire::MacAddr,
            "macaddr8" => Wire::MacAddr8,
            "bits" => Wire::Bits,
            "point" => Wire::Point,
            _ => return None,
        })
    }

    /// Append the text of a value, without any quoting. Bytes of text are passed on as they are, UTF-8 or not.
    pub fn write_text(&self, value: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match self {
            Wire::Bool => match value {
                [0] => out.push(b'f'),
                [_] => out.push(b't'),
                _ => return Err(malformed("bool")),
            },
            Wire::Int2 => integer(i64::from(i16::from_be_bytes(fixed(value)?)), out),
            Wire::Int4 => integer(i64::from(i32::from_be_bytes(fixed(value)?)), out),
            Wire::Int8 => integer(i64::from_be_bytes(fixed(value)?), out),
            Wire::Oid => integer(i64::from(u32::from_be_bytes(fixed(value)?)), out),
            Wire::Float4 => binary_misc::write_float4(f32::from_be_bytes(fixed(value)?), out),
            Wire::Float8 => binary_misc::write_float8(f64::from_be_bytes(fixed(value)?), out),
            Wire::Numeric => binary_numeric::Numeric::parse(value)?.write_text(out),
            Wire::Text => out.extend_from_slice(value),
            Wire::Jsonb => out.extend_from_slice(jsonb(value)?),
            Wire::Bytea => binary_misc::write_hex(value, out),
            Wire::Uuid => binary_misc::write_uuid(&fixed(value)?, out),
            Wire::Date => binary_time::write_date(i32::from_be_bytes(fixed(value)?), out),
            Wire::Time => binary_time::write_time(i64::from_be_bytes(fixed(value)?), out)?,
            Wire::TimeTz => binary_time::write_timetz(value, out)?,
            Wire::Timestamp => binary_time::write_timestamp(i64::from_be_bytes(fixed(value)?), false, out),
            Wire::TimestampTz => binary_time::write_timestamp(i64::from_be_bytes(fixed(value)?), true, out),
            Wire::Interval { infinite } => binary_time::write_interval(value, *infinite, out)?,
            Wire::Inet => binary_misc::write_inet(value, out)?,
            Wire::MacAddr if value.len() == 6 => binary_misc::write_mac(value, out),
            Wire::MacAddr8 if value.len() == 8 => binary_misc::write_mac(value, out),
            Wire::MacAddr | Wire::MacAddr8 => return Err(malformed("macaddr")),
            Wire::Bits => binary_misc::write_bits(value, out)?,
            Wire::Point => {
                let mut cursor = Cursor::new(value);
                let (x, y) = (f64::from_be_bytes(cursor.array()?), f64::from_be_bytes(cursor.array()?));
                cursor.end()?;
                out.push(b'(');
                binary_misc::write_float8(x, out);
                out.push(b',');
                binary_misc::write_float8(y, out);
                out.push(b')');
            }
            Wire::Array(element) => binary_array::write_array(element, value, out)?,
            Wire::Range(element) => binary_array::write_range(element, value, out)?,
        }
        Ok(())
    }
}

/// The text of a jsonb value.
pub fn jsonb(value: &[u8]) -> Result<&[u8]> {
    match value.split_first() {
        Some((1, text)) => Ok(text),
        _ => Err(malformed("jsonb")),
    }
}

/// A value of exactly `N` bytes.
#[inline]
pub fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N]> {
    value.try_into().map_err(|_| malformed("a value of another length"))
}

pub(super) fn malformed(what: &'static str) -> Declined {
    Declined::Malformed(what)
}

pub(super) fn integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Reads a value's parts in turn.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub fn new(rest: &'a [u8]) -> Self {
        Cursor { rest }
    }

    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(malformed("a value cut short"))?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        fixed(self.take(N)?)
    }

    #[inline]
    pub fn i16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    #[inline]
    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    #[inline]
    pub fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    #[inline]
    pub fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// A length and as many bytes; None where the length says null.
    #[inline]
    pub fn field(&mut self) -> Result<Option<&'a [u8]>> {
        match self.i32()? {
            -1 => Ok(None),
            length => self.take(usize::try_from(length).map_err(|_| malformed("a negative length"))?).map(Some),
        }
    }

    pub fn end(&self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(malformed("bytes behind a value"))
        }
    }

    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}
