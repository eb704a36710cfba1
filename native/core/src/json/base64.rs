//! Base64 (RFC 4648, with padding).

use super::room::eight;
use crate::error::{Declined, Result};

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[inline(always)]
fn letter(bits: u32, shift: u32) -> u8 {
    LETTERS[(bits >> shift & 63) as usize]
}

/// The letters of `bytes`, between quotes.
pub fn quoted(room: &mut [u8], at: usize, bytes: &[u8]) -> Option<usize> {
    let mut at = eight(room, at, [b'"'; 8], 1)?;
    let mut groups = bytes.chunks_exact(3);
    for group in &mut groups {
        if let [a, b, c] = *group {
            let bits = u32::from(a) << 16 | u32::from(b) << 8 | u32::from(c);
            let letters = [letter(bits, 18), letter(bits, 12), letter(bits, 6), letter(bits, 0), b'"', 0, 0, 0];
            at = eight(room, at, letters, 4)?;
        }
    }
    let rest = match *groups.remainder() {
        [a] => {
            let bits = u32::from(a) << 16;
            [letter(bits, 18), letter(bits, 12), b'=', b'=', b'"', 0, 0, 0]
        }
        [a, b] => {
            let bits = u32::from(a) << 16 | u32::from(b) << 8;
            [letter(bits, 18), letter(bits, 12), letter(bits, 6), b'=', b'"', 0, 0, 0]
        }
        _ => return eight(room, at, [b'"'; 8], 1),
    };
    eight(room, at, rest, 5)
}

/// What a byte stands for: below 64 for a letter, else 0xff.
const VALUES: [u8; 256] = {
    let mut values = [0xff; 256];
    let mut at = 0;
    while at < 64 {
        values[LETTERS[at] as usize] = at as u8;
        at += 1;
    }
    values
};

/// Appends the bytes of a text in the one form that a writer gives: whole groups, padded, no bits left over.
pub fn decode(text: &[u8], into: &mut Vec<u8>) -> Result<()> {
    const WRONG: Declined = Declined::Value("base64 in another form than writers give");
    if text.len() % 4 != 0 {
        return Err(WRONG);
    }
    let value = |letter: u8| u32::from(VALUES[usize::from(letter)]);
    into.reserve(text.len() / 4 * 3);
    for (place, group) in text.chunks_exact(4).enumerate() {
        let &[a, b, c, d] = group else { return Err(WRONG) };
        let bits = value(a) << 18 | value(b) << 12 | value(c) << 6 | value(d);
        if value(a) | value(b) | value(c) | value(d) < 64 {
            into.extend_from_slice(&[(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
            continue;
        }
        let last = 4 * (place + 1) == text.len();
        if !last || d != b'=' || value(a) | value(b) > 63 {
            return Err(WRONG);
        }
        let high = value(a) << 18 | value(b) << 12;
        if c == b'=' {
            if high & 0xffff != 0 {
                return Err(WRONG);
            }
            into.push((high >> 16) as u8);
        } else {
            let bits = high | value(c) << 6;
            if value(c) > 63 || bits & 0xff != 0 {
                return Err(WRONG);
            }
            into.extend_from_slice(&[(bits >> 16) as u8, (bits >> 8) as u8]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::room::written;
    use super::*;

    #[test]
    fn lengths() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            let made = written(|room| Ok::<_, ()>(quoted(room, 0, bytes.as_bytes()))).unwrap();
            assert_eq!(made, format!("\"{text}\"").as_bytes());
            let mut read = Vec::new();
            assert_eq!((decode(text.as_bytes(), &mut read), read), (Ok(()), bytes.as_bytes().to_vec()));
        }
    }

    #[test]
    fn other_forms() {
        for text in ["Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9", "Zm9\n", "Zm9v ", "Zg=v", "Zm-_"]
        {
            assert!(decode(text.as_bytes(), &mut Vec::new()).is_err(), "{text}");
        }
    }
}
