//! Reading JSON's texts: a word at a time up to the first quote, backslash or control character.

use super::read::{byte, word, word_at, CUT, HIGH, ONES};
use super::room::{eight, grow, part, slice};
use crate::error::{Declined, Result};

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
