//! numeric: digits of base 10,000, a weight, a sign, and how many places are shown.

use super::binary::{malformed, Cursor};
use super::numeric::write_i64;
use crate::error::Result;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const POSITIVE_INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
/// 38 digits and a sign fit into 128 bits: nine groups of four, with room for what the scale takes off or adds.
const MOST_GROUPS: usize = 9;

/// A numeric as numeric_send writes it: `digits` holds two bytes for each digit, the first stands for 10,000 to the power of `weight`.
#[derive(Debug, Clone, Copy)]
pub struct Numeric<'a> {
    digits: &'a [u8],
    weight: i16,
    sign: u16,
    scale: u16,
}

impl<'a> Numeric<'a> {
    /// Every digit is below 10,000 afterwards.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Result<Self> {
        let mut cursor = Cursor::new(value);
        let count = cursor.u16()?;
        let (weight, sign, scale) = (cursor.i16()?, cursor.u16()?, cursor.u16()?);
        let digits = cursor.take(usize::from(count) * 2)?;
        cursor.end()?;
        let known = matches!(sign, 0 | NEGATIVE | NAN | POSITIVE_INFINITY | NEGATIVE_INFINITY);
        if !known || scale > 0x3FFF || digits.chunks_exact(2).any(|pair| group(pair) > 9999) {
            return Err(malformed("numeric"));
        }
        Ok(Numeric { digits, weight, sign, scale })
    }

    /// Places behind the point that the text shows.
    pub fn scale(&self) -> u16 {
        self.scale
    }

    pub fn is_finite(&self) -> bool {
        matches!(self.sign, 0 | NEGATIVE)
    }

    /// The digit at a power of 10,000; 0 where none is kept.
    fn at(&self, power: i32) -> u16 {
        usize::try_from(i32::from(self.weight) - power)
            .ok()
            .and_then(|place| self.digits.get(place * 2..place * 2 + 2))
            .map_or(0, group)
    }

    /// The value times 10 to the power of its scale; None for one that is not finite, or longer than is done here.
    #[inline]
    pub fn unscaled(&self) -> Option<i128> {
        let count = self.digits.len() / 2;
        if !self.is_finite() || count > MOST_GROUPS || self.scale > 30 {
            return None;
        }
        // The last digit stands for 10,000 to the power of weight + 1 - count; what is wanted is units of 10 to the power of -scale.
        let shift = (i32::from(self.weight) + 1 - i32::try_from(count).ok()?) * 4 + i32::from(self.scale);
        let value = if count <= 3 && (-12..=6).contains(&shift) {
            // Up to 12 digits, and 6 more: it is short.
            let value = self.digits.chunks_exact(2).fold(0, |value, pair| value * 10_000 + i64::from(group(pair)));
            i128::from(if shift >= 0 {
                value * 10i64.pow(shift as u32)
            } else {
                value / 10i64.pow(shift.unsigned_abs())
            })
        } else {
            let value = self.digits.chunks_exact(2).fold(0, |value, pair| value * 10_000 + i128::from(group(pair)));
            match shift {
                _ if value == 0 => 0,
                0.. => value.checked_mul(10i128.checked_pow(shift.unsigned_abs())?)?,
                // Cut, as the text is.
                _ => value / 10i128.checked_pow(shift.unsigned_abs())?,
            }
        };
        Some(if self.sign == NEGATIVE { -value } else { value })
    }

    /// As numeric_out writes it.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        match self.sign {
            NAN => return out.extend_from_slice(b"NaN"),
            POSITIVE_INFINITY => return out.extend_from_slice(b"Infinity"),
            NEGATIVE_INFINITY => return out.extend_from_slice(b"-Infinity"),
            NEGATIVE => out.push(b'-'),
            _ => {}
        }
        if self.weight < 0 {
            out.push(b'0');
        } else {
            super::binary::integer(i64::from(self.at(i32::from(self.weight))), out);
            for power in (0..i32::from(self.weight)).rev() {
                out.extend_from_slice(&four(self.at(power)));
            }
        }
        if self.scale == 0 {
            return;
        }
        out.push(b'.');
        let end = out.len() + usize::from(self.scale);
        let mut power = -1;
        while out.len() < end {
            out.extend_from_slice(&four(self.at(power)));
            power -= 1;
        }
        out.truncate(end);
    }
}

/// Append the two's complement, big-endian, as short as can be.
#[inline]
pub fn write_unscaled(to: &mut Vec<u8>, value: i128) {
    if let Ok(short) = i64::try_from(value) {
        return write_i64(to, short);
    }
    let bytes = value.to_be_bytes();
    // A leading byte that only repeats the sign goes.
    let repeats = |pair: &&[u8]| matches!(pair, [0, 0..=0x7F] | [0xFF, 0x80..=0xFF]);
    let skipped = bytes.windows(2).take_while(repeats).count();
    to.extend_from_slice(bytes.get(skipped..).unwrap_or(&bytes));
}

#[inline]
fn group(pair: &[u8]) -> u16 {
    match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    }
}

fn four(group: u16) -> [u8; 4] {
    let digit = |value: u16| b'0' + (value % 10) as u8;
    [digit(group / 1000), digit(group / 100), digit(group / 10), digit(group)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(weight: i16, sign: u16, scale: u16, digits: &[u16]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&(digits.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&weight.to_be_bytes());
        bytes.extend_from_slice(&sign.to_be_bytes());
        bytes.extend_from_slice(&scale.to_be_bytes());
        for digit in digits {
            bytes.extend_from_slice(&digit.to_be_bytes());
        }
        bytes
    }

    fn both(bytes: &[u8]) -> (String, Option<i128>) {
        let numeric = Numeric::parse(bytes).unwrap();
        let mut out = Vec::new();
        numeric.write_text(&mut out);
        (String::from_utf8(out).unwrap(), numeric.unscaled())
    }

    #[test]
    fn texts_and_unscaled_values() {
        assert_eq!(both(&made(0, 0, 2, &[12, 3400])), ("12.34".into(), Some(1234)));
        assert_eq!(both(&made(0, NEGATIVE, 2, &[12, 3400])), ("-12.34".into(), Some(-1234)));
        assert_eq!(both(&made(1, 0, 0, &[1])), ("10000".into(), Some(10_000)));
        assert_eq!(both(&made(0, 0, 3, &[])), ("0.000".into(), Some(0)));
        assert_eq!(both(&made(-2, 0, 6, &[100])), ("0.000001".into(), Some(1)));
        assert_eq!(both(&made(-1, 0, 4, &[5])), ("0.0005".into(), Some(5)));
        assert_eq!(both(&made(0, NAN, 0, &[])), ("NaN".into(), None));
        assert_eq!(both(&made(0, NEGATIVE_INFINITY, 0, &[])), ("-Infinity".into(), None));
        assert_eq!(both(&made(300, 0, 0, &[1])).1, None);
        assert_eq!(both(&made(0, 0, 0x3FFF, &[1])).0.len(), 2 + 0x3FFF);
    }

    #[test]
    fn unscaled_values_are_as_short_as_can_be() {
        for number in
            [0, 1, -1, 127, 128, -128, -129, 1 << 63, -(1 << 63) - 1, 1 << 71, (1 << 71) - 1, i128::MAX, i128::MIN]
        {
            let mut bytes = Vec::new();
            write_unscaled(&mut bytes, number);
            let mut wide = if number < 0 { [0xFF; 16] } else { [0; 16] };
            wide[16 - bytes.len()..].copy_from_slice(&bytes);
            assert_eq!(i128::from_be_bytes(wide), number);
            let shorter = if number < 0 { -1 - number } else { number };
            assert_eq!(bytes.len(), (129 - shorter.leading_zeros() as usize).div_ceil(8).max(1), "{number}");
        }
    }

    #[test]
    fn what_is_no_numeric() {
        assert!(Numeric::parse(&made(0, 1, 0, &[1])).is_err());
        assert!(Numeric::parse(&made(0, 0, 0, &[10_000])).is_err());
        assert!(Numeric::parse(&made(0, 0, 0, &[1])[..9]).is_err());
        assert!(Numeric::parse(&[]).is_err());
    }
}
