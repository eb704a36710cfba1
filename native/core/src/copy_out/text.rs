//! Fields whose bytes are text, and the two small ones that are written in hexadecimal or bits.

use std::io::Write;

use crate::column::{Column, Data};
use crate::copy_out::field::{fixed, sized};
use crate::copy_out::number::{decimal_digits, float_text};
use crate::error::{Declined, Result};
use crate::last_word::equality::{kind, Plain};

/// What text is made from: text, numbers, truth values (t, f), an unscaled decimal with its scale, bytes (\x…).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextOf {
    Text,
    Int,
    Float,
    Bool,
    Decimal(i32),
    Bytes,
}

impl TextOf {
    pub fn takes(self, column: &Column) -> bool {
        let wanted = match self {
            TextOf::Text | TextOf::Decimal(_) | TextOf::Bytes => Plain::Bin,
            TextOf::Int => Plain::Int,
            TextOf::Float => Plain::Float,
            TextOf::Bool => Plain::Bool,
        };
        matches!(column.data, Data::Null) || kind(column) == Some(wanted)
    }

    /// Append the text of row `i`, which has a value. Declined for NUL, which PostgreSQL cannot hold.
    #[inline]
    pub fn append(self, column: &Column, i: usize, out: &mut Vec<u8>) -> Result<()> {
        match self {
            TextOf::Text => {
                let text = column.bin(i);
                if memchr::memchr(0, text).is_some() {
                    return Err(Declined::Value("text with a NUL character"));
                }
                out.extend_from_slice(text);
            }
            TextOf::Int => out.extend_from_slice(itoa::Buffer::new().format(column.int(i)).as_bytes()),
            TextOf::Float => {
                let value = column.float(i);
                if value.is_finite() {
                    out.extend_from_slice(float_text(value).as_bytes());
                } else {
                    let name: &[u8] = if value.is_nan() {
                        b"nan"
                    } else if value > 0.0 {
                        b"inf"
                    } else {
                        b"-inf"
                    };
                    out.extend_from_slice(name);
                }
            }
            TextOf::Bool => out.push(if column.bool(i) { b't' } else { b'f' }),
            TextOf::Decimal(scale) => append_decimal(column.bin(i), scale, out)?,
            TextOf::Bytes => {
                out.extend_from_slice(b"\\x");
                append_hex(column.bin(i), out);
            }
        }
        Ok(())
    }
}

fn append_hex(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        // Writing to a Vec does not fail.
        let _ = write!(out, "{byte:02x}");
    }
}

fn append_decimal(bytes: &[u8], scale: i32, out: &mut Vec<u8>) -> Result<()> {
    let scale = usize::try_from(scale).ok().filter(|&one| one < 10_000);
    let scale = scale.ok_or(Declined::Value("a scale of such a size"))?;
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        out.push(b'-');
    }
    let digits = decimal_digits(bytes)?;
    let zeros = (scale + 1).saturating_sub(digits.len());
    let digits = [vec![b'0'; zeros], digits].concat();
    let (whole, fraction) = digits.split_at_checked(digits.len() - scale).unwrap_or((&digits, &[]));
    out.extend_from_slice(whole);
    if scale > 0 {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
    Ok(())
}

/// uuid of 32 hexadecimal digits with hyphens anywhere. Declined for anything else.
pub fn write_uuid(text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let other = || Declined::Value("no UUID");
    let mut bytes = [0u8; 16];
    let mut digits = text.iter().filter(|byte| **byte != b'-');
    for byte in &mut bytes {
        for _ in 0..2 {
            let digit = digits.next().and_then(|digit| char::from(*digit).to_digit(16)).ok_or_else(other)?;
            *byte = *byte << 4 | digit as u8;
        }
    }
    if digits.next().is_some() {
        return Err(other());
    }
    fixed(out, &bytes)
}

/// bit and varbit of the low `length` bits (0: all) of little-endian bytes, most significant bit first.
pub fn write_bits(data: &[u8], length: usize, out: &mut Vec<u8>) -> Result<()> {
    let length = if length == 0 { data.len() * 8 } else { length };
    let count = i32::try_from(length).map_err(|_| Declined::TooLarge)?;
    let size = length.div_ceil(8);
    let shift = size * 8 - length;
    let byte = |from_end: usize| data.get(from_end).copied().unwrap_or(0);
    sized(out, |out| {
        out.extend_from_slice(&count.to_be_bytes());
        // Shifted to the left as a whole; what is above the length falls out.
        for at in (0..size).rev() {
            let wide = u16::from(byte(at)) << 8 | if at > 0 { u16::from(byte(at - 1)) } else { 0 };
            out.push((wide << shift >> 8) as u8);
        }
        Ok(())
    })
}
