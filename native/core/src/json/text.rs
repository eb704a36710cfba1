//! Text in JSON with Jackson's escapes: control characters as `\u001F`, characters beyond U+FFFF as a pair of surrogates.

use super::room::{byte, eight};

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Whether any byte is written otherwise than as it is.
#[inline]
pub fn needs_escapes(text: &[u8]) -> bool {
    // Without an early end for each chunk, so that the compiler may use wide instructions.
    text.chunks(256).any(|chunk| chunk.iter().fold(false, |found, &byte| found | is_special(byte)))
}

#[inline(always)]
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte >= 0xf0
}

/// For eight bytes, the first in the lowest: a bit for special ones, right up to the first of them (a borrow may set others behind it).
#[inline(always)]
fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let below = |word: u64, limit: u64| word.wrapping_sub(limit * ONES) & !word;
    let quotes = below(word ^ (0x22 * ONES), 1) | below(word ^ (0x5c * ONES), 1);
    (below(word, 0x20) | quotes | (word & word << 1 & word << 2 & word << 3)) & HIGH
}

/// The text with quotes around it.
pub fn quoted(room: &mut [u8], at: usize, text: &[u8]) -> Option<usize> {
    let at = byte(room, at, b'"')?;
    let at = escaped(room, at, text)?;
    byte(room, at, b'"')
}

/// The text without quotes around it.
fn escaped(room: &mut [u8], mut at: usize, text: &[u8]) -> Option<usize> {
    let mut done = 0;
    while let Some(rest) = text.get(done..).filter(|rest| !rest.is_empty()) {
        let (word, size) = match rest.first_chunk::<8>() {
            Some(chunk) => (*chunk, 8),
            None => {
                // Filled up with what is not special.
                let mut chunk = [b' '; 8];
                rest.iter().zip(&mut chunk).for_each(|(&byte, slot)| *slot = byte);
                (chunk, rest.len())
            }
        };
        let found = special(u64::from_le_bytes(word));
        if found == 0 {
            at = eight(room, at, word, size)?;
            done += size;
            continue;
        }
        let plain = (found.trailing_zeros() / 8) as usize;
        at = eight(room, at, word, plain)?;
        done += plain + 1;
        let short = |letter: u8| [b'\\', letter, 0, 0, 0, 0, 0, 0];
        at = match rest.get(plain).copied().unwrap_or_default() {
            byte @ (b'"' | b'\\') => eight(room, at, short(byte), 2)?,
            8 => eight(room, at, short(b'b'), 2)?,
            9 => eight(room, at, short(b't'), 2)?,
            10 => eight(room, at, short(b'n'), 2)?,
            12 => eight(room, at, short(b'f'), 2)?,
            13 => eight(room, at, short(b'r'), 2)?,
            byte @ 0..=0x1f => unit(room, at, u32::from(byte))?,
            byte => {
                // The first of the four bytes of a character beyond U+FFFF.
                let tail = text.get(done..done + 3).unwrap_or(&[]);
                let code = tail.iter().fold(u32::from(byte & 7), |code, next| code << 6 | u32::from(next & 0x3f));
                let code = code.wrapping_sub(0x10000);
                done += 3;
                let at = unit(room, at, 0xd800 + (code >> 10 & 0x3ff))?;
                unit(room, at, 0xdc00 + (code & 0x3ff))?
            }
        };
    }
    Some(at)
}

/// `\uXXXX`
fn unit(room: &mut [u8], at: usize, code: u32) -> Option<usize> {
    let digit = |shift: u32| HEX[(code >> shift & 15) as usize];
    eight(room, at, [b'\\', b'u', digit(12), digit(8), digit(4), digit(0), 0, 0], 6)
}

#[cfg(test)]
mod tests {
    use super::super::room::written;
    use super::*;

    #[test]
    fn escapes() {
        let text = "a\"\\\u{8}\t\n\u{c}\r\u{1f}\u{0}\u{7f}é€😀";
        let made = written(|room| Ok::<_, ()>(quoted(room, 0, text.as_bytes()))).unwrap();
        assert_eq!(std::str::from_utf8(&made), Ok("\"a\\\"\\\\\\b\\t\\n\\f\\r\\u001F\\u0000\u{7f}é€\\uD83D\\uDE00\""));
    }
}
