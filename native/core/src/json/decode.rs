//! Decode: the payloads of one schema to a column.
//!
//! Unknown fields, fields that come twice and values of another kind than the schema says are declined; so is what `read` declines.

use super::bins::Bins;
use super::containers::{container, object};
use super::floats::is_halfway;
use super::read::{byte, double, int, number, space, word, CUT};
use super::read_text::{plain_text, text, Said};
use super::shape::{OnNull, Reading, Shape};
use super::sink::Sink;
use super::{base64, decimal};
use crate::column::Column;
use crate::error::{Declined, Result};

/// Data one behind the other. `lengths`: a little-endian int32 each, -1 for none. What is not of this schema ends the run: a datum that does
/// not begin with `prefix`, or one whose entry in `index` is another than the wanted one. `tail`: what stands behind each payload.
#[derive(Debug, Clone, Copy, Default)]
pub struct Data<'a> {
    pub bytes: &'a [u8],
    pub lengths: &'a [u8],
    pub prefix: &'a [u8],
    pub tail: &'a [u8],
    pub index: Option<Index<'a>>,
}

/// A little-endian unsigned integer of `width` bytes per datum, and which of them are meant; those of null data do not count.
#[derive(Debug, Clone, Copy)]
pub struct Index<'a> {
    pub bytes: &'a [u8],
    pub width: usize,
    pub wanted: u64,
}

impl Index<'_> {
    fn is_wanted(&self, row: usize) -> bool {
        let start = row.saturating_mul(self.width);
        let entry = self.bytes.get(start..start.saturating_add(self.width)).unwrap_or(&[]);
        entry.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)) == self.wanted
    }
}

/// The first data, as many as are of this schema, as a column. A datum that is not there is a null row.
pub fn decode(shape: &Shape, data: &Data<'_>) -> Result<Column> {
    let mut sink = shape.sink();
    sink.reserve(data.lengths.len() / 4);
    let mut start = 0usize;
    for (row, length) in data.lengths.chunks_exact(4).enumerate() {
        let length = length.first_chunk::<4>().map_or(0, |bytes| i32::from_le_bytes(*bytes));
        let Ok(length) = usize::try_from(length) else {
            sink.nulls(1);
            continue;
        };
        if data.index.is_some_and(|index| !index.is_wanted(row)) {
            break;
        }
        let end = start.checked_add(length).ok_or(CUT)?;
        let datum = data.bytes.get(start..end).ok_or(CUT)?;
        let Some(payload) = datum.strip_prefix(data.prefix) else { break };
        root(shape, &mut sink, payload, data.tail)?;
        start = end;
    }
    Ok(sink.finish())
}

fn root(shape: &Shape, sink: &mut Sink, payload: &[u8], tail: &[u8]) -> Result<()> {
    let at = space(payload, 0);
    if payload.get(at) == Some(&b'n') && !matches!(shape.null, OnNull::Default(_)) {
        return Err(Declined::Value("a null that has a schema"));
    }
    let end = value(shape, sink, payload, at)?;
    if payload.get(end..) == Some(tail) || payload.get(space(payload, end)..) == Some(tail) {
        Ok(())
    } else {
        Err(Declined::Malformed("something behind the payload"))
    }
}

/// As `quick_value`, for places that are not worth its code.
#[inline(never)]
pub fn value(shape: &Shape, sink: &mut Sink, input: &[u8], at: usize) -> Result<usize> {
    quick_value(shape, sink, input, at)
}

/// Reads a value at `at` into `sink`, white space in front of it being passed; answers where it ends.
#[inline(always)]
pub fn quick_value(shape: &Shape, sink: &mut Sink, input: &[u8], at: usize) -> Result<usize> {
    if let Some(b'n') = input.get(at) {
        let end = word(input, at, b"null").ok_or(Declined::Malformed("an unknown word"))?;
        null(shape, sink)?;
        return Ok(end);
    }
    match (&shape.kind, sink) {
        (Reading::Text, Sink::Bins(bins)) => match bins.again(input, at) {
            Some(end) => Ok(end),
            None => text_value(bins, input, at),
        },
        (Reading::Int(low, high), Sink::Ints(ints)) => {
            let (value, end) = int(input, at)?;
            if value < *low || value > *high {
                return Err(Declined::Value("an integer beyond its type"));
            }
            ints.push(value);
            Ok(end)
        }
        (Reading::Struct(fields), Sink::Struct(groups, sinks)) => {
            groups.push(sinks);
            object(fields, sinks, input, at)
        }
        (Reading::Bool, Sink::Bools(bools)) => {
            if let Some(end) = word(input, at, b"true") {
                bools.push(true);
                return Ok(end);
            }
            let end = word(input, at, b"false").ok_or(Declined::Value("no truth value"))?;
            bools.push(false);
            Ok(end)
        }
        (Reading::Double, Sink::Floats(floats)) => {
            let (value, end) = double(input, at)?;
            floats.push(value);
            Ok(end)
        }
        (Reading::Single, Sink::Floats(floats)) => {
            let (value, end) = double(input, at)?;
            if is_halfway(value) {
                return Err(Declined::Value("a number that has to be rounded from its digits"));
            }
            floats.push(f64::from(value as f32));
            Ok(end)
        }
        (Reading::Decimal(scale), Sink::Bins(bins)) => decimal_value(*scale, bins, input, at),
        (Reading::Bytes, Sink::Bins(bins)) => {
            let (letters, end) = plain_text(input, at)?;
            base64::decode(letters, bins.append()?)?;
            bins.appended()?;
            Ok(end)
        }
        (Reading::List(_) | Reading::Map(_), sink) => container(shape, sink, input, at),
        _ => Err(Declined::Malformed("a sink of another kind")),
    }
}

#[inline(always)]
pub fn null(shape: &Shape, sink: &mut Sink) -> Result<()> {
    match &shape.null {
        OnNull::Null => sink.nulls(1),
        OnNull::Default(default) => sink.scalar(default)?,
        OnNull::Refused => return Err(Declined::Value("null where a value is required")),
    }
    Ok(())
}

#[inline(always)]
fn text_value(bins: &mut Bins, input: &[u8], at: usize) -> Result<usize> {
    let (said, end) = text(input, at, || bins.open())?;
    match said {
        Said::Plain(start, stop) => bins.push(input, start, stop)?,
        Said::Resolved => bins.end()?,
    }
    Ok(end)
}

/// Base64 of the unscaled value, or a number of just the schema's scale.
fn decimal_value(scale: i32, bins: &mut Bins, input: &[u8], at: usize) -> Result<usize> {
    let into = bins.append()?;
    let start = into.len();
    let end;
    if byte(input, at)? == b'"' {
        let (letters, behind) = plain_text(input, at)?;
        base64::decode(letters, into)?;
        let size = into.len() - start;
        if size == 0 || size > decimal::LONGEST {
            return Err(Declined::Value("a decimal of no bytes, or of that many"));
        }
        let kept = decimal::shortest(into.get(start..).unwrap_or(&[])).len();
        into.drain(start..start + size - kept);
        end = behind;
    } else {
        let found = number(input, at)?;
        end = found.end;
        let fraction = found.fraction.map_or(0, |fraction| end - fraction);
        if found.exponent.is_some() || i32::try_from(fraction) != Ok(scale) {
            return Err(Declined::Value("a decimal of another scale than the schema's"));
        }
        decimal::parse(input.get(at..end).unwrap_or(&[]), into)?;
    }
    bins.appended()?;
    Ok(end)
}
