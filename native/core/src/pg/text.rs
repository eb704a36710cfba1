//! The server's texts as values: the entry, and the types that need little.
//!
//! Sessions write ISO dates, intervals in style postgres, UTC, bytea in hex. Text must be UTF-8.

use super::out::Out;
use super::plan::{Encoding, Mask, Op};
use super::{text_nested, text_numeric, text_temporal};
use crate::builders::Bins;
use crate::error::{Declined, Result};

impl Op {
    /// Add the value of a text to `out`, a builder of `Op::out`. On `Err` the builder may hold part of it.
    #[inline]
    pub fn decode_text(&self, text: &[u8], out: &mut Out) -> Result<()> {
        match self {
            Op::Int | Op::Oid => out.int(int(text)?),
            Op::Text(_) => out.bin(utf8(text)?),
            Op::Bool => match text {
                b"t" => out.bool(true),
                b"f" => out.bool(false),
                _ => Err(Declined::Value("a truth value")),
            },
            Op::BitBool => match text {
                b"1" => out.bool(true),
                b"0" => out.bool(false),
                _ => Err(Declined::Value("a bit")),
            },
            Op::Enum(labels) if !text.is_empty() && labels.contains(text) => out.bin(text),
            Op::Enum(_) => Err(Declined::Value("a label that is not known")),
            Op::Float8 | Op::NumericDouble => out.float(float(text)?),
            Op::Float4 => out.float(f64::from(float(text)? as f32)),
            Op::Decimal(scale) => text_numeric::decimal(text, *scale, out),
            Op::VariableDecimal => text_numeric::variable(text, out),
            Op::NumericText => out.bin(match text {
                b"NaN" => b"NAN",
                b"Infinity" => b"POSITIVE_INFINITY",
                b"-Infinity" => b"NEGATIVE_INFINITY",
                plain => utf8(plain)?,
            }),
            Op::Money(money) => text_numeric::money(text, *money, out),
            Op::Bytea(encoding) => bytea(text, *encoding, out),
            Op::Opaque(Encoding::Raw) => out.bin(text),
            Op::Opaque(encoding) => {
                let bins = out.bins_mut()?;
                encode(text, *encoding, bins.open());
                bins.end()
            }
            Op::Bits => bits(text, out.bins_mut()?),
            Op::Date(unit) => text_temporal::date(text, *unit, out),
            Op::Time(unit) => text_temporal::time(text, *unit, out),
            Op::TimeTz => text_temporal::time_tz(text, out),
            Op::Timestamp(unit) => text_temporal::timestamp(text, *unit, out),
            Op::TimestampTz(digits) => text_temporal::timestamp_tz(text, *digits, out),
            Op::Interval(span) => text_temporal::interval(text, *span, out),
            Op::Hstore(hstore) => text_nested::hstore(text, *hstore, out),
            Op::Point => text_nested::point(text, out),
            Op::Geometry => text_nested::geometry(text, out),
            Op::Vector => text_nested::vector(text, out),
            Op::Array { element, nulls } => text_nested::array(text, element, *nulls, out),
            Op::Masked(inner, mask) => {
                inner.decode_text(text, out)?;
                mask.apply(out.bins_mut()?)
            }
        }
    }
}

impl Mask {
    /// Shorten or hide the row added last.
    pub fn apply(&self, bins: &mut Bins) -> Result<()> {
        let last = bins.last();
        let made: Vec<u8> = match self {
            Mask::Stars(stars) => stars.to_vec(),
            Mask::CutBytes(most) => last.get(..*most).unwrap_or(last).to_vec(),
            Mask::CutText(most) => {
                let text = std::str::from_utf8(last).map_err(|_| NOT_UTF8)?;
                let mut left = *most;
                let end = text.char_indices().find_map(|(at, char)| {
                    // Half of a pair of surrogates is left out, too.
                    let units = char.len_utf16();
                    if units > left {
                        return Some(at);
                    }
                    left -= units;
                    None
                });
                end.map_or(last, |end| last.get(..end).unwrap_or(last)).to_vec()
            }
        };
        bins.truncate(bins.rows().saturating_sub(1));
        bins.push(&made)
    }
}

const NOT_UTF8: Declined = Declined::Value("text that is not UTF-8");

/// The text itself, which is UTF-8.
#[inline]
pub fn utf8(text: &[u8]) -> Result<&[u8]> {
    if text.is_ascii() || std::str::from_utf8(text).is_ok() {
        return Ok(text);
    }
    Err(NOT_UTF8)
}

/// A decimal integer as the server prints it.
#[inline]
pub fn int(text: &[u8]) -> Result<i64> {
    const NO_INT: Declined = Declined::Value("an integer");
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 19 {
        return Err(NO_INT);
    }
    let mut value = 0u64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return Err(NO_INT);
        }
        // 19 digits stay below 2^64.
        value = value * 10 + u64::from(digit - b'0');
    }
    match (negative, i64::try_from(value)) {
        (false, Ok(value)) => Ok(value),
        (true, Ok(value)) => Ok(-value),
        (true, Err(_)) if value == 1 << 63 => Ok(i64::MIN),
        _ => Err(NO_INT),
    }
}

/// A float as the server prints it.
pub fn float(text: &[u8]) -> Result<f64> {
    match text {
        b"NaN" => return Ok(f64::NAN),
        b"Infinity" => return Ok(f64::INFINITY),
        b"-Infinity" => return Ok(f64::NEG_INFINITY),
        _ => (),
    }
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if !digits.first().is_some_and(u8::is_ascii_digit) {
        return Err(Declined::Value("a number"));
    }
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Declined::Value("a number"))
}

fn bytea(text: &[u8], encoding: Encoding, out: &mut Out) -> Result<()> {
    let digits = text.strip_prefix(b"\\x").ok_or(Declined::Value("bytea that is not in hex"))?;
    let bins = out.bins_mut()?;
    if encoding == Encoding::Raw {
        unhex(digits, bins.open())?;
        return bins.end();
    }
    let mut raw = Vec::with_capacity(digits.len() / 2);
    unhex(digits, &mut raw)?;
    encode(&raw, encoding, bins.open());
    bins.end()
}

/// Append the bytes of hexadecimal digits.
pub fn unhex(digits: &[u8], to: &mut Vec<u8>) -> Result<()> {
    if digits.len() % 2 != 0 {
        return Err(Declined::Value("half a byte"));
    }
    to.reserve(digits.len() / 2);
    let mut wrong = 0u8;
    to.extend(digits.chunks_exact(2).map(|pair| match pair {
        [high, low] => {
            let (high, low) = (nibble(*high), nibble(*low));
            wrong |= high | low;
            (high << 4) | (low & 0xF)
        }
        _ => 0,
    }));
    if wrong & 0xF0 != 0 {
        return Err(Declined::Value("something that is no hexadecimal digit"));
    }
    Ok(())
}

/// The value of a hexadecimal digit, 0x80 for none.
#[inline]
fn nibble(digit: u8) -> u8 {
    const VALUES: [u8; 256] = {
        let mut values = [0x80; 256];
        let mut at = 0;
        while at < 16 {
            let digit = b"0123456789abcdef"[at];
            values[digit as usize] = at as u8;
            values[digit.to_ascii_uppercase() as usize] = at as u8;
            at += 1;
        }
        values
    };
    VALUES[usize::from(digit)]
}

/// Append bytes in an encoding.
pub fn encode(bytes: &[u8], encoding: Encoding, to: &mut Vec<u8>) {
    match encoding {
        Encoding::Raw => to.extend_from_slice(bytes),
        Encoding::Hex => {
            let digit = |value: u8| b"0123456789abcdef"[usize::from(value & 0xF)];
            to.extend(bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]));
        }
        Encoding::Base64 => base64(bytes, b"+/", to),
        Encoding::Base64Url => base64(bytes, b"-_", to),
    }
}

fn base64(bytes: &[u8], last: &[u8; 2], to: &mut Vec<u8>) {
    let digit = |value: u32| match (value & 63) as u8 {
        value @ 0..=25 => b'A' + value,
        value @ 26..=51 => b'a' + value - 26,
        value @ 52..=61 => b'0' + value - 52,
        62 => last[0],
        _ => last[1],
    };
    to.reserve(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let part = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = part(0) << 16 | part(1) << 8 | part(2);
        to.extend([
            digit(bits >> 18),
            digit(bits >> 12),
            if group.len() > 1 { digit(bits >> 6) } else { b'=' },
            if group.len() > 2 { digit(bits) } else { b'=' },
        ]);
    }
}

/// The lowest bit first, in bytes, without zero bytes at the end.
fn bits(text: &[u8], bins: &mut Bins) -> Result<()> {
    let to = bins.open();
    for group in text.rchunks(8) {
        let mut byte = 0u8;
        for &bit in group {
            byte = match bit {
                b'0' => byte << 1,
                b'1' => byte << 1 | 1,
                _ => return Err(Declined::Value("a bit")),
            };
        }
        to.push(byte);
    }
    let mut kept = text.len().div_ceil(8);
    let start = to.len() - kept;
    while kept > 0 && to.last() == Some(&0) && to.len() > start {
        to.pop();
        kept -= 1;
    }
    bins.end()
}
