//! Reading JSON's tokens, only in the forms that mean the same to everybody; the rest is declined.
//!
//! Declined are numbers with zeros in front, minus zero, lone surrogates, control characters in text: one reader takes them, another does
//! not, and the twin knows which.

use super::room::{eight, grow, part, slice};
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

/// A text whose opening quote was at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// Its closing quote is here; everything between is as it is.
    Plain(usize),
    /// Up to here it is as it is; then there is a backslash, or so few bytes are left that nothing was decided. It is known whether there was
    /// anything but ASCII.
    Open(usize, bool),
}

/// A bit for each control character, quote and backslash, right up to the first of them.
#[inline(always)]
fn marks(word: u64) -> u64 {
    let below = |word: u64, limit: u64| word.wrapping_sub(limit * ONES) & !word;
    (below(word, 0x20) | below(word ^ (0x22 * ONES), 1) | below(word ^ (0x5c * ONES), 1)) & HIGH
}

/// The text whose inside begins at `start`.
#[inline(always)]
fn scan(input: &[u8], start: usize) -> Text {
    let mut end = start;
    let mut wide = 0u64;
    while let Some(word) = word_at(input, end) {
        let found = marks(word);
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
            return Text::Plain(end);
        }
        break;
    }
    Text::Open(end, wide & HIGH != 0)
}

/// What a text between quotes says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Just what is from here to there.
    Plain(usize, usize),
    /// Something else: it was written into the room.
    Resolved,
}

/// Bytes that are written to piece by piece: `used` of them are, the rest is initialised, too, and does not count.
#[derive(Debug, Default, Clone)]
pub struct Room {
    pub bytes: Vec<u8>,
    pub used: usize,
}

impl Room {
    /// `from[start..end]`.
    #[inline(always)]
    pub fn part(&mut self, from: &[u8], start: usize, end: usize) {
        match part(&mut self.bytes, self.used, from, start, end) {
            Some(used) => self.used = used,
            None => self.slice(from.get(start..end).unwrap_or(&[])),
        }
    }

    /// Pieces of any size, where the room may be too small.
    #[cold]
    pub fn slice(&mut self, piece: &[u8]) {
        while self.bytes.len() - self.used < piece.len() {
            grow(&mut self.bytes);
        }
        self.used = slice(&mut self.bytes, self.used, piece).unwrap_or(self.used);
    }

    #[inline(always)]
    fn eight(&mut self, bytes: [u8; 8], count: usize) {
        loop {
            if let Some(used) = eight(&mut self.bytes, self.used, bytes, count) {
                self.used = used;
                return;
            }
            grow(&mut self.bytes);
        }
    }

    /// What was written.
    pub fn written(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or(&[])
    }
}

/// The text at `at`, and where it ends, behind its closing quote. One with escapes is written into what `room` answers.
#[inline(always)]
pub fn text<'a>(input: &[u8], at: usize, room: impl FnOnce() -> Result<&'a mut Room>) -> Result<(Said, usize)> {
    if byte(input, at)? != b'"' {
        return Err(Declined::Value("no text where one is expected"));
    }
    match scan(input, at + 1) {
        Text::Plain(end) => Ok((Said::Plain(at + 1, end), end + 1)),
        Text::Open(end, wide) => other_text(input, at + 1, end, wide, room),
    }
}

/// A text without escapes at `at`, and where it ends, behind its closing quote.
pub fn plain_text(input: &[u8], at: usize) -> Result<(&[u8], usize)> {
    match text(input, at, || Err(Declined::Value("escapes")))? {
        (Said::Plain(start, end), behind) => Ok((input.get(start..end).unwrap_or(&[]), behind)),
        (Said::Resolved, _) => Err(Declined::Value("escapes")),
    }
}

/// A text of which `scan` says no more than that.
#[inline(never)]
fn other_text<'a>(
    input: &[u8],
    start: usize,
    mut at: usize,
    mut wide: bool,
    room: impl FnOnce() -> Result<&'a mut Room>,
) -> Result<(Said, usize)> {
    loop {
        match byte(input, at)? {
            b'"' => {
                checked(input.get(start..at).unwrap_or(&[]), wide)?;
                return Ok((Said::Plain(start, at), at + 1));
            }
            b'\\' => break,
            0..=0x1f => return Err(CONTROL),
            byte => {
                wide |= byte >= 0x80;
                at += 1;
            }
        }
    }
    let room = room()?;
    let before = room.used;
    room.part(input, start, at);
    let (end, more) = resolve(input, at, room)?;
    checked(room.bytes.get(before..room.used).unwrap_or(&[]), wide | more)?;
    Ok((Said::Resolved, end))
}

const CONTROL: Declined = Declined::Value("a control character in a text");

/// What stands around escapes is checked with what they stand for: that is whole characters, which complete no other.
fn checked(text: &[u8], wide: bool) -> Result<()> {
    if wide && std::str::from_utf8(text).is_err() {
        return Err(Declined::Malformed("a text that is no UTF-8"));
    }
    Ok(())
}

/// Writes the rest of a text from `at` on, escapes resolved. Answers where it ends, behind its closing quote, and whether there was
/// anything but ASCII between the escapes.
fn resolve(input: &[u8], mut at: usize, room: &mut Room) -> Result<(usize, bool)> {
    let mut wide = 0u64;
    loop {
        if let Some(word) = word_at(input, at) {
            let found = marks(word);
            let count = if found == 0 { 8 } else { (found.trailing_zeros() / 8) as usize };
            wide |= if found == 0 { word } else { word & ((1 << (8 * count)) - 1) };
            room.eight(word.to_le_bytes(), count);
            at += count;
            if found == 0 {
                continue;
            }
        }
        match byte(input, at)? {
            b'"' => return Ok((at + 1, wide & HIGH != 0)),
            b'\\' => at = escape(input, at, room)?,
            0..=0x1f => return Err(CONTROL),
            byte => {
                wide |= u64::from(byte);
                room.eight([byte; 8], 1);
                at += 1;
            }
        }
    }
}

/// Writes what the escape at `at` stands for; answers where it ends.
#[inline]
fn escape(input: &[u8], at: usize, room: &mut Room) -> Result<usize> {
    let letter = byte(input, at + 1)?;
    let byte = match letter {
        b'"' | b'\\' | b'/' => letter,
        b'b' => 8,
        b't' => 9,
        b'n' => 10,
        b'f' => 12,
        b'r' => 13,
        b'u' => return unicode(input, at, room),
        _ => return Err(Declined::Malformed("an unknown escape")),
    };
    room.eight([byte; 8], 1);
    Ok(at + 2)
}

fn unicode(input: &[u8], at: usize, room: &mut Room) -> Result<usize> {
    let mut code = unit(input, at + 2)?;
    let mut end = at + 6;
    if (0xd800..0xdc00).contains(&code) && word(input, end, b"\\u").is_some() {
        let low = unit(input, end + 2)?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(HALF);
        }
        code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
        end += 6;
    }
    let letter = char::from_u32(code).ok_or(HALF)?;
    let mut bytes = [0; 8];
    let count = letter.encode_utf8(&mut bytes).len();
    room.eight(bytes, count);
    Ok(end)
}

const HALF: Declined = Declined::Value("a surrogate without its other half");

/// Four hexadecimal digits.
fn unit(input: &[u8], at: usize) -> Result<u32> {
    let digits = input.get(at..at + 4).ok_or(CUT)?;
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

    fn read(input: &[u8]) -> Result<(String, bool, usize)> {
        let mut room = Room::default();
        room.slice(b"before");
        let (said, end) = text(input, 0, || Ok(&mut room))?;
        Ok(match said {
            Said::Plain(start, stop) => (String::from_utf8(input[start..stop].to_vec()).unwrap(), true, end),
            Said::Resolved => (String::from_utf8(room.written()[6..].to_vec()).unwrap(), false, end),
        })
    }

    #[test]
    fn texts() {
        for inside in ["", "a", "abcdefg", "abcdefgh", "abcdefghi jklmnop qrst", "é", "aaaaaaaaé", "€ 1234567890"] {
            for behind in ["", "x", ",\"a\\\"bcdefghijkl\""] {
                let input = format!("\"{inside}\"{behind}");
                assert_eq!(read(input.as_bytes()), Ok((inside.to_string(), true, inside.len() + 2)), "{input}");
            }
        }
        for wrong in [&b"\"abc"[..], b"abc", b"\"a\nb\"", b"\"a\xffb\"", b"\"abcdefgh\xc0\x80\"        ", b"\"a\\", b""]
        {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn escapes() {
        for (json, said) in [
            (r#"a\"\\\/\b\f\n\r\té\u00e9\u00E9\uD83D\uDE00x"#, "a\"\\/\u{8}\u{c}\n\r\tééé😀x"),
            (r#"[\"12345678\",\"é1234567\"]"#, r#"["12345678","é1234567"]"#),
            (r"\\", "\\"),
            (r"aaaaaaaaaaaaaaaaa\u0000", "aaaaaaaaaaaaaaaaa\0"),
        ] {
            for behind in ["", ",          "] {
                let input = format!("\"{json}\"{behind}");
                assert_eq!(read(input.as_bytes()), Ok((said.to_string(), false, json.len() + 2)), "{input}");
            }
        }
        for wrong in
            [r"\x", r"\u12", r"\uD83D", r"\uDE00", r"\uD83Dx", r"\uD83DA", r"\u+123", "\\", "\\n\n", "\\n\n aaaaaaaaaa"]
        {
            assert!(read(format!("\"{wrong}\"").as_bytes()).is_err(), "{wrong}");
        }
        assert!(read(b"\"\\n\xff aaaaaaaaaaaaaaa\"").is_err());
        assert!(read(b"\"\\naaaaaaaaaaaaaaa\xff\"").is_err());
        assert!(read(b"\"\\naaaaaaaaaaaaaaa").is_err());
    }
}
