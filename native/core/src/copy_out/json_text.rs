//! JSON text of structs, lists and maps, byte for byte as Python's json writes it without spaces and with non-ASCII as it is.

use crate::column::{Column, Data};
use crate::copy_out::containers::distinct;
use crate::copy_out::number::float_text;
use crate::error::{Declined, Result};
use crate::last_word::equality::{kind, range, Plain};
use crate::layout::{Kind, Layout};

/// How a value of a layout is written.
#[derive(Debug)]
pub enum Json {
    Bool,
    Int,
    Float,
    Text,
    /// As base64.
    Bytes,
    /// Names with quotes and colon.
    Struct(Vec<(Vec<u8>, Json)>),
    List(Box<Json>),
    Map(Box<Json>),
}

impl Json {
    /// None for a layout with values in it whose text is the twin's business (decimals, dates).
    pub fn of(layout: &Layout) -> Option<Json> {
        Some(match &layout.kind {
            Kind::Bool => Json::Bool,
            Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => Json::Int,
            Kind::Float32 | Kind::Float64 => Json::Float,
            Kind::Str => Json::Text,
            Kind::Bytes => Json::Bytes,
            Kind::Decimal { .. } | Kind::Date | Kind::Time | Kind::Timestamp => return None,
            Kind::Struct(fields) => Json::Struct(
                fields
                    .iter()
                    .map(|field| {
                        let mut name = Vec::new();
                        append_string(field.name.as_bytes(), &mut name);
                        name.push(b':');
                        Json::of(&field.layout).map(|json| (name, json))
                    })
                    .collect::<Option<_>>()?,
            ),
            Kind::List(element) => Json::List(Box::new(Json::of(element)?)),
            Kind::Map(_, value) => Json::Map(Box::new(Json::of(value)?)),
        })
    }

    pub fn takes(&self, column: &Column) -> bool {
        match (self, &column.data) {
            (_, Data::Null) => true,
            (Json::Bool, _) => kind(column) == Some(Plain::Bool),
            (Json::Int, _) => kind(column) == Some(Plain::Int),
            (Json::Float, _) => kind(column) == Some(Plain::Float),
            (Json::Text | Json::Bytes, _) => kind(column) == Some(Plain::Bin),
            (Json::Struct(fields), Data::Struct(children)) => {
                fields.len() == children.len() && fields.iter().zip(children).all(|((_, json), one)| json.takes(one))
            }
            (Json::List(element), Data::List(_, items)) => element.takes(items),
            (Json::Map(value), Data::Map(_, keys, values)) => Json::Text.takes(keys) && value.takes(values),
            _ => false,
        }
    }

    /// Append the text of row `i`; null for none.
    pub fn append(&self, column: &Column, i: usize, out: &mut Vec<u8>) -> Result<()> {
        if !column.is_valid(i) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        let malformed = || Declined::Malformed("a container that is none");
        match (self, &column.data) {
            (Json::Bool, _) => out.extend_from_slice(if column.bool(i) { b"true" } else { b"false" }),
            (Json::Int, _) => out.extend_from_slice(itoa::Buffer::new().format(column.int(i)).as_bytes()),
            (Json::Float, _) => append_float(column.float(i), out),
            (Json::Text, _) => append_string(column.bin(i), out),
            (Json::Bytes, _) => {
                out.push(b'"');
                append_base64(column.bin(i), out);
                out.push(b'"');
            }
            (Json::Struct(fields), Data::Struct(children)) => {
                out.push(b'{');
                for (number, ((name, json), child)) in fields.iter().zip(children).enumerate() {
                    if number > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(name);
                    json.append(child, i, out)?;
                }
                out.push(b'}');
            }
            (Json::List(element), Data::List(offsets, items)) => {
                let (from, to) = range(offsets, i).ok_or_else(malformed)?;
                out.push(b'[');
                for at in from..to {
                    if at > from {
                        out.push(b',');
                    }
                    element.append(items, at, out)?;
                }
                out.push(b']');
            }
            (Json::Map(value), Data::Map(offsets, keys, values)) => {
                let (from, to) = range(offsets, i).ok_or_else(malformed)?;
                distinct(keys, from, to)?;
                out.push(b'{');
                for at in from..to {
                    if at > from {
                        out.push(b',');
                    }
                    append_string(keys.bin(at), out);
                    out.push(b':');
                    value.append(values, at, out)?;
                }
                out.push(b'}');
            }
            _ => return Err(malformed()),
        }
        Ok(())
    }
}

fn append_float(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        out.extend_from_slice(float_text(value).as_bytes());
    } else {
        out.extend_from_slice(match (value.is_nan(), value > 0.0) {
            (true, _) => b"NaN",
            (_, true) => b"Infinity",
            _ => b"-Infinity",
        });
    }
}

/// A text in quotes, with the escapes that are needed; control characters as `\u001f`.
pub(crate) fn append_string(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..=0x1f => {
                let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Base64 with padding.
pub(crate) fn append_base64(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for three in bytes.chunks(3) {
        let word = three.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= three.len() { digit } else { b'=' });
        }
    }
}
