//! Base64 (RFC 4648, with padding).

use super::room::eight;

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

#[cfg(test)]
mod tests {
    use super::super::room::written;
    use super::*;

    #[test]
    fn lengths() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            let made = written(|room| Ok::<_, ()>(quoted(room, 0, bytes.as_bytes()))).unwrap();
            assert_eq!(made, format!("\"{text}\"").as_bytes());
        }
    }
}
