//! Reading JSON's tokens, only in the forms that mean the same to everybody; the rest is declined.
//!
//! Declined are numbers with zeros in front, minus zero, lone surrogates, control characters in text: one reader takes them, another does
//! not, and the twin knows which.

use crate::error::{Declined, Result};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;
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

#[inline(always)]
fn word_at(input: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*input.get(at..)?.first_chunk::<8>()?))
}

/// The value of eight digits (the first in the lowest byte), None if one is none.
#[inline(always)]
fn eight_digits(word: u64) -> Option<u64> {
    let digits = word.wrapping_sub(0x30 * ONES);
    if ((word.wrapping_add(0x46 * ONES)) | digits) & HIGH != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff)
}

/// An integer of 64 bits at `at`, and where it ends.
#[inline(always)]
pub fn int(input: &[u8], at: usize) -> Result<(i64, usize)> {
    let negative = byte(input, at)? == b'-';
    let start = at + usize::from(negative);
    let mut end = start;
    let mut value = 0u64;
    // Up to 19 digits stay below 2^64.
    while let Some(eight) = word_at(input, end).and_then(eight_digits).filter(|_| end < start + 16) {
        value = value * 100_000_000 + eight;
        end += 8;
    }
    while let Some(digit @ b'0'..=b'9') = input.get(end) {
        if end >= start + 19 {
            return Err(Declined::Value("an integer of more than 64 bits"));
        }
        value = value * 10 + u64::from(digit - b'0');
        end += 1;
    }
    if end == start || matches!(input.get(end), Some(b'.' | b'e' | b'E')) {
        return Err(Declined::Value("a number that is no integer"));
    }
    if input.get(start) == Some(&b'0') && (negative || end > start + 1) {
        return Err(Declined::Value("an integer with a zero in front, or minus zero"));
    }
    if negative {
        // Minus 2^63 is in range, plus 2^63 is not.
        let value = 0i64.checked_sub_unsigned(value).ok_or(Declined::Value("an integer of more than 64 bits"))?;
        return Ok((value, end));
    }
    let value = i64::try_from(value).map_err(|_| Declined::Value("an integer of more than 64 bits"))?;
    Ok((value, end))
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

/// A text's inside: from behind the quote to the next quote.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    pub start: usize,
    pub end: usize,
    /// Whether there is a backslash in it.
    pub escaped: bool,
}

/// The text whose opening quote is at `at`; its closing quote is at the `end` of the result. It is valid UTF-8, escapes apart.
#[inline(always)]
pub fn text(input: &[u8], at: usize) -> Result<Text> {
    if byte(input, at)? != b'"' {
        return Err(Declined::Value("no text where one is expected"));
    }
    let start = at + 1;
    let mut end = start;
    let mut wide = 0u64;
    while let Some(word) = word_at(input, end) {
        let below = |word: u64, limit: u64| word.wrapping_sub(limit * ONES) & !word;
        let found = (below(word, 0x20) | below(word ^ (0x22 * ONES), 1) | below(word ^ (0x5c * ONES), 1)) & HIGH;
        if found == 0 {
            wide |= word;
            end += 8;
            continue;
        }
        let zeros = found.trailing_zeros();
        // The bytes before the one that was found; that one is ASCII itself.
        wide |= word & ((1u64 << (zeros - 7)) - 1);
        end += (zeros / 8) as usize;
        if input.get(end) == Some(&b'"') && wide & HIGH == 0 {
            return Ok(Text { start, end, escaped: false });
        }
        break;
    }
    other_text(input, start, end)
}

/// A text that is not just ASCII without escapes, or near the end: `at` is where nothing is decided yet.
#[inline(never)]
fn other_text(input: &[u8], start: usize, mut at: usize) -> Result<Text> {
    let mut escaped = false;
    loop {
        match byte(input, at)? {
            b'"' => break,
            b'\\' => {
                escaped = true;
                at += 2;
            }
            0..=0x1f => return Err(Declined::Value("a control character in a text")),
            _ => at += 1,
        }
    }
    if std::str::from_utf8(input.get(start..at).unwrap_or(&[])).is_err() {
        return Err(Declined::Malformed("a text that is no UTF-8"));
    }
    Ok(Text { start, end: at, escaped })
}

/// Appends the text with its escapes resolved.
pub fn unescape(text: &[u8], into: &mut Vec<u8>) -> Result<()> {
    let mut rest = text;
    while let Some(place) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(place);
        into.extend_from_slice(plain);
        let letter = byte(escape, 1)?;
        let mut used = 2;
        match letter {
            b'"' | b'\\' | b'/' => into.push(letter),
            b'b' => into.push(8),
            b't' => into.push(9),
            b'n' => into.push(10),
            b'f' => into.push(12),
            b'r' => into.push(13),
            b'u' => {
                let mut code = unit(escape, 2)?;
                used = 6;
                if (0xd800..0xdc00).contains(&code) && escape.get(6..8) == Some(b"\\u") {
                    let low = unit(escape, 8)?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(Declined::Value("a surrogate without its other half"));
                    }
                    code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
                    used = 12;
                }
                let letter = char::from_u32(code).ok_or(Declined::Value("a surrogate without its other half"))?;
                into.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => return Err(Declined::Malformed("an unknown escape")),
        }
        rest = escape.get(used..).unwrap_or(&[]);
    }
    into.extend_from_slice(rest);
    Ok(())
}

/// Four hexadecimal digits.
fn unit(text: &[u8], at: usize) -> Result<u32> {
    let digits = text.get(at..at + 4).ok_or(CUT)?;
    digits.iter().try_fold(0, |code, &digit| {
        let value = (digit as char).to_digit(16).ok_or(Declined::Malformed("an unknown escape"))?;
        Ok(code << 4 | value)
    })
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

    #[test]
    fn texts() {
        for inside in ["", "a", "abcdefg", "abcdefgh", "abcdefghi jklmnop qrst", "é", "aaaaaaaaé", "€ 1234567890"] {
            for behind in ["", "x", ",\"a\\\"bcdefghijkl\""] {
                let input = format!("\"{inside}\"{behind}");
                let found = text(input.as_bytes(), 0).unwrap();
                assert_eq!((found.start, found.end, found.escaped), (1, 1 + inside.len(), false), "{input}");
            }
        }
        let found = text(b"\"a\\\"b\\\\\"", 0).unwrap();
        assert_eq!((found.end, found.escaped), (7, true));
        for wrong in [&b"\"abc"[..], b"abc", b"\"a\nb\"", b"\"a\xffb\"", b"\"abcdefgh\xc0\x80\"        ", b"\"a\\", b""]
        {
            assert!(text(wrong, 0).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn escapes() {
        let read = |text: &str| {
            let mut into = Vec::new();
            unescape(text.as_bytes(), &mut into).map(|()| String::from_utf8(into).unwrap())
        };
        assert_eq!(
            read(r#"a\"\\\/\b\f\n\r\té\u00e9\u00E9\uD83D\uDE00x"#).as_deref(),
            Ok("a\"\\/\u{8}\u{c}\n\r\tééé😀x")
        );
        for wrong in [r"\x", r"\u12", r"\uD83D", r"\uDE00", r"\uD83Dx", r"\uD83DA", r"\u+123", "\\"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
