//! Decimals as text and back: what the decimal type of Python reads and writes, which is what BigDecimal.toString writes.

use crate::error::{Declined, Result};
pub use crate::json::decimal::shortest;
use crate::json::decimal::{number, LONGEST};
use crate::json::room::written;
use crate::pg::numeric::write_unscaled;

/// The text of an unscaled value (big-endian two's complement) with a scale, which says the scale as well; None for one of very many
/// digits.
pub fn text(unscaled: &[u8], scale: i32) -> Option<Vec<u8>> {
    if unscaled.is_empty() || unscaled.len() > LONGEST {
        return None;
    }
    if unscaled.len() <= 8 && (0..=18).contains(&scale) {
        let sign = if unscaled.first().is_some_and(|&first| first >= 0x80) { -1i64 } else { 0 };
        let value = unscaled.iter().fold(sign, |value, &byte| value << 8 | i64::from(byte));
        let (scale, mut buffer) = (scale as usize, itoa::Buffer::new());
        let digits = buffer.format(value.unsigned_abs()).as_bytes();
        // Smaller numbers have an exponent.
        if digits.len() + 6 > scale {
            let mut made = Vec::with_capacity(32);
            if value < 0 {
                made.push(b'-');
            }
            let whole = digits.len().saturating_sub(scale);
            let (before, behind) = digits.split_at(whole);
            made.extend_from_slice(if before.is_empty() { b"0" } else { before });
            if scale > 0 {
                made.push(b'.');
                made.resize(made.len() + scale.saturating_sub(digits.len()), b'0');
                made.extend_from_slice(behind);
            }
            return Some(made);
        }
    }
    written(|room| Ok::<_, Declined>(number(room, 0, unscaled, scale))).ok()
}

/// How many decimal digits an unscaled value has; None for very many.
pub fn digits(unscaled: &[u8]) -> Option<usize> {
    let text = text(unscaled, 0)?;
    Some(text.len() - usize::from(text.first() == Some(&b'-')))
}

/// Append the unscaled value of a text as `text` writes it. `Err` for a number of another scale, for a negative zero and for all that is
/// no number.
pub fn write_unscaled_of(to: &mut Vec<u8>, text: &str, scale: i32) -> Result<()> {
    const OTHER: Declined = Declined::Value("a decimal of another scale");
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match rest.split_once(['E', 'e']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().map_err(|_| OTHER)?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let places = i64::try_from(fraction.len()).map_err(|_| OTHER)?;
    if whole.is_empty() || places.checked_sub(exponent) != Some(i64::from(scale)) {
        return Err(OTHER);
    }
    let zero = whole.bytes().chain(fraction.bytes()).all(|byte| byte == b'0');
    if negative && zero {
        return Err(OTHER);
    }
    write_unscaled(to, negative, &[whole.as_bytes(), fraction.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (value, scale, expected) in [
            (0i64, 0, "0"),
            (0, 2, "0.00"),
            (-1, 2, "-0.01"),
            (123_456, 2, "1234.56"),
            (7, 6, "0.000007"),
            (7, 7, "7E-7"),
            (-70, 8, "-7.0E-7"),
            (0, 7, "0E-7"),
            (5, -3, "5E+3"),
            (i64::MIN, 0, "-9223372036854775808"),
            (i64::MAX, 18, "9.223372036854775807"),
        ] {
            let mut bytes = Vec::new();
            crate::pg::numeric::write_i64(&mut bytes, value);
            let made = String::from_utf8(text(&bytes, scale).unwrap()).unwrap();
            assert_eq!(made, expected);
            let mut back = Vec::new();
            write_unscaled_of(&mut back, &made, scale).unwrap();
            assert_eq!(back, bytes);
        }
        for (wrong, scale) in [("1.0", 2), ("-0.00", 2), ("NaN", 0), ("", 0), ("1E5", 0), ("Infinity", 0), (".5", 1)] {
            assert!(write_unscaled_of(&mut Vec::new(), wrong, scale).is_err(), "{wrong}");
        }
    }
}
