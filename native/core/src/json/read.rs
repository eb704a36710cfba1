//! Reading JSON's tokens, only in the forms that mean the same to everybody; the rest is declined.
//!
//! Declined are numbers with zeros in front, minus zero, lone surrogates, control characters in text: one reader takes them, another does
//! not, and the twin knows which. Texts are in `read_text`.

use crate::error::{Declined, Result};

/// A one in each byte of a word, and the highest bit of each.
pub const ONES: u64 = 0x0101_0101_0101_0101;
pub const HIGH: u64 = 0x80 * ONES;
/// Significant digits of a fraction up to which all readers agree about the double.
const SURE_DIGITS: usize = 19;

pub const CUT: Declined = Declined::Malformed("JSON that is cut short");

#[inline(always)]
pub fn byte(input: &[u8], at: usize) -> Result<u8> {
    input.get(at).copied().ok_or(CUT)
}

/// The place of the next byte that is no white space.
#[inline(always)]
pub fn space(input: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = input.get(at) {
        at += 1;
    }
    at
}

/// Where `word` ends, if it is at `at`.
#[inline(always)]
pub fn word<const N: usize>(input: &[u8], at: usize, word: &[u8; N]) -> Option<usize> {
    (input.get(at..)?.first_chunk::<N>()? == word).then_some(at + N)
}

/// Eight bytes, the first in the lowest.
#[inline(always)]
pub fn word_at(input: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*input.get(at..)?.first_chunk::<8>()?))
}

/// How many digits the eight bytes begin with (the first is the lowest), and their value.
#[inline(always)]
fn first_digits(word: u64) -> (usize, u64) {
    let others = (word.wrapping_add(0x46 * ONES) | word.wrapping_sub(0x30 * ONES)) & HIGH;
    let count = (others.trailing_zeros() / 8) as usize;
    // The digits go to the end of the word, zeros before them.
    let word = if count == 0 { 0 } else { word << (64 - 8 * count as u32) };
    let digits = word & (0x0f * ONES);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    (count, fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff)
}

/// Ten to the power of 0 to 8.
const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
/// The most digits of an integer that fits 64 bits.
const MOST_DIGITS: usize = 19;

/// An integer of 64 bits at `at`, and where it ends.
#[inline(always)]
pub fn int(input: &[u8], at: usize) -> Result<(i64, usize)> {
    let negative = byte(input, at)? == b'-';
    let start = at + usize::from(negative);
    let (value, end) = match word_at(input, start).map(first_digits) {
        Some((count, value)) if count < 8 => (value, start + count),
        Some((_, value)) => longer(input, start, value)?,
        None => few(input, start)?,
    };
    if end == start || matches!(input.get(end), Some(b'.' | b'e' | b'E')) {
        return Err(Declined::Value("a number that is no integer"));
    }
    if input.get(start) == Some(&b'0') && (negative || end > start + 1) {
        return Err(Declined::Value("an integer with a zero in front, or minus zero"));
    }
    // Minus 2^63 is in range, plus 2^63 is not.
    let value = if negative { 0i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() };
    Ok((value.ok_or(WIDE)?, end))
}

const WIDE: Declined = Declined::Value("an integer of more than 64 bits");

/// As `int`, of which the first eight digits are read.
#[inline(always)]
fn longer(input: &[u8], start: usize, mut value: u64) -> Result<(u64, usize)> {
    let mut end = start + 8;
    loop {
        let Some((count, next)) = word_at(input, end).map(first_digits) else {
            let (next, behind) = few(input, end)?;
            let count = behind - end;
            return match POWERS.get(count) {
                Some(power) if behind - start <= MOST_DIGITS => {
                    Ok((value.wrapping_mul(*power).wrapping_add(next), behind))
                }
                _ => Err(WIDE),
            };
        };
        end += count;
        if end - start > MOST_DIGITS {
            return Err(WIDE);
        }
        // Nineteen digits are below 2^64.
        value = value.wrapping_mul(POWERS[count]).wrapping_add(next);
        if count < 8 {
            return Ok((value, end));
        }
    }
}

/// Digits near the end, less than eight of them.
#[cold]
fn few(input: &[u8], mut at: usize) -> Result<(u64, usize)> {
    let mut value = 0u64;
    while let Some(digit @ b'0'..=b'9') = input.get(at) {
        value = value * 10 + u64::from(digit - b'0');
        at += 1;
    }
    Ok((value, at))
}

/// The text of a number at `at`: where it ends, where its fraction begins (behind the point), where its exponent begins (at the e).
pub struct Number {
    pub end: usize,
    pub fraction: Option<usize>,
    pub exponent: Option<usize>,
}

/// A number by JSON's grammar.
pub fn number(input: &[u8], at: usize) -> Result<Number> {
    let digits = |mut at: usize| {
        let start = at;
        while let Some(b'0'..=b'9') = input.get(at) {
            at += 1;
        }
        if at == start {
            Err(Declined::Malformed("no number"))
        } else {
            Ok(at)
        }
    };
    let start = at + usize::from(input.get(at) == Some(&b'-'));
    let mut end = digits(start)?;
    if input.get(start) == Some(&b'0') && end > start + 1 {
        return Err(Declined::Value("a number with a zero in front"));
    }
    let mut fraction = None;
    if input.get(end) == Some(&b'.') {
        fraction = Some(end + 1);
        end = digits(end + 1)?;
    }
    let mut exponent = None;
    if let Some(b'e' | b'E') = input.get(end) {
        exponent = Some(end);
        let sign = usize::from(matches!(input.get(end + 1), Some(b'+' | b'-')));
        end = digits(end + 1 + sign)?;
    }
    Ok(Number { end, fraction, exponent })
}

/// A double, and where it ends.
pub fn double(input: &[u8], at: usize) -> Result<(f64, usize)> {
    let found = number(input, at)?;
    let text = input.get(at..found.end).unwrap_or(&[]);
    let mantissa = input.get(at..found.exponent.unwrap_or(found.end)).unwrap_or(&[]);
    let digits = mantissa.iter().filter(|byte| byte.is_ascii_digit()).count();
    let whole = found.fraction.is_none() && found.exponent.is_none();
    if digits > SURE_DIGITS || (whole && text == b"-0") {
        return Err(Declined::Value("a number of that many digits, or minus zero"));
    }
    let value: Option<f64> = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    match value {
        Some(value) if value.is_finite() => Ok((value, found.end)),
        _ => Err(Declined::Value("a number beyond a double")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        for value in [0, 7, -7, 12345678, 123456789, -1234567890123456, i64::MAX, i64::MIN, 9_999_999_999_999_999] {
            for behind in ["}", ",\"abcdefghijklmnopqrstuvwxyz\"", ""] {
                let input = format!("x{value}{behind}");
                assert_eq!(int(input.as_bytes(), 1), Ok((value, input.len() - behind.len())), "{input}");
            }
        }
        for wrong in
            ["", "-", "a", "00", "01", "-0", "-01", "1.0", "1e3", "9223372036854775808", "18446744073709551616"]
        {
            assert!(int(wrong.as_bytes(), 0).is_err(), "{wrong}");
        }
        assert!(int(b"-9223372036854775809,                ", 0).is_err());
    }

    #[test]
    fn doubles() {
        assert_eq!(double(b"1.5e3,", 0), Ok((1500.0, 5)));
        assert_eq!(double(b"-0.0", 0).map(|(value, _)| value.is_sign_negative()), Ok(true));
        assert_eq!(double(b"12]", 0), Ok((12.0, 2)));
        for wrong in ["", "-", "-0", "01.5", "1.", ".5", "1e", "1e400", "1.00000000000000000001", "NaN"] {
            assert!(double(wrong.as_bytes(), 0).is_err(), "{wrong}");
        }
    }
}
